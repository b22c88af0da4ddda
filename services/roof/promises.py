"""``kizashi slo``: promises as code, and where they stand. What is written goes through the configuration log, signed, as the API does."""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from kizashi.contracts.written import Written
from kizashi.errors import NotFound, Refused
from services import wiring
from services.roof.ask import select
from services.roof.output import as_json, out, table

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Objectives, ticket promises and limits: as code, and where they stand.")
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
File = Annotated[str, typer.Argument(metavar="FILE|-", help="YAML with objectives, calendars, promises, limits; - reads standard input.")]
Row = dict[str, Any]


@app.callback()
def slo() -> None:
    """Objectives, ticket promises, calendars and capacity limits."""


@app.command()
def apply(
    file: File,
    prune: Annotated[bool, typer.Option("--prune", help="Delete what the file does not have, of the kinds that it has.")] = False,
    as_document: Json = False,
) -> None:
    """Bring the promises in force to what the file says. A file with a mistake changes nothing.

    Example:  kizashi slo apply promises.yaml
    """
    _say(asyncio.run(_bring(file, prune, write=True)), as_document)


@app.command()
def diff(file: File, prune: Annotated[bool, typer.Option("--prune", help="As apply --prune.")] = False, as_document: Json = False) -> None:
    """What ``apply`` would change.

    Example:  kizashi slo diff promises.yaml
    """
    _say(asyncio.run(_bring(file, prune, write=False)), as_document)


@app.command("list")
def list_(as_document: Json = False) -> None:
    """Every objective: budget left, burn rates, and the probability that the budget does not last.

    Example:  kizashi slo list
    """
    rows = select(
        """SELECT title, entity, round(good, 5) AS good, round(budget_left, 3) AS budget_left, round(probability, 3) AS p_missed, eta,
           round(burn_1h, 2) AS burn_1h, round(burn_6h, 2) AS burn_6h, firing, time FROM v_slo WHERE tenant = {tenant:String}
           ORDER BY firing DESC, v_slo.probability DESC""",
        parameters={"tenant": wiring.load().tenant},
    )
    _show(rows, as_document, "no objective has been counted yet: kizashi slo apply FILE")


@app.command()
def show(id: Annotated[str, typer.Argument(help="Id of the objective, as in the file.")], as_document: Json = False) -> None:
    """One objective in full: as configured, and where it stands.

    Example:  kizashi slo show checkout-fast
    """
    from kizashi.contracts.ids import finding_id

    tenant = wiring.load().tenant
    configured = asyncio.run(_configured("slo", id))
    rows = select(
        "SELECT * EXCEPT (tenant, version, body, series_id), body AS whole FROM v_risk WHERE tenant = {tenant:String} AND id = {id:String}",
        parameters={"tenant": tenant, "id": finding_id("slo", tenant, id)},
    )
    if configured is None and not rows:
        raise NotFound(f"there is no objective {id!r}: kizashi slo list")
    standing = rows[0] if rows else {}
    if as_document:
        as_json({"id": id, "configured": configured, "standing": standing})
        return
    pairs = [*(configured or {}).items(), *((k, v) for k, v in standing.items() if k not in ("whole", "kind", "id"))]
    table([{"field": k, "value": v} for k, v in pairs])


async def _bring(file: str, prune: bool, write: bool) -> list[Row]:
    """What changed, or would: rows of (kind, id, what, version)."""
    from services.forecast.as_code import read_promises

    return await bring(read_promises(text_of(file), file, wiring.load().tenant), prune, write)


async def bring(wanted: Sequence[Written], prune: bool, write: bool) -> list[Row]:
    """Bring configuration objects to what a file says: rows of (kind, id, what changed or would, version)."""
    settings = wiring.load()

    async def compare(fold: Any, put: Callable[..., Any]) -> list[Row]:
        rows, tenant = [], settings.tenant
        for w in wanted:
            old = fold.state.get(w.kind, w.id, tenant)
            known = fold.state.versions(w.kind, w.id, tenant)
            what = "made" if old is None else "unchanged" if old.body == w.body else "changed"
            version = known[-1].version if known else 0
            if write and what != "unchanged":
                version = await put(w.kind, w.id, version, w.body)
            rows.append({"kind": w.kind, "id": w.id, "what": what, "version": version})
        kept = {(w.kind, w.id) for w in wanted}
        for kind in dict.fromkeys(w.kind for w in reversed(wanted)) if prune else ():
            for o in fold.state.living(kind, tenant):
                if (kind, o.id) not in kept:
                    version = await put(kind, o.id, o.version, None) if write else o.version
                    rows.append({"kind": kind, "id": o.id, "what": "deleted", "version": version})
        return rows

    return await with_fold(compare)


async def _configured(kind: str, id_: str) -> Row | None:
    async def look(fold: Any, _put: object) -> list[Row]:
        found = fold.state.get(kind, id_, wiring.load().tenant)
        return [dict(found.body)] if found is not None else []

    found = await with_fold(look)
    return found[0] if found else None


async def with_fold(work: Callable[[Any, Callable[..., Any]], Any]) -> list[Row]:
    """Run ``work`` with the folded configuration and a way to change it."""
    from kizashi.contracts.findings import ConfigChange
    from kizashi.stream.config import ConfigFold, ConfigWriter, load_signing_key
    from kizashi.stream.loop_producer import LoopProducer

    settings = wiring.load()
    fold = ConfigFold(settings.kafka, load_signing_key(settings.signing_key_path))
    async with LoopProducer(settings.kafka) as producer:
        await fold.start()
        writer = ConfigWriter(fold, producer.send)

        async def put(kind: str, id_: str, based_on: int, body: Row | None) -> int:
            author, now_ms = f"cli:{getpass.getuser()}", time.time_ns() // 1_000_000
            return await writer.write(ConfigChange(kind, id_, based_on, body, author, now_ms, "", settings.tenant))

        try:
            rows: list[Row] = await work(fold, put)
            return rows
        finally:
            await fold.stop()


def text_of(file: str) -> str:
    """A file's text, or standard input's. Raises Refused."""
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as x:
        raise Refused(f"{file} cannot be read: {x}") from x


def _say(rows: list[Row], as_document: bool) -> None:
    _show(rows, as_document, "the file holds nothing")


def _show(rows: list[Row], as_document: bool, nothing: str) -> None:
    if as_document:
        as_json(rows)
    else:
        table(rows) if rows else out.print(nothing)
