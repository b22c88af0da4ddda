"""The one thread that turns what arrives, from the topic and from HTTP, into acknowledged batches.

One thread, because then a series is always announced in front of its first samples, small requests share batches with
the topic's, and nothing needs a lock. A turn: read, decode, register, cut, send; acknowledged cuts settle in order.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kizashi.clock import Clock
from kizashi.contracts import codec
from kizashi.contracts.batches import I64, encode_samples
from kizashi.contracts.ids import format_series_id
from kizashi.contracts.topics import METRICS, SAMPLES, SERIES
from kizashi.errors import Backpressure
from kizashi.observe.health import Health
from kizashi.observe.logs import logger
from kizashi.observe.metrics import BATCH, DELAY, FRESHNESS, HELD
from kizashi.stream.consumer import Arrival, GroupConsumer
from kizashi.stream.dead_letters import DeadLetterLimit, dead_letter, to_record
from kizashi.stream.producer import Producer, Record
from services.ingest import batching
from services.ingest.cuts import Cut, CutsInFlight
from services.ingest.decode import BadItem, Sample, decode
from services.ingest.intake import Intake, Rows, Taken
from services.ingest.settings import IngestLimits, Pace
from services.ingest.tally import Tally

HISTORY_HEADER = "kizashi-history"
KAFKA = "kafka"
READ_AT_ONCE = 200
"""Messages between two looks at their size: a producer may change from single samples to lists of megabytes at any time."""


@dataclass(frozen=True)
class Submission:
    """Samples of one request. ``on_taken`` is called when they are checked, ``on_stored`` when Kafka acknowledged."""

    tenant: str
    samples: Sequence[Sample]
    via: str
    on_taken: Callable[[Taken], None]
    on_stored: Callable[[], None]
    history: bool = False


class Lane:
    """Reads, registers, cuts and sends. ``run`` in a thread of its own; ``submit`` from any thread."""

    def __init__(
        self, consumer: GroupConsumer, producer: Producer, intake: Intake, tally: Tally, clock: Clock, health: Health,
        pace: Pace, limits: IngestLimits, partitions: int, default_tenant: str,
    ) -> None:  # fmt: skip
        self._consumer, self._producer, self._intake, self._tally = consumer, producer, intake, tally
        self._clock, self._health, self._pace, self._limits = clock, health, pace, limits
        self._partitions, self._default_tenant = partitions, default_tenant
        self._inbox: deque[Submission] = deque()
        self._inbox_lock = threading.Lock()
        self._waiting = 0
        self._flight = CutsInFlight(pace.cuts_in_flight)
        self._limits_by_topic: defaultdict[str, DeadLetterLimit] = defaultdict(DeadLetterLimit)
        self._most = 500
        self._next_tick = self._next_commit = 0

    def submit(self, submission: Submission) -> None:
        """Hand over a request's samples; raises Backpressure when too many wait already."""
        with self._inbox_lock:
            if self._inbox and self._waiting + len(submission.samples) > self._limits.waiting_samples:
                raise Backpressure("ingest is behind: too many samples wait")
            self._inbox.append(submission)
            self._waiting += len(submission.samples)

    def run(self, stop: threading.Event) -> None:
        """Turn until told to stop, then settle what is in flight and leave the group."""
        try:
            while not stop.is_set():
                self.turn()
            self._drain()
        finally:
            self._consumer.close()

    def turn(self) -> None:
        """One turn: at most ``linger_s`` when nothing arrives."""
        self._health.turn()
        self._settle(0.0)
        while self._flight.full:
            self._settle(0.1)
            self._health.turn()
        messages = self._read()
        with BATCH.labels("ingest").time():
            self._take(messages)
        now_ms = self._clock.now_ms()
        if now_ms >= self._next_tick:
            self._next_tick = now_ms + self._pace.tick_ms
            self._tick(now_ms)
        if now_ms >= self._next_commit:
            self._next_commit = now_ms + self._pace.commit_ms
            self._consumer.commit()

    def _read(self) -> list[Arrival]:
        hurry = self._flight.waiting or bool(self._inbox)
        deadline = time.monotonic() + (self._pace.linger_waiting_s if hurry else self._pace.linger_s)
        messages: list[Arrival] = []
        size = 0
        while len(messages) < self._most and size < self._pace.cut_bytes:
            got = self._consumer.read(min(READ_AT_ONCE, self._most - len(messages)), max(0.0, deadline - time.monotonic()))
            messages += got
            size += sum(len(m) for m in got)
            if len(got) < READ_AT_ONCE:
                break
        return messages

    def _take(self, messages: list[Arrival]) -> None:
        now_ms = self._clock.now_ms()
        cut, rows = Cut(began_ms=now_ms), []
        if messages:
            rows += self._take_messages(messages, cut, now_ms)
        for submission in self._submissions():
            rows.append(self._take_submission(submission, cut, now_ms))
        cut.newest_ms = max((int(r.ts.max()) for r in rows if len(r.ts)), default=0)
        for partition, batch in batching.cut(self._intake.registry, rows, now_ms, self._pace.rows_a_message):
            for series in batch.series:
                if not self._intake.registry.is_known(series.id):
                    key = format_series_id(series.id).encode()
                    self._send(cut, Record(SERIES.name, codec.encode(series), key, partition))
            self._send(cut, Record(SAMPLES.name, encode_samples(batch), str(partition).encode(), partition))
        if cut.left or cut.offsets or cut.waiting:
            self._flight.add(cut)

    def _take_messages(self, messages: list[Arrival], cut: Cut, now_ms: int) -> list[Rows]:
        groups: dict[tuple[str, bool], tuple[list[Sample], list[int], list[Arrival]]] = {}
        size = 0
        books: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])  # readable and unreadable messages
        for m in messages:
            data = m.value()
            topic = m.topic()
            samples, bad = decode(data)
            group = (topic, m.headers() is not None and _is_history(m))
            into = groups.get(group) or groups.setdefault(group, ([], [], []))
            into[0].extend(samples)
            into[1].append(len(samples))
            into[2].append(m)
            size += len(data or b"")
            cut.offsets[(topic, m.partition())] = m.offset() + 1
            books[topic][bool(bad) and not samples] += 1
            if bad:
                self._bury(m, bad, cut, now_ms)
        self._adapt(len(messages), size, sum(len(g[0]) for g in groups.values()))
        for topic, (good, invalid) in books.items():
            self._watch(topic, good, invalid)
        return [self._register(topic, history, group, cut, now_ms) for (topic, history), group in groups.items() if group[0]]

    def _register(self, topic: str, history: bool, group: tuple[list[Sample], list[int], list[Arrival]], cut: Cut, now_ms: int) -> Rows:
        samples, counts, messages = group

        def arrived() -> I64:  # the broker's time, so that a replay gives the same
            return np.repeat(np.array([_arrival(m, now_ms) for m in messages], np.int64), counts)

        taken = self._intake.take(self._tenant(topic), samples, arrived, now_ms, history)
        self._tally.receive(KAFKA, len(samples))
        self._tally.reject(taken.refused)
        cut.stored[KAFKA] += len(taken.rows.slots)
        return taken.rows

    def _submissions(self) -> list[Submission]:
        """As many waiting requests as make a cut, at least one."""
        found: list[Submission] = []
        with self._inbox_lock:
            samples = 0
            while self._inbox and samples < self._pace.rows_a_cut:
                found.append(self._inbox.popleft())
                samples += len(found[-1].samples)
            self._waiting -= samples
        return found

    def _take_submission(self, work: Submission, cut: Cut, now_ms: int) -> Rows:
        taken = self._intake.take(work.tenant, work.samples, lambda: now_ms, now_ms, work.history)
        self._tally.receive(work.via, len(work.samples))
        self._tally.reject(taken.refused)
        cut.stored[work.via] += len(taken.rows.slots)
        work.on_taken(taken)
        cut.waiting.append(work.on_stored)
        return taken.rows

    def _bury(self, m: Arrival, bad: list[BadItem], cut: Cut, now_ms: int) -> None:
        self._tally.receive(KAFKA, len(bad))
        for item in bad:
            letter = dead_letter(m.topic(), m.partition(), m.offset(), item.error, now_ms, item.item)
            value = m.value() if item.item < 0 else item.data
            self._send(cut, to_record(letter, value, m.key()))
            cut.buried.append((METRICS.name, item.error.reason))

    def _watch(self, topic: str, good: int, invalid: int) -> None:
        """One tenant's wrong encoder stops that tenant's topic, never another's; HTTP goes on in any case."""
        if not self._limits_by_topic[topic].passed(good, invalid) or topic in self._consumer.held:
            return
        self._consumer.hold(topic)
        HELD.set(len(self._consumer.held))
        detail = (
            f"not read any more: {', '.join(sorted(self._consumer.held))} (more than half of the last 1,000 messages there are invalid); "
        )
        detail += "see `kizashi dead-letters list`, then restart ingest"
        self._health.mark("input", METRICS.name not in self._consumer.held, detail)
        logger().error("ingest.stopped_reading", topic=topic, why=detail)

    def _adapt(self, messages: int, size: int, samples: int) -> None:
        """Ask for as many messages as make one cut, by rows and by bytes of what came last."""
        by_rows = self._pace.rows_a_cut * messages // max(1, samples)
        by_bytes = self._pace.cut_bytes * messages // max(1, size)
        self._most = max(8, min(by_rows, by_bytes, 2 * self._most, self._pace.rows_a_cut))

    def _tick(self, now_ms: int) -> None:
        cut, value = Cut(), encode_samples(batching.tick(now_ms))
        for partition in range(self._partitions):
            self._send(cut, Record(SAMPLES.name, value, str(partition).encode(), partition))
        self._flight.add(cut)

    def _send(self, cut: Cut, record: Record) -> None:
        cut.left += 1
        self._producer.send_waiting(record, cut.on_result)

    def _settle(self, wait_s: float) -> None:
        self._producer.poll(wait_s)
        self._consumer.confirm(self._flight.settled(self._settled))

    def _settled(self, cut: Cut) -> None:
        if cut.stored:
            now_ms = self._clock.now_ms()
            DELAY.labels("ingest").observe(max(0, now_ms - cut.began_ms) / 1_000)
            FRESHNESS.labels("ingest").set(max(0, now_ms - cut.newest_ms) / 1_000)
        for via, count in cut.stored.items():
            self._tally.store(via, count)
        for topic, reason in cut.buried:
            self._tally.bury(topic, reason)
        for tell in cut.waiting:
            tell()

    def _drain(self) -> None:
        while True:
            self._take([])
            if not self._inbox:
                break
        self._producer.flush(8.0)
        self._settle(0.0)

    def _tenant(self, topic: str) -> str:
        return topic.removeprefix(METRICS.name).removeprefix(".") or self._default_tenant


def _arrival(m: Arrival, now_ms: int) -> int:
    kind, ms = m.timestamp()
    return ms if kind and ms > 0 else now_ms


def _is_history(m: Arrival) -> bool:
    return any(name == HISTORY_HEADER for name, _ in m.headers() or ())
