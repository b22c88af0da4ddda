"""The door of alerting: every tenant of one partition of the findings topics, as one value that can be kept and restored.

Deterministic, knows no Kafka and no clock. Configuration changes are verified and folded here; those of other partitions' tenants, and of
kinds that alerting does not know, are left alone.
"""

from __future__ import annotations

from typing import Any

from kizashi.contracts import codec
from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Alert, ConfigChange, Delivery, Episode, Feedback, Incident, Risk
from kizashi.contracts.ids import tenant_partition
from kizashi.contracts.inputs import Event
from kizashi.stream.config import ConfigState
from services.alerting import snapshot
from services.alerting.configuration import KINDS
from services.alerting.notification import Notification
from services.alerting.tenant import Tenant


class PartitionModel:
    """All tenants of one partition. Each method takes one message; the same (id, version) twice changes nothing."""

    def __init__(self, partition: int, partitions: int, key: bytes) -> None:
        self.tenants: dict[str, Tenant] = {}
        self.now_ms = 0
        self.catching_up = False
        self._partition, self._partitions = partition, partitions
        self._config = ConfigState(key)
        self._changes: list[bytes] = []

    def series(self, info: SeriesInfo) -> None:
        """Learn what a series id means."""
        self.of(info.tenant).series(info)

    def rollup(self, b: RollupBatch) -> None:
        """Ten seconds of a tenant's series."""
        self.of(b.tenant).rollup(b)

    def episode(self, e: Episode) -> None:
        """An episode opened, grew or closed."""
        self.of(e.tenant).episode(e)

    def incident(self, i: Incident) -> None:
        """An incident opened, changed, merged or closed."""
        self.of(i.tenant).incident(i)

    def risk(self, r: Risk) -> None:
        """A promise at risk, or no longer."""
        self.of(r.tenant).risk(r)

    def outcome(self, e: Event) -> None:
        """What became of a change."""
        self.of(e.tenant).outcome(e)

    def event(self, e: Event) -> None:
        """What somebody said: maintenance mutes an entity's paging, topology who depends on whom. Of anything else no tenant is made."""
        if e.type == "maintenance":
            tenant = self.of(e.tenant)
            tenant.announced.take(e, tenant.now_ms)
        elif e.type == "topology":
            self.of(e.tenant).dependents.take(e)

    def delivery(self, d: Delivery) -> None:
        """What became of an attempt to tell somebody."""
        self.of(d.tenant).delivery(d)

    def feedback(self, f: Feedback) -> None:
        """A person's word; of a tenant of another partition it is ignored."""
        if f.tenant in self.tenants:
            self.tenants[f.tenant].feedback(f)

    def config(self, data: bytes) -> None:
        """A configuration change. Raises InvalidMessage when it cannot be read."""
        change = codec.decode(data, ConfigChange)
        if change.kind not in KINDS or tenant_partition(change.tenant, self._partitions) != self._partition:
            return
        made = self._config.apply(data)
        if made is not None:
            self._changes.append(data)
            self.of(made.tenant).config(made.kind, made.id, made.body, made.made_at_ms)

    def advance(self, now_ms: int) -> None:
        """The time, for every tenant."""
        self.now_ms = max(self.now_ms, now_ms)
        for t in self.tenants.values():
            t.advance(self.now_ms)

    def take(self) -> list[Alert]:
        """Alerts to publish since the last call."""
        return [a for t in self.tenants.values() for a in t.take()]

    def spoke(self) -> bool:
        """Whether something new is to be said since the last call."""
        return sum(t.outbox.news() for t in self.tenants.values()) > 0  # a sum asks every outbox, ``any`` would stop at the first

    def pending(self) -> list[Notification]:
        """What is not yet delivered."""
        return [m for t in self.tenants.values() for m in t.outbox.waiting()]

    def channel(self, tenant: str, name: str) -> dict[str, Any] | None:
        """Body of a channel's configuration object."""
        return self.tenants[tenant].running.channels.get(name) if tenant in self.tenants else None

    def of(self, tenant: str) -> Tenant:
        """A tenant, new when it was not met before."""
        found = self.tenants.get(tenant)
        if found is None:
            found = self.tenants[tenant] = Tenant(tenant)
            found.catching_up = self.catching_up
            found.advance(self.now_ms)
        return found

    def catch_up(self, reading: bool) -> None:
        """A backlog is being read, or has been: meanwhile nobody is told."""
        self.catching_up = reading
        for t in self.tenants.values():
            if reading:
                t.catching_up = True
            else:
                t.caught_up()

    def dump(self) -> bytes:
        """The whole state; nothing pending is lost."""
        return snapshot.pack(self.tenants, self._changes)

    @classmethod
    def load(cls, data: bytes, partition: int, partitions: int, key: bytes) -> PartitionModel:
        """Inverse of ``dump``; raises Damaged for anything it cannot read."""
        model, kept = cls(partition, partitions, key), snapshot.unpack(data)
        for change in kept.changes:
            model.config(change)
        for s in kept.tenants:
            snapshot.restore(model.of(s.name), s)
            model.now_ms = max(model.now_ms, s.now_ms)
        return model
