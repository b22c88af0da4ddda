"""The books of ingest: received = stored + refused + dead letters + still in flight, exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from kizashi.observe.metrics import DEAD_LETTERED, RECEIVED, REJECTED, STORED


@dataclass
class Tally:
    """Counts samples; a message that cannot be read counts as one. Also drives the metrics of the same names."""

    received: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)

    def receive(self, via: str, count: int) -> None:
        """Samples and unreadable items that arrived this way (``kafka``, ``http``, ``otlp`` …)."""
        if count:
            self.received[via] += count
            RECEIVED.labels(via).inc(count)

    def store(self, via: str, count: int) -> None:
        """Samples that Kafka acknowledged."""
        if count:
            self.stored[via] += count
            STORED.labels(via).inc(count)

    def reject(self, reasons: Mapping[str, int]) -> None:
        """Samples refused, by reason."""
        for reason, count in reasons.items():
            self.rejected[reason] += count
            REJECTED.labels(reason).inc(count)

    def bury(self, topic: str, reason: str) -> None:
        """One item whose dead letter Kafka acknowledged. ``topic`` is a topic of the registry."""
        self.dead[reason] += 1
        DEAD_LETTERED.labels(topic, reason).inc()

    @property
    def in_flight(self) -> int:
        """Received but not yet acknowledged in any form."""
        return self.received.total() - self.stored.total() - self.rejected.total() - self.dead.total()

    def stats(self) -> dict[str, dict[str, int] | int]:
        """For people and tests."""
        return {
            "received": dict(self.received),
            "stored": dict(self.stored),
            "rejected": dict(self.rejected),
            "dead_lettered": dict(self.dead),
            "in_flight": self.in_flight,
        }
