"""A real lane on the test run's broker, reading a tenant's own topic, so that tests do not meet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kizashi.clock import SystemClock
from kizashi.contracts.batches import SamplesBatch, SeriesInfo, decode_samples
from kizashi.contracts.topics import METRICS, SAMPLES, Topic
from kizashi.observe.health import Health
from kizashi.settings import KafkaSettings
from kizashi.stream.admin import BusAdmin, ensure_topics
from kizashi.stream.consumer import GroupConsumer, Lookout
from kizashi.stream.producer import Producer, Record
from services.ingest.intake import Intake
from services.ingest.lane import Lane
from services.ingest.registry import SeriesRegistry
from services.ingest.settings import IngestLimits, Pace
from services.ingest.tally import Tally

WITHIN_S = 40.0


@dataclass(frozen=True)
class Running:
    """A lane that turns in its thread, its books and its health."""

    lane: Lane
    tally: Tally
    health: Health
    topic: str


def tenant_topic(kafka: KafkaSettings, tenant: str) -> str:
    """The metrics topic of a tenant, made when it is missing."""
    ensure_topics(kafka)
    name = f"{METRICS.name}.{tenant}"
    BusAdmin(kafka).ensure([Topic(name, "any", "SampleIn", "any", METRICS.retention_ms)])
    return name


@contextmanager
def running(
    kafka: KafkaSettings, tenant: str, limits: IngestLimits | None = None, commit_ms: int = 100, topics: tuple[str, ...] = ()
) -> Iterator[Running]:
    """A lane of the tenant's own group that reads its topic, or ``topics``; stopped and drained at the end."""
    topic, limits = tenant_topic(kafka, tenant), limits or IngestLimits()
    tally, health = Tally(), Health("ingest", ("input",))
    health.mark("input", True)
    intake = Intake(SeriesRegistry(kafka.partitions, limits), limits)
    lane = Lane(
        GroupConsumer(kafka, f"ingest-{tenant}", topics or [topic]), Producer(kafka, "ingest-test", give_up_s=None),
        intake, tally, SystemClock(), health, Pace(commit_ms=commit_ms), limits, kafka.partitions, "default",
    )  # fmt: skip
    stop = threading.Event()
    worker = threading.Thread(target=lane.run, args=(stop,), daemon=True)
    worker.start()
    try:
        yield Running(lane, tally, health, topic)
    finally:
        stop.set()
        worker.join(20.0)
    assert not worker.is_alive(), "the lane must drain and leave"


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition with a deadline."""
    deadline, pause = time.monotonic() + WITHIN_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {WITHIN_S:.0f} s"
        pause.wait(0.02)


def produce(kafka: KafkaSettings, topic: str, values: list[bytes | None]) -> None:
    """Messages with a key each, all acknowledged."""
    producer = Producer(kafka, "test")
    for k, value in enumerate(values):
        producer.send_waiting(Record(topic, value, str(k).encode()))
    producer.flush(30.0)


def stored(kafka: KafkaSettings, tenant: str) -> Kept:
    """Every batch that is on the samples topic now and holds the tenant's series."""
    lookout, kept = Lookout(kafka, SAMPLES.name), Kept(tenant)
    try:
        for m in lookout.until_end():
            kept.take(m.value() or b"")
    finally:
        lookout.close()
    return kept


class Kept:
    """What a tenant's batches held so far. A batch whose series were not announced before it is left out."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self.batches: list[SamplesBatch] = []
        self.infos: dict[int, SeriesInfo] = {}

    def take(self, message: bytes) -> None:
        """One more message of the samples topic."""
        batch = decode_samples(message)
        self.infos |= {s.id: s for s in batch.series if s.tenant == self._tenant}
        if any(int(i) in self.infos for i in batch.ids):
            self.batches.append(batch)

    def values(self, metric: str) -> list[float]:
        """All values of a metric, as often as they are there."""
        ids = {i for i, s in self.infos.items() if s.metric == metric}
        return [v for b in self.batches for i, v in zip(b.ids.tolist(), b.values.tolist(), strict=True) if i in ids]


def await_values(kafka: KafkaSettings, tenant: str, wanted: set[float], metric: str, within_s: float = WITHIN_S) -> None:
    """Follow the samples topic, each message read once, until all wanted values are there; fails with those that are missing."""
    lookout, kept, deadline = Lookout(kafka, SAMPLES.name), Kept(tenant), time.monotonic() + within_s
    try:
        while missing := wanted.difference(kept.values(metric)):
            assert time.monotonic() < deadline, f"{len(missing)} of {len(wanted)} values of {metric} did not come: {told(missing)}"
            for m in lookout.poll(0.2):
                kept.take(m.value() or b"")
    finally:
        lookout.close()


def told(values: set[float]) -> str:
    """The first runs of whole numbers among the values, ``3-9, 20-39``: which messages they came in can be seen."""
    runs: list[list[int]] = []
    for v in sorted(map(int, values)):
        if runs and v == runs[-1][1] + 1:
            runs[-1][1] = v
        else:
            runs.append([v, v])
    return ", ".join(f"{a}-{b}" if a < b else str(a) for a, b in runs[:12]) + (f" and {len(runs) - 12} more runs" if len(runs) > 12 else "")
