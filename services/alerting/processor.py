"""Carries findings of one partition's tenants into the model, and alerts out; and shows the courier what is to be said."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import decode_rollups
from kizashi.contracts.findings import Delivery, Episode, Feedback, Incident, Risk
from kizashi.contracts.ids import tenant_partition
from kizashi.contracts.inputs import Event
from kizashi.stream.records import Emit, Record
from services.alerting.model import PartitionModel
from services.alerting.notification import Notification
from services.alerting.tenant import Tenant

QUIET_TICKS = 5
"""A start is over after so many ticks without an old record. Until then the log is only read: what was delivered since the snapshot, so
that a restart repeats few messages, and what fired and ended while nobody looked, so that nobody is woken for what is over."""
OLD_MS = 120_000
LONGEST_TICKS = 600
"""Ten minutes of reading, then people are told whatever is still in the log: fail open."""


class AlertingProcessor:
    """One findings partition; see kizashi.stream.records.Processor. The clock is the records' own, and the worker's ticks."""

    def __init__(self, model: PartitionModel, partition: int, told: Callable[[], None] = lambda: None) -> None:
        self.model, self._partition, self._told = model, partition, told
        self._quiet, self._ticks, self._wall_ms = 0, 0, 0
        model.catch_up(True)

    @property
    def reading(self) -> bool:
        """Whether the start is not over."""
        return self.model.catching_up

    def process(self, record: Record) -> None:
        if self.reading and record.timestamp_ms < self._wall_ms - OLD_MS:
            self._quiet = 0
        self.model.advance(record.timestamp_ms)
        READERS[record.topic](self.model, record)

    def skip(self, record: Record) -> None:
        """A message that cannot be read changes nothing."""

    def control(self, record: Record) -> None:
        if record.topic == topics.FEEDBACK.name:
            self.model.feedback(codec.decode(record.value, Feedback))
        elif record.topic == topics.CONFIG.name:
            self.model.config(record.value)

    def tick(self, now_ms: int) -> None:
        self._wall_ms, self._quiet, self._ticks = now_ms, self._quiet + 1, self._ticks + 1
        self.model.advance(now_ms)
        if self.reading and (self._quiet >= QUIET_TICKS or self._ticks >= LONGEST_TICKS):
            self.model.catch_up(False)

    def drain(self) -> list[Emit]:
        if self.model.spoke():
            self._told()
        return [Emit(topics.ALERTS.name, self._partition, codec.encode(a), a.id.encode()) for a in self.model.take()]

    def dump(self) -> bytes:
        return self.model.dump()


def _rollup(model: PartitionModel, record: Record) -> None:
    batch = decode_rollups(record.value)
    for info in batch.series:
        model.series(info)
    model.rollup(batch)


READERS: dict[str, Callable[[PartitionModel, Record], None]] = {
    topics.EPISODES.name: lambda model, r: model.episode(codec.decode(r.value, Episode)),
    topics.INCIDENTS.name: lambda model, r: model.incident(codec.decode(r.value, Incident)),
    topics.RISKS.name: lambda model, r: model.risk(codec.decode(r.value, Risk)),
    topics.OUTCOMES.name: lambda model, r: model.outcome(codec.decode(r.value, Event)),
    topics.EVENTS.name: lambda model, r: model.event(codec.decode(r.value, Event)),
    topics.DELIVERIES.name: lambda model, r: model.delivery(codec.decode(r.value, Delivery)),
    topics.ROLLUPS.name: _rollup,
}
"""How a record of each topic is read. Of the module: a processor that held its own readers would hold itself, and after its partition went
to another worker its messages would be sent by both until the collector came."""


class AlertingFactory:
    """Makes the processor of a findings partition, and finds the ones that this process owns now: a partition that went to another
    worker is dropped by the worker, and with it disappears here."""

    def __init__(self, key: bytes, partitions: int) -> None:
        self._key, self._partitions = key, partitions
        self.on_pending: Callable[[], None] = lambda: None
        """Called when something new is to be said."""
        self._owned: weakref.WeakValueDictionary[int, AlertingProcessor] = weakref.WeakValueDictionary()

    def new(self, partition: int) -> AlertingProcessor:
        return self._own(partition, PartitionModel(partition, self._partitions, self._key))

    def load(self, partition: int, data: bytes) -> AlertingProcessor:
        return self._own(partition, PartitionModel.load(data, partition, self._partitions, self._key))

    def pending(self) -> list[Notification]:
        """What is not yet delivered, of every tenant of the partitions that are owned now; oldest first, a group's in order."""
        return [m for p in list(self._owned.values()) if not p.reading for m in p.model.pending()]

    def channel(self, tenant: str, name: str) -> dict[str, Any] | None:
        """Body of a channel's configuration object as it stands; None: no such channel, or not this process's tenant."""
        found = (p.model.channel(tenant, name) for p in list(self._owned.values()) if tenant in p.model.tenants)
        return next(found, None)

    def channels(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(tenant, name, body) of every channel."""
        tenants = [t for p in list(self._owned.values()) for t in p.model.tenants.values()]
        return [(t.name, name, body) for t in tenants for name, body in t.running.channels.items()]

    def turned_ms(self) -> int:
        """When a model turned last: the dead man's switch looks at it."""
        return max((p.model.now_ms for p in list(self._owned.values())), default=0)

    def tenant(self, name: str) -> Tenant | None:
        """A tenant that this process owns."""
        return next((p.model.tenants[name] for p in list(self._owned.values()) if name in p.model.tenants), None)

    def owns(self, name: str) -> bool:
        """Whether the partition of a tenant is this process's, be the tenant known or not."""
        return tenant_partition(name, self._partitions) in self._owned

    def _own(self, partition: int, model: PartitionModel) -> AlertingProcessor:
        made = self._owned[partition] = AlertingProcessor(model, partition, lambda: self.on_pending())
        return made
