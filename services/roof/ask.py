"""Commands that ask the store and the contracts: ``query``, ``migrate``, ``schema``."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from kizashi.errors import NotFound, Refused
from services import wiring
from services.roof.output import as_json, out, table
from services.roof.token import who

Json = Annotated[bool, typer.Option("--json", help="A JSON array of rows.")]
LIMITS: dict[str, str | int] = {
    "max_execution_time": 30,
    "max_rows_to_read": 1_000_000_000,
    "max_memory_usage": 1 << 30,
    "max_result_rows": 1_000_000,
}
"""What a person's query may cost; ``--seconds`` raises the time."""


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the views (v_scores, v_metrics, v_episodes, …); - reads standard input.")],
    as_document: Json = False,
    seconds: Annotated[int, typer.Option(min=1, max=3_600, help="Give up after this many seconds.")] = 30,
) -> None:
    """Ask the store: one SELECT, nothing else.

    Example:  kizashi query "SELECT time, metric, value, score FROM v_scores WHERE score > 1 ORDER BY time DESC LIMIT 10" --json
    """
    rows = select(sys.stdin.read() if sql == "-" else sql, seconds)
    if as_document:
        as_json(rows)
    else:
        table(rows) if rows else out.print("no rows")


def select(sql: str, seconds: int = 30, parameters: dict[str, str | int | float] | None = None) -> list[dict[str, Any]]:
    """Rows of an admitted SELECT. ``parameters`` are for statements of our own, which are not admitted but written here."""
    from kizashi.store.client import connect
    from kizashi.store.select_gate import admit_select

    settings = wiring.load()
    store = connect(settings.store, asker=who())
    try:
        if parameters is None:
            here = {"d": settings.store.database}
            names = store.query("SELECT name FROM system.tables WHERE database = {d:String}", here)
            sql = admit_select(sql, frozenset(str(row[0]) for row in names.rows), settings.store.database)
        return store.query(sql, parameters, LIMITS | {"max_execution_time": seconds}).dicts()
    finally:
        store.close()


def migrate(as_document: Json = False) -> None:
    """Bring the store's tables and views to the newest version; forward only, safe to repeat.

    Example:  KIZASHI_CLICKHOUSE=http://kizashi@ch:8123/kizashi kizashi migrate
    """
    from kizashi.store.migrate import migrate as apply

    done = apply(wiring.load().store)
    if as_document:
        as_json(done)
    else:
        out.print("\n".join(done) if done else "nothing to do, the tables are at the newest version")


def prepare(
    wait_s: Annotated[float, typer.Option("--wait-s", min=0.0, help="Wait so long for Kafka and ClickHouse to answer.")] = 120.0,
) -> None:
    """Make the topics and tables that services look for; safe to repeat. Containers run it before the services.

    Example:  kizashi prepare
    """
    import asyncio
    import time

    from kizashi.errors import Recoverable
    from services.roof.plan import prepare as make

    settings, deadline = wiring.load(), time.monotonic() + wait_s
    while True:
        try:
            asyncio.run(make(settings, lambda text: out.print(text)))
            break
        except Recoverable as error:
            if time.monotonic() > deadline:
                raise
            out.print(f"waiting: {error}", markup=False)
            time.sleep(2)
    out.print("topics and tables are ready")


def schema(
    name: Annotated[str, typer.Argument(help="A message (Episode, Incident, …); none lists them.")] = "",
    topics: Annotated[bool, typer.Option("--topics", help="The topics instead, as JSON.")] = False,
) -> None:
    """JSON Schema of the messages, made from the contracts.

    Example:  kizashi schema Episode
    """
    if topics:
        from kizashi.contracts.topics import TOPICS

        as_json([{"name": t.name, "key": t.key, "value": t.value, "keeps_ms": t.retention_ms, "compacted": t.compacted} for t in TOPICS])
        return
    found = messages()
    if not name:
        out.print("\n".join(sorted(found)))
        return
    if name not in found:
        raise NotFound(f"there is no message {name!r}; there are {', '.join(sorted(found))}")
    import msgspec

    try:
        sys.stdout.write(json.dumps(msgspec.json.schema(found[name]), indent=1, ensure_ascii=False) + "\n")
    except TypeError as error:
        raise Refused(f"{name} is columnar msgpack and has no JSON Schema: {error}") from error


def messages() -> dict[str, type]:
    """Every message of the contracts by name."""
    import msgspec

    from kizashi.contracts import batches, findings, inputs

    return {
        name: kind
        for module in (batches, findings, inputs)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
    }
