"""What a stateful service is made of: records in, emits out, and a processor between them that knows no Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Record:
    """One message as it lies in the log. ``timestamp_ms`` is the broker's or producer's, as the topic is configured."""

    topic: str
    partition: int
    offset: int
    value: bytes
    key: bytes | None = None
    timestamp_ms: int = 0
    headers: Sequence[tuple[str, bytes]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Emit:
    """One message to send. Its partition is always named: the partition is part of the contract, not of the client."""

    topic: str
    partition: int
    value: bytes
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Processor(Protocol):
    """All state of one partition. Deterministic: the same records in the same order give the same emits and the same bytes."""

    def process(self, record: Record) -> None:
        """Take one record; raises InvalidMessage for one that can never be taken (nothing may have changed then)."""

    def skip(self, record: Record) -> None:
        """The record was moved to the dead letters; account for its offset."""

    def control(self, record: Record) -> None:
        """Apply one configuration change or feedback. Raises InvalidMessage."""

    def tick(self, now_ms: int) -> None:
        """The time, about once a second; only for services whose inputs carry no ticks of their own."""

    def drain(self) -> list[Emit]:
        """All that is to be sent since the last drain."""

    def dump(self) -> bytes:
        """The whole state, after a drain."""


class ProcessorFactory(Protocol):
    """Makes processors; one for each service."""

    def new(self, partition: int) -> Processor: ...

    def load(self, partition: int, data: bytes) -> Processor:
        """Inverse of ``dump``; raises Damaged."""
