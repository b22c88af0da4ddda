"""Commands about causes: ``kizashi rca``, ``kizashi whatif``, ``kizashi topology``. The arithmetic is the rca service's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from kizashi.clock import SystemClock
from kizashi.contracts import codec
from kizashi.contracts.findings import Edge
from kizashi.contracts.ids import tenant_partition
from kizashi.contracts.inputs import Event
from kizashi.contracts.topics import EVENTS
from kizashi.errors import Refused
from services import wiring
from services.gateway.queries.dependencies import EDGES_AT
from services.roof.ask import select
from services.roof.output import as_json, err, out, table

topology = typer.Typer(no_args_is_help=True, add_completion=False, help="The dependency map.")
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
At = Annotated[str, typer.Option("--at", help="The map as of this time: ISO 8601, epoch seconds, now-6h.")]
BEFORE_MS = 1_800_000
SHORTEST_STEP_MS, STEPS = 10_000, 300
MOST_SERIES = 2_000
MEANS_SQL = """SELECT series_id, any(metric) AS metric, any(labels) AS labels, groupArray(k) AS at, groupArray(mean) AS means FROM
               (SELECT any(series_id) AS series_id, sid, any(metric) AS metric, any(labels) AS labels, avg(value) AS mean,
                       intDiv(toUnixTimestamp64Milli(time) - {start:Int64}, {step:Int64}) AS k
                FROM v_metrics WHERE tenant = {tenant:String}
                AND time >= fromUnixTimestamp64Milli({start:Int64}) AND time < fromUnixTimestamp64Milli({end:Int64}) GROUP BY sid, k)
               GROUP BY series_id ORDER BY series_id LIMIT {limit:UInt32}"""
CHANGE_SQL = """SELECT body FROM v_events WHERE tenant = {tenant:String} AND type IN ('change', 'maintenance')
                AND time > fromUnixTimestamp64Milli({start:Int64}) AND time < fromUnixTimestamp64Milli({end:Int64})"""


def rca(
    start: Annotated[str, typer.Option("--from", help="When it began: ISO 8601, epoch seconds, now-20m.")],
    end: Annotated[str, typer.Option("--to", help="When it ended.")] = "now",
    service: Annotated[str, typer.Option(help="The service that alarmed; only what is within three hops of it is looked at.")] = "",
    as_document: Json = False,
) -> None:
    """What caused a stretch of time: suspects with every term of their score, from the values in the store.

    Example:  kizashi rca --from now-20m --to now-10m --service shop
    """
    from services.rca.ask import Means, around, explain, window_of
    from services.rca.ranking import Alarm

    start_ms, end_ms = _time(start), _time(end)
    if end_ms <= start_ms:
        raise Refused("--to must be later than --from")
    length = end_ms - start_ms
    step = max(SHORTEST_STEP_MS, -(-length // STEPS // 1000) * 1000)
    split = max(BEFORE_MS, 3 * length) // step
    steps = split + -(-length // step)
    first_ms = start_ms - split * step
    rows = _rows(MEANS_SQL, start=first_ms, step=step, end=end_ms, limit=MOST_SERIES)
    if len(rows) == MOST_SERIES and not service:
        err.print(f"only the first {MOST_SERIES:,} series are looked at; --service narrows it down", style="dim")
    edges = _edges(start_ms)
    found = [Means(r["series_id"], r["metric"], r["labels"], r["at"], r["means"]) for r in rows]
    window = window_of(found, steps, split, step / 1000, around(edges, service, start_ms) if service else ())
    changes = [codec.decode(str(r["body"]).encode(), Event) for r in _rows(CHANGE_SQL, start=start_ms - 3_600_000, end=end_ms)]
    answer = explain(window, edges, changes, Alarm(service), start_ms)
    if as_document:
        as_json({"verdict": answer.verdict, "reason": answer.reason, "causes": msgspec.to_builtins(answer.causes[:10])})
        return
    out.print("cause found" if answer.verdict == "cause" else f"inconclusive: {answer.reason}")
    told = [{"entity": c.entity, "score": c.score, "evidence": c.text, "terms": _terms(c.terms)} for c in answer.causes[:10]]
    table(told)


def whatif(
    entity: Annotated[str, typer.Argument(help="The entity that fails.")],
    restart: Annotated[bool, typer.Option("--restart", help="It is only restarted.")] = False,
    at: At = "now",
    as_document: Json = False,
) -> None:
    """Whom a failure of an entity would hit: chance, hops and delay of every transitive caller.

    Example:  kizashi whatif db-1 --restart
    """
    from kizashi.online.whatif import what_if

    at_ms = _time(at)
    found = what_if(_edges(at_ms), entity, "restart" if restart else "fails", at_ms)
    rows = [{"entity": a.entity, "probability": a.probability, "hops": a.hops, "eta_s": a.eta_s, "path": " → ".join(a.path)} for a in found]
    if as_document:
        as_json({"entity": entity, "affected": rows})
    elif rows:
        table(rows)
    else:
        out.print(f"nothing depends on {entity}")


@topology.callback()
def _topology() -> None:
    """The dependency map: declared, traced and learned edges.

    Example:  kizashi topology show --at now-2d
    """


@topology.command()
def apply(file: Annotated[Path, typer.Argument(help="YAML with 'dependencies:', each caller with its callees.")]) -> None:
    """Declare the dependencies of a file; returns when they are acknowledged.

    Example:  kizashi topology apply map.yaml
    """
    from kizashi.stream.producer import Producer, Record
    from services.rca.topology import read_file

    if not file.is_file():
        raise Refused(f"there is no file {file}")
    settings = wiring.load()
    events = read_file(file.read_text(encoding="utf-8"), SystemClock().now_ms(), settings.tenant)
    producer = Producer(settings.kafka, "kizashi-topology")
    place = tenant_partition(settings.tenant, settings.kafka.partitions)
    for event in events:
        producer.send_waiting(Record(EVENTS.name, codec.encode(event), event.entity.encode(), place))
    producer.flush(30.0)
    out.print(f"{sum(len(e.edges) for e in events)} dependencies declared")


@topology.command()
def show(at: At = "now", as_document: Json = False) -> None:
    """Every edge known at a time, its source and its confidence then.

    Example:  kizashi topology show --at 2026-01-13T12:00:00Z
    """
    from kizashi.online.whatif import map_of

    at_ms = _time(at)
    known = map_of(_edges(at_ms), at_ms)
    rows = [
        {"caller": e.caller, "callee": e.callee, "source": e.source, "confidence": round(e.faded(at_ms), 3), "rate": e.rate,
         "hard": e.hard, "directed": e.directed}
        for e in sorted(known.edges.values(), key=lambda e: (e.caller, e.callee, e.source))
    ]  # fmt: skip
    if as_document:
        as_json(rows)
    elif rows:
        table(rows)
    else:
        out.print("no dependencies known at that time")


def _edges(at_ms: int) -> list[Edge]:
    """Edges as they had been told by then."""
    tenant = wiring.load().tenant
    return [
        Edge(tenant, r["caller"], r["callee"], r["source"], r["confidence"], r["first_ms"], r["last_ms"], r["rate"],
             bool(r["hard"]), bool(r["directed"]))
        for r in _rows(EDGES_AT.sql, at=at_ms)
    ]  # fmt: skip


def _rows(sql: str, **values: int) -> list[dict[str, Any]]:
    return select(sql, parameters={"tenant": wiring.load().tenant, **values})


def _terms(terms: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:+.2f}" for name, value in terms.items())


def _time(text: str) -> int:
    from services.gateway.times import BadTime, parse_time

    try:
        return parse_time(text, SystemClock().now_ms())
    except BadTime as x:
        raise Refused(str(x)) from x
