"""The state of a partition as bytes: msgpack of declared structs with a format number. Never pickle."""

from __future__ import annotations

import zlib

import msgspec

from kizashi.contracts.findings import Edge, Incident
from kizashi.contracts.inputs import Event
from kizashi.errors import Damaged
from kizashi.online.dependencies import EdgeState
from services.rca.changes import ChangeLog
from services.rca.grouping import Hit, Rates
from services.rca.impact import Promises
from services.rca.past import PastIncident, PastIncidents
from services.rca.record import Finding, Record
from services.rca.signals import SignalSnapshot, SignalStore
from services.rca.tenant import SeriesName, Tenant

FORMAT = 1


class PastKept(msgspec.Struct):
    """Closed incidents by id, oldest first."""

    incidents: dict[str, PastIncident] = {}


class TenantSnapshot(msgspec.Struct):
    """One tenant."""

    name: str
    now_ms: int
    flushed_ms: int
    faded_ms: int
    learned_ms: int
    edges: list[EdgeState]
    edge_history: list[EdgeState]
    graph_now_ms: int
    hits: list[Hit]
    next_key: int
    forest_now_ms: int
    rates: Rates
    settling: list[tuple[int, int]]
    records: list[Record]
    closed: list[Record]
    findings: list[Finding]
    outbox: list[Incident]
    changes: ChangeLog
    past: PastKept
    series: dict[int, SeriesName]
    done: dict[str, int]
    signals: SignalSnapshot
    out_incidents: list[Incident]
    out_edges: list[Edge]
    out_changes: list[Event]
    promises: Promises = msgspec.field(default_factory=Promises)


class PartitionSnapshot(msgspec.Struct):
    """All tenants of a partition."""

    format: int
    tenants: list[TenantSnapshot]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PartitionSnapshot)


def pack(tenants: dict[str, Tenant]) -> bytes:
    """Bytes of every tenant. In a zlib frame, as the format has it, but not packed: ``kizashi.stream.snapshots`` does that, faster."""
    return zlib.compress(_encoder.encode(PartitionSnapshot(FORMAT, [_keep(t) for t in tenants.values()])), 0)


def unpack(data: bytes) -> dict[str, Tenant]:
    """Tenants of a snapshot; raises Damaged when it is not one of this format."""
    try:
        snapshot = _decoder.decode(zlib.decompress(data))
    except (zlib.error, msgspec.DecodeError, msgspec.ValidationError) as x:
        raise Damaged(f"rca state cannot be read, rebuild it: {x}") from x
    if snapshot.format != FORMAT:
        raise Damaged(f"rca state has format {snapshot.format}, this program reads {FORMAT}")
    return {s.name: _restore(s) for s in snapshot.tenants}


def _keep(t: Tenant) -> TenantSnapshot:
    forest, book = t.book.forest, t.book
    return TenantSnapshot(
        t.name, t.now_ms, t.flushed_ms, t.faded_ms, t.learned_ms, list(t.graph.edges.values()), t.graph.history, t.graph.now_ms,
        list(forest.hits.values()), forest.next_key, forest.now_ms, forest.rates, list(forest.settling),
        list(book.records.values()), list(book.closed.values()), list(book.findings.values()), book.outbox, t.changes,
        PastKept(t.past.incidents), t.series_names, t.done, t.signals.snapshot(), t.out_incidents, t.out_edges, t.out_changes, t.promises,
    )  # fmt: skip


def _restore(s: TenantSnapshot) -> Tenant:
    t = Tenant(s.name)
    t.now_ms, t.flushed_ms, t.faded_ms, t.learned_ms = s.now_ms, s.flushed_ms, s.faded_ms, s.learned_ms
    t.graph.load(s.edges, s.edge_history, s.graph_now_ms)
    t.changes, t.past, t.done = s.changes, PastIncidents(s.past.incidents), s.done
    t.signals = SignalStore.restore(s.signals)
    t.series_names = s.series
    t.promises = s.promises
    for series, name in s.series.items():
        t.index(series, name.entity, name.metric.partition("{")[0])
    forest, book = t.book.forest, t.book
    forest.load(s.hits, s.next_key, s.forest_now_ms, s.rates, s.settling)
    book.changes, book.past = t.changes, t.past
    book.records = {r.group: r for r in s.records}
    book.closed = {r.id: r for r in s.closed}
    book.findings = {f.ref: f for f in s.findings}
    book.outbox = s.outbox
    t.out_incidents, t.out_edges, t.out_changes = s.out_incidents, s.out_edges, s.out_changes
    return t
