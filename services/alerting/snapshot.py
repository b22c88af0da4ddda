"""The state of a partition as bytes: msgpack of declared structs with a format number, compressed.

Configuration is kept as the signed changes that were accepted, and folded again. lz4, since zlib took as long as the encoding itself and
the loop waits meanwhile (3,000 alerts, 3.3 MB: 100 ms against 20).
"""

from __future__ import annotations

import lz4.frame
import msgspec

from kizashi.errors import Damaged
from kizashi.online.dependencies import EdgeSource
from services.alerting.announced import Span
from services.alerting.budget import Ledger, Precision
from services.alerting.dependents import Tie, Word
from services.alerting.grouping import Group
from services.alerting.notification import Notification
from services.alerting.silences import Hidden
from services.alerting.states import Live
from services.alerting.tenant import Tenant
from services.alerting.watch import Cell

FORMAT = 1


class TenantSnapshot(msgspec.Struct):
    """One tenant."""

    name: str
    now_ms: int
    alerts: list[Live]
    current: dict[str, str]
    starts: dict[str, list[int]]
    changed: list[str]
    groups: list[Group]
    in_groups: dict[str, list[str]]
    pending: list[Notification]
    delivered: dict[str, int]
    undelivered: int
    crowded_out: int
    ledgers: dict[str, Ledger]
    precision: dict[str, Precision]
    hidden: dict[str, Hidden]
    parents: dict[str, str]
    versions: dict[str, int]
    judged: dict[str, str]
    names: bytes
    cells: dict[str, dict[int, Cell]]
    watch_ms: tuple[int, int]
    announced: dict[str, dict[str, Span]] = {}
    ties: dict[str, dict[str, tuple[EdgeSource, float, int]]] = {}
    """As they were kept once, one word a tie: source, confidence (0: soft), time. Read, no longer written."""
    dependencies: dict[str, dict[str, Tie]] = {}


class PartitionSnapshot(msgspec.Struct):
    """All tenants of a partition, and the configuration changes that made their running sets."""

    format: int
    tenants: list[TenantSnapshot]
    changes: list[bytes]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PartitionSnapshot)


def pack(tenants: dict[str, Tenant], changes: list[bytes]) -> bytes:
    """Bytes of everything."""
    return bytes(lz4.frame.compress(_encoder.encode(PartitionSnapshot(FORMAT, [_keep(t) for t in tenants.values()], changes))))


def unpack(data: bytes) -> PartitionSnapshot:
    """Inverse of ``pack``; raises Damaged when it is not one of this format."""
    try:
        snapshot = _decoder.decode(lz4.frame.decompress(data))
    except (RuntimeError, EOFError, msgspec.DecodeError, msgspec.ValidationError) as x:
        raise Damaged(f"alerting state cannot be read, rebuild it: {x}") from x
    if snapshot.format != FORMAT:
        raise Damaged(f"alerting state has format {snapshot.format}, this program reads {FORMAT}")
    return snapshot


def _keep(t: Tenant) -> TenantSnapshot:
    book, out = t.book, t.outbox
    return TenantSnapshot(
        t.name, t.now_ms, list(book.alerts.values()), book.current, book.starts, list(book.changed), list(t.groups.values()), t.in_groups,
        list(out.pending.values()), out.delivered, out.undelivered, out.crowded_out, t.ledgers, t.precision, t.hidden, t.parents,
        t.versions, t.judged, t.watch.dump_names(), t.watch.cells, (t.watch.settled_ms, t.watch.now_ms),
        t.announced.spans, {}, t.dependents.ties,
    )  # fmt: skip


def restore(t: Tenant, s: TenantSnapshot) -> None:
    """Put a snapshot into a tenant whose configuration is already in force."""
    t.now_ms = s.now_ms
    t.book.alerts = {a.id: a for a in s.alerts}
    t.book.current, t.book.starts, t.book.changed = s.current, s.starts, dict.fromkeys(s.changed)
    t.groups, t.in_groups = {g.id: g for g in s.groups}, s.in_groups
    t.outbox.pending = {m.key: m for m in s.pending}
    t.outbox.delivered, t.outbox.undelivered, t.outbox.crowded_out = s.delivered, s.undelivered, s.crowded_out
    t.ledgers, t.precision, t.hidden = s.ledgers, s.precision, s.hidden
    t.parents, t.versions, t.judged = s.parents, s.versions, s.judged
    t.watch.load_names(s.names)
    t.watch.cells, (t.watch.settled_ms, t.watch.now_ms) = s.cells, s.watch_ms
    t.announced.spans = s.announced
    t.dependents.load(s.dependencies or _converted(s.ties))
    t.resumed()


def _converted(ties: dict[str, dict[str, tuple[EdgeSource, float, int]]]) -> dict[str, dict[str, Tie]]:
    """Ties of a snapshot from before sources were kept apart; learned ones never counted."""
    found: dict[str, dict[str, Tie]] = {}
    for caller, known in ties.items():
        for callee, (source, confidence, last_ms) in known.items():
            if source != "learned":
                found.setdefault(caller, {})[callee] = tie = Tie()
                tie.add(source, Word(last_ms, confidence == 0, confidence))
    return found
