"""``kizashi queries scheduled``: scheduled queries as code, for the tenant of the key."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from kizashi.errors import Conflict
from services import wiring
from services.roof.house_api import house_api, said
from services.roof.output import as_json, out, table
from services.roof.promises import text_of

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Scheduled queries as code, and what their last turn gave.")
File = Annotated[str, typer.Argument(metavar="FILE|-", help="YAML with queries; - reads standard input.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete queries that the file does not have.")]
Url = Annotated[str, typer.Option(envvar="KIZASHI_URL", help="Gateway of a house elsewhere.")]
Key = Annotated[
    str, typer.Option(envvar="KIZASHI_KEY", help="API key with the scopes read, operate and admin; its tenant's queries are meant.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
PLACE = "/api/v1/config/query"
SCOPES = ["read", "operate", "admin"]
Row = dict[str, Any]


@app.command("list")
def list_(url: Url = "", key: Key = "", as_document: Json = False) -> None:
    """Every scheduled query with the outcome of its last turn, and the problem when there was one.

    Example:  kizashi queries scheduled list
    """
    with house_api(wiring.load(), SCOPES, url, key) as client:
        items = said(client.get("/api/v1/queries/scheduled"))["items"]
    if as_document:
        as_json(items)
        return
    names = ("id", "metric", "every_s", "enabled", "outcome", "samples", "problem")
    table([{n: i.get(n, {"every_s": 60, "enabled": True}.get(n, "")) for n in names} for i in items]) if items else out.print(
        "no query is scheduled"
    )


@app.command()
def diff(file: File, prune: Prune = False, url: Url = "", key: Key = "", as_document: Json = False) -> None:
    """What ``apply`` would change.

    Example:  kizashi queries scheduled diff queries.yaml
    """
    _bring(file, prune, False, url, key, as_document)


@app.command()
def apply(file: File, prune: Prune = False, url: Url = "", key: Key = "", as_document: Json = False) -> None:
    """Bring the scheduled queries to what the file says. A file with a mistake changes nothing.

    Example:  kizashi queries scheduled apply queries.yaml
    """
    _bring(file, prune, True, url, key, as_document)


def _bring(file: str, prune: bool, write: bool, url: str, key: str, as_document: bool) -> None:
    from services.gateway.as_code import read_queries
    from services.gateway.query_samples import Reach
    from services.gateway.routes.queries import READABLE

    settings = wiring.load()
    rows: list[Row] = []
    with house_api(settings, SCOPES, url, key) as client:
        tenant = str(said(client.get("/api/v1/me"))["tenant"])
        wanted = read_queries(text_of(file), file, Reach(settings.tenant, READABLE, settings.store.database), tenant)
        standing = {str(item["id"]): item for item in said(client.get(PLACE))["items"]}
        for w in wanted:
            found = standing.get(w.id)
            what = "made" if found is None else "unchanged" if found["body"] == w.body else "changed"
            rows.append({"id": w.id, "what": what})
            if write and what != "unchanged":
                _change(client, "PUT", w.id, found, json.dumps(w.body))
        for id_ in sorted(set(standing) - {w.id for w in wanted}) if prune else ():
            rows.append({"id": id_, "what": "deleted"})
            if write:
                _change(client, "DELETE", id_, standing[id_], None)
    as_json(rows) if as_document else table(rows)


def _change(client: httpx.Client, method: str, id_: str, found: Row | None, body: str | None) -> None:
    headers = {"If-Match": f'"{found["version"]}"'} if found else {}
    answer = client.request(method, f"{PLACE}/{quote(id_, safe='')}", content=body, headers=headers)
    if answer.status_code in (409, 412, 428):
        raise Conflict(f"query {id_!r} was changed meanwhile: look with `kizashi queries scheduled diff`, then apply again")
    said(answer)
