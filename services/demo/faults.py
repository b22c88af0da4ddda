"""What goes wrong in the landscape and when: faults with a root, a cause and a spread, and the events around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kizashi.contracts.ids import finding_id
from kizashi.contracts.inputs import Event

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
RAMP_MS = 6 * SECOND_MS
HOP_MS = 4 * SECOND_MS
"""A caller feels its callee's trouble this much later: time-outs and queues have to fill."""
HOP_DAMPING = 0.6
CHANGE_LEAD_MS = 8 * SECOND_MS
FIRST_AFTER_MS = 25 * SECOND_MS
"""A newcomer sees the first cascade within the first minute."""
EVERY_MS = 10 * MINUTE_MS
LASTS_MS = 150 * SECOND_MS
HISTORY_EVERY_MS = 37 * HOUR_MS
HISTORY_LASTS_MS = 35 * MINUTE_MS
"""Long enough to be seen at one value in five minutes."""


@dataclass(frozen=True)
class Plot:
    """A kind of trouble: which service, by what change, told how."""

    root: str
    change: str
    """deploy, config, flag, or nothing when it comes from inside."""
    title: str
    cpu: float


PLOTS: tuple[Plot, ...] = (
    Plot("payments", "deploy", "payments 2.{n}.0 rolled out", 0.35),
    Plot("orders-db", "config", "orders-db pool size 64 → 8", 0.4),
    Plot("search", "flag", "search.semantic switched on", 0.45),
    Plot("inventory", "deploy", "inventory 5.{n}.1 rolled out", 0.3),
    Plot("catalog", "", "catalog cache lost", 0.38),
)


@dataclass(frozen=True)
class Fault:
    """One trouble: from ``start_ms`` for ``lasts_ms`` at ``root``, felt by its callers hop by hop."""

    number: int
    root: str
    change: str
    title: str
    start_ms: int
    lasts_ms: int
    cpu: float

    @property
    def end_ms(self) -> int:
        """When the root recovers."""
        return self.start_ms + self.lasts_ms

    def touches(self, ts_ms: int) -> bool:
        """True when anybody may feel it at this time."""
        return self.start_ms <= ts_ms <= self.end_ms + 20 * HOP_MS + RAMP_MS


def intensity(fault: Fault, ts_ms: int, hops: int) -> float:
    """0-1: how much a service ``hops`` calls upstream feels the fault now; ramps up and down in RAMP_MS."""
    since, left = ts_ms - fault.start_ms - hops * HOP_MS, fault.end_ms + hops * HOP_MS - ts_ms
    ramp = min(1.0, max(0.0, since / RAMP_MS)) * min(1.0, max(0.0, left / RAMP_MS + 1.0))
    return float(ramp * HOP_DAMPING**hops)


def schedule(live_ms: int, until_ms: int) -> list[Fault]:
    """Faults of a live run: the first soon after the start, then one every ten minutes."""
    return [_fault(k, t, LASTS_MS) for k, t in enumerate(range(live_ms + FIRST_AFTER_MS, until_ms, EVERY_MS))]


def past(live_ms: int, days: int) -> list[Fault]:
    """Faults of the history before ``live_ms``; at a step that visits every hour of the day."""
    first = live_ms - days * 24 * HOUR_MS + HISTORY_EVERY_MS
    times = range(first, live_ms - 2 * HOUR_MS, HISTORY_EVERY_MS)
    return [_fault(1_000 + k, t, HISTORY_LASTS_MS) for k, t in enumerate(times)]


def _fault(number: int, start_ms: int, lasts_ms: int) -> Fault:
    plot = PLOTS[number % len(PLOTS)]
    return Fault(number, plot.root, plot.change, plot.title.format(n=number), start_ms, lasts_ms, plot.cpu)


def events(faults: list[Fault], tenant: str) -> Iterator[Event]:
    """Changes in front of the faults they cause, and the incidents that people report, in time order a fault."""
    for fault in faults:
        if fault.change:
            yield change(tenant, fault.root, fault.start_ms - CHANGE_LEAD_MS, fault.change, fault.title)
        opened = fault.start_ms + fault.lasts_ms // 2
        attributes = {"priority": "P2", "queue": "platform", "opened_ms": opened, "resolved_ms": fault.end_ms, "state": "resolved"}
        yield Event(
            "incident", fault.root, fault.end_ms, finding_id("event", "demo", "incident", fault.start_ms, fault.root), tenant,
            f"{fault.root} slow and failing", source="demo", attributes=attributes,
        )  # fmt: skip


def change(tenant: str, entity: str, ts_ms: int, kind: str, title: str) -> Event:
    """One change event."""
    attributes = {"kind": kind, "version": title.split()[1] if kind == "deploy" else "", "author": "demo"}
    return Event(
        "change", entity, ts_ms, finding_id("event", "demo", "change", ts_ms, entity), tenant, title, source="demo", attributes=attributes
    )


def topology(tenant: str, edges: tuple[tuple[str, str], ...], ts_ms: int) -> Event:
    """Who calls whom."""
    return Event(
        "topology", "demo-landscape", ts_ms, finding_id("event", "demo", "topology", ts_ms), tenant, "Demo landscape",
        source="demo", attributes={"kind": "hard"}, edges=list(edges),
    )  # fmt: skip
