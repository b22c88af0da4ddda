"""The door of rca: every tenant of one partition of the findings topics, as one value that can be kept and restored.

Deterministic, knows no Kafka and no clock. ``drain`` after each message or batch gives what is to be sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Edge, Episode, Feedback, Incident, Risk
from kizashi.contracts.inputs import Event
from services.rca.snapshot import pack, unpack
from services.rca.tenant import Tenant


@dataclass(frozen=True)
class Drained:
    """What is to be sent: incidents, edges that are new or changed, and change outcomes as annotation events."""

    incidents: list[Incident] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    changes: list[Event] = field(default_factory=list)


class PartitionModel:
    """All tenants of one partition. Each method takes one message; the same (id, version) twice changes nothing."""

    def __init__(self) -> None:
        self.tenants: dict[str, Tenant] = {}

    def series(self, info: SeriesInfo) -> None:
        """Learn what a series id means."""
        self._of(info.tenant).series(info)

    def episode(self, e: Episode) -> None:
        """An episode opened, grew or closed."""
        self._of(e.tenant).episode(e)

    def rollup(self, b: RollupBatch) -> None:
        """Ten seconds of a tenant's series."""
        self._of(b.tenant).rollup(b)

    def risk(self, r: Risk) -> None:
        """A promise at risk, firing or no longer firing."""
        self._of(r.tenant).risk(r)

    def event(self, e: Event) -> None:
        """Incident, ticket, change, maintenance or topology."""
        self._of(e.tenant).event(e)

    def feedback(self, f: Feedback) -> None:
        """A person's verdict; of a tenant of another partition it is ignored."""
        if f.tenant in self.tenants:
            self.tenants[f.tenant].feedback(f)

    def tick(self, now_ms: int) -> None:
        """Event time passed for every tenant."""
        for t in self.tenants.values():
            t.tick(now_ms)

    def drain(self) -> Drained:
        """Take what is to be sent since the last call."""
        out = Drained()
        for t in self.tenants.values():
            incidents, edges, changes = t.take()
            out.incidents.extend(incidents)
            out.edges.extend(edges)
            out.changes.extend(changes)
        return out

    def dump(self) -> bytes:
        """The whole state; nothing pending is lost."""
        return pack(self.tenants)

    @classmethod
    def load(cls, data: bytes) -> PartitionModel:
        """Inverse of ``dump``; raises Damaged for anything it cannot read."""
        model = cls()
        model.tenants = unpack(data)
        return model

    def _of(self, tenant: str) -> Tenant:
        if tenant not in self.tenants:
            self.tenants[tenant] = Tenant(tenant)
        return self.tenants[tenant]
