"""``kizashi queries``: what is slow and who asked, how the engine runs it, and advice that was measured."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services import wiring
from services.roof import scheduled
from services.roof.house_api import house_api, said
from services.roof.output import as_json, err, out, table

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Slow queries, plans, measured advice, and queries on a schedule.")
app.add_typer(scheduled.app, name="scheduled")
Sql = Annotated[str, typer.Argument(help="One SELECT over the store's views and tables.")]
Url = Annotated[str, typer.Option(envvar="KIZASHI_URL", help="Gateway of a house elsewhere.")]
Key = Annotated[str, typer.Option(envvar="KIZASHI_KEY", help="API key with the scopes read and admin.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
PLACE = "/api/v1/queries"
SCOPES = ["read", "admin"]
LONGEST_SHOWN = 90


@app.command()
def slow(
    minutes: Annotated[int, typer.Option(min=1, max=4_320, help="How far back.")] = 60,
    above_ms: Annotated[float, typer.Option("--above-ms", min=0.0, help="Leave out what is faster.")] = 0.0,
    url: Url = "",
    key: Key = "",
    as_document: Json = False,
) -> None:
    """Queries by the time they took together, with who asked.

    Example:  kizashi queries slow --minutes 60
    """
    with house_api(wiring.load(), SCOPES, url, key) as client:
        items = said(client.get(f"{PLACE}/slow", params={"minutes": minutes, "slowest_ms": above_ms}))["items"]
    if as_document:
        as_json(items)
        return
    names = ("times", "p50_ms", "p95_ms", "max_ms", "read_rows", "asked_by")
    table(
        [
            {n: i[n] for n in names} | {"people": ", ".join(i["people"]), "query": " ".join(str(i["query"]).split())[:LONGEST_SHOWN]}
            for i in items
        ]
    )


@app.command()
def explain(
    sql: Sql,
    kind: Annotated[str, typer.Option(help="indexes, pipeline or estimate.")] = "indexes",
    url: Url = "",
    key: Key = "",
    as_document: Json = False,
) -> None:
    """How the engine would run a SELECT.

    Example:  kizashi queries explain "SELECT count() FROM v_scores WHERE metric = 'cpu'"
    """
    with house_api(wiring.load(), SCOPES, url, key) as client:
        found = said(client.post(f"{PLACE}/explain", json={"sql": sql, "kind": kind}))
    if as_document or "lines" not in found:
        as_json(found)
        return
    for line in found["lines"]:
        out.print(line, markup=False)


@app.command()
def advise(
    sql: Sql,
    apply: Annotated[bool, typer.Option("--apply", help="Add the candidate that reads least, if one is worth it.")] = False,
    url: Url = "",
    key: Key = "",
    as_document: Json = False,
) -> None:
    """Try indexes and projections on a sample beside the house: rows read and ms, before and after.

    Example:  kizashi queries advise "SELECT count() FROM v_episodes WHERE severity = 'critical'"
    """
    with house_api(wiring.load(), SCOPES, url, key) as client:
        found = said(client.post(f"{PLACE}/advise", json={"sql": sql}))
        best = min(found["advice"], key=lambda c: float(c["after"]["read_rows"]), default=None)
        if apply and best:
            found["applied"] = said(client.post(f"{PLACE}/apply", json={n: best[n] for n in ("table", "kind", "column")}))
    if as_document:
        as_json(found)
        return
    table(
        [
            _line("as it is", found["before"]),
            *(_line(f"{c['table']}: {c['kind']} {c['column']}", c["after"], c) for c in found["candidates"]),
        ]
    )
    if best is None:
        err.print("nothing that was tried helps", style="dim")
    elif apply:
        err.print(f"applied; take it back with: kizashi queries rollback {best['table']} {best['kind']} {best['column']}", style="dim")


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="Table of the candidate.")],
    kind: Annotated[str, typer.Argument(help="minmax, bloom_filter or projection.")],
    column: Annotated[str, typer.Argument(help="Column of the candidate.")],
    url: Url = "",
    key: Key = "",
) -> None:
    """Take back what ``advise --apply`` added.

    Example:  kizashi queries rollback episodes bloom_filter severity
    """
    with house_api(wiring.load(), SCOPES, url, key) as client:
        undone = said(client.post(f"{PLACE}/rollback", json={"table": name, "kind": kind, "column": column}))
    out.print(f"{undone['name']} is taken back")


def _line(what: str, cost: dict[str, Any], candidate: dict[str, Any] | None = None) -> dict[str, object]:
    worth = "" if candidate is None else ("yes" if candidate["worth"] else "no")
    return {"tried": what, "rows read": cost["read_rows"], "ms": cost["elapsed_ms"], "worth it": worth}
