"""Carries findings of one partition's tenants into the model, and alerts out; and shows the courier what is to be said."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import decode_rollups
from kizashi.contracts.findings import Delivery, Episode, Feedback, Incident, Risk
from kizashi.contracts.inputs import Event
from kizashi.stream.records import Emit, Record
from services.alerting.model import PartitionModel
from services.alerting.notification import Notification
from services.alerting.tenant import Tenant

SETTLE_TICKS = 3
"""Seconds after a restore in which nothing is handed to the courier: what was delivered since the snapshot is read from the log first, so
that a restart repeats few messages. A repeat would carry the same key; this spares receivers that do not look at it."""


class AlertingProcessor:
    """One findings partition; see kizashi.stream.records.Processor. The clock is the records' own, and the worker's ticks."""

    def __init__(self, model: PartitionModel, partition: int, told: Callable[[], None] = lambda: None) -> None:
        self.model, self._partition, self._told = model, partition, told
        self.settling = 0
        self._readers: dict[str, Callable[[Record], None]] = {
            topics.EPISODES.name: lambda r: self.model.episode(codec.decode(r.value, Episode)),
            topics.INCIDENTS.name: lambda r: self.model.incident(codec.decode(r.value, Incident)),
            topics.RISKS.name: lambda r: self.model.risk(codec.decode(r.value, Risk)),
            topics.OUTCOMES.name: lambda r: self.model.outcome(codec.decode(r.value, Event)),
            topics.DELIVERIES.name: lambda r: self.model.delivery(codec.decode(r.value, Delivery)),
            topics.ROLLUPS.name: self._rollup,
        }

    def process(self, record: Record) -> None:
        self.model.advance(record.timestamp_ms)
        self._readers[record.topic](record)

    def skip(self, record: Record) -> None:
        """A message that cannot be read changes nothing."""

    def control(self, record: Record) -> None:
        if record.topic == topics.FEEDBACK.name:
            self.model.feedback(codec.decode(record.value, Feedback))
        elif record.topic == topics.CONFIG.name:
            self.model.config(record.value)

    def tick(self, now_ms: int) -> None:
        self.settling = max(0, self.settling - 1)
        self.model.advance(now_ms)

    def drain(self) -> list[Emit]:
        if self.model.spoke():
            self._told()
        return [Emit(topics.ALERTS.name, self._partition, codec.encode(a), a.id.encode()) for a in self.model.take()]

    def dump(self) -> bytes:
        return self.model.dump()

    def _rollup(self, record: Record) -> None:
        batch = decode_rollups(record.value)
        for info in batch.series:
            self.model.series(info)
        self.model.rollup(batch)


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
        made = self._own(partition, PartitionModel.load(data, partition, self._partitions, self._key))
        made.settling = SETTLE_TICKS
        return made

    def pending(self) -> list[Notification]:
        """What is not yet delivered, of every tenant of the partitions that are owned now; oldest first, a group's in order."""
        return [m for p in list(self._owned.values()) if not p.settling for m in p.model.pending()]

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

    def _own(self, partition: int, model: PartitionModel) -> AlertingProcessor:
        made = self._owned[partition] = AlertingProcessor(model, partition, lambda: self.on_pending())
        return made
