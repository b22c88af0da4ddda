"""Carries findings and events of one partition's tenants into the model, and incidents, edges and outcomes out."""

from __future__ import annotations

from collections.abc import Callable

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import decode_rollups
from kizashi.contracts.findings import Episode, Feedback, Risk
from kizashi.contracts.inputs import Event
from kizashi.stream.records import Emit, Record
from services.rca.model import PartitionModel


class RcaProcessor:
    """One findings partition; see kizashi.stream.records.Processor. Time is what the messages say, at most what ``tick`` says."""

    def __init__(self, model: PartitionModel, partition: int) -> None:
        self.model, self._partition = model, partition
        self._readers: dict[str, Callable[[Record], None]] = {
            topics.EPISODES.name: lambda r: self.model.episode(codec.decode(r.value, Episode)),
            topics.RISKS.name: lambda r: self.model.risk(codec.decode(r.value, Risk)),
            topics.EVENTS.name: lambda r: self.model.event(codec.decode(r.value, Event)),
            topics.ROLLUPS.name: self._rollup,
        }

    def process(self, record: Record) -> None:
        self._readers[record.topic](record)

    def skip(self, record: Record) -> None:
        """A message that cannot be read changes nothing."""

    def control(self, record: Record) -> None:
        if record.topic == topics.FEEDBACK.name:
            self.model.feedback(codec.decode(record.value, Feedback))

    def tick(self, now_ms: int) -> None:
        self.model.tick(now_ms)

    def drain(self) -> list[Emit]:
        drained = self.model.drain()
        out = [Emit(topics.INCIDENTS.name, self._partition, codec.encode(i), i.id.encode()) for i in drained.incidents]
        out += [Emit(topics.EDGES.name, self._partition, codec.encode(e), f"{e.caller}>{e.callee}".encode()) for e in drained.edges]
        return out + [Emit(topics.OUTCOMES.name, self._partition, codec.encode(c), c.id.encode()) for c in drained.changes]

    def dump(self) -> bytes:
        return self.model.dump()

    def _rollup(self, record: Record) -> None:
        batch = decode_rollups(record.value)
        for info in batch.series:
            self.model.series(info)
        self.model.rollup(batch)


class RcaFactory:
    """Makes the processor of a findings partition."""

    def new(self, partition: int) -> RcaProcessor:
        return RcaProcessor(PartitionModel(), partition)

    def load(self, partition: int, data: bytes) -> RcaProcessor:
        return RcaProcessor(PartitionModel.load(data), partition)
