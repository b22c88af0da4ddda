"""One partition's processor with its place in the log: the fence against repeats, holes, and controls that count from an offset.

Knows no Faust and no Kafka client, so that the mathematics of exactly-once can be tested without either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kizashi.errors import Damaged, InvalidMessage
from kizashi.stream.records import Emit, Processor, ProcessorFactory, Record
from kizashi.stream.snapshots import FORMAT, Manifest, Marker, Snapshot


class Hole(Exception):
    """The next record is beyond the next expected offset: what lies between was never seen."""


@dataclass
class PartitionState:
    """``next`` is the next offset by input topic that the processor has not seen; ``main`` is the topic that controls are tied to."""

    partition: int
    main: str
    processor: Processor
    next: dict[str, int] = field(default_factory=dict)
    controls: dict[str, int] = field(default_factory=dict)
    markers: int = 0
    generation: int = 0
    pending: list[Marker] = field(default_factory=list)
    rebuilt: str = ""

    @classmethod
    def restore(cls, partition: int, main: str, factory: ProcessorFactory, snapshot: Snapshot) -> PartitionState:
        """The state a snapshot holds, or a new one when it holds none.

        A state of a format that the processor no longer reads is not misread: ``rebuilt`` says why, and the state starts anew from the log.
        """
        m = snapshot.manifest
        if snapshot.state is None:
            return cls(partition, main, factory.new(partition), pending=snapshot.markers)._counted().begin()
        try:
            processor = factory.load(partition, snapshot.state)
        except Damaged as x:
            return cls(partition, main, factory.new(partition), generation=m.generation, rebuilt=str(x))
        state = cls(partition, main, processor, dict(m.positions), dict(m.controls), m.markers, m.generation, snapshot.markers)
        return state._counted().begin()

    def begin(self) -> PartitionState:
        """Apply the controls that count from where the log goes on now: the main topic may stay silent for long, and they must not wait."""
        self._apply_markers(self.next.get(self.main, 0))
        return self

    def offer(self, record: Record) -> InvalidMessage | None:
        """Process a record unless it was seen before. Raises Hole. Returns why a record is invalid; its offset counts as seen."""
        expected = self.next.get(record.topic, record.offset)
        if record.offset < expected:
            return None
        if record.offset > expected:
            raise Hole(f"{record.topic}[{self.partition}]: expected offset {expected}, the log gives {record.offset}")
        if record.topic == self.main:
            self._apply_markers(record.offset)
        self.next[record.topic] = record.offset + 1
        found = None
        try:
            self.processor.process(record)
        except InvalidMessage as x:
            self.processor.skip(record)
            found = x
        if record.topic == self.main:
            self._apply_markers(record.offset + 1)
        return found

    def mark(self, control: Record) -> Marker | None:
        """A marker for a control that was not marked before; it must be made durable before ``accept`` is called with it."""
        if control.offset < self.controls.get(control.topic, 0):
            return None
        at = self.next.get(self.main, 0)
        return Marker(self.markers, self.main, at, control.topic, control.offset, control.key or b"", control.value)

    def accept(self, marker: Marker) -> None:
        """Apply a durable marker, now or when the log reaches its offset."""
        self._count(marker)
        self.pending.append(marker)
        self._apply_markers(self.next.get(self.main, 0))

    def drain(self) -> list[Emit]:
        """What is to be sent."""
        return self.processor.drain()

    def snapshot(self) -> tuple[bytes, Manifest]:
        """The state after the last drain and its manifest, generation advanced by one."""
        self.generation += 1
        applied = self.markers - len(self.pending)
        return self.processor.dump(), Manifest(FORMAT, self.generation, dict(self.next), dict(self.controls), applied, [], 0)

    def _counted(self) -> PartitionState:
        for marker in self.pending:
            self._count(marker)
        return self

    def _count(self, marker: Marker) -> None:
        self.markers = max(self.markers, marker.number + 1)
        self.controls[marker.control_topic] = max(self.controls.get(marker.control_topic, 0), marker.control_offset + 1)

    def _apply_markers(self, offset: int) -> None:
        while self.pending and self.pending[0].offset <= offset:
            m = self.pending.pop(0)
            try:
                self.processor.control(Record(m.control_topic, 0, m.control_offset, m.value, m.key))
            except InvalidMessage:
                continue  # whoever folds the topic has counted it; a control that cannot be read changes nothing
