"""Consumers for threads: a group reader that takes thousands of messages a call, and a group-less one for looking.

Traps: librdkafka's ``fetch.queue.backoff.ms`` at its default of a second halves the throughput of small messages;
``consume`` waits its whole time-out unless it gets as many messages as asked for, which makes it the linger of a batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, cast

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from kizashi.errors import BusUnavailable
from kizashi.settings import KafkaSettings
from kizashi.stream.client_config import GATHER_BYTES, client_config
from kizashi.stream.patience import patiently

Place = tuple[str, int]
"""(topic, partition)"""

GATHER_MS = 100
"""Longest wait of a fetch for GATHER_BYTES: the broker gathers what ingest cuts."""


class Arrival(Protocol):
    """A message that came without an error: confluent's ``Message`` with what is then never None."""

    def __len__(self) -> int: ...

    def topic(self) -> str: ...

    def partition(self) -> int: ...

    def offset(self) -> int: ...

    def key(self) -> bytes | None: ...

    def value(self) -> bytes | None: ...

    def timestamp(self) -> tuple[int, int]: ...

    def headers(self) -> list[tuple[str, bytes | None]] | None: ...


_PASSING = frozenset(
    {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT, KafkaError.UNKNOWN_TOPIC_OR_PART}
)
"""Errors that librdkafka recovers from by itself: the broker is away, or a subscribed topic is not there yet."""


class GroupConsumer:
    """Member of a consumer group that reads in batches and commits by hand. Use from one thread.

    ``topics`` may hold patterns (they start with ``^``). Offsets are committed with ``commit`` only. ``start`` takes
    these places instead of joining a group's assignment, for measurements.
    """

    def __init__(
        self, kafka: KafkaSettings, group: str, topics: Sequence[str], *, prefetch_mb: int = 32, start: Mapping[Place, int] | None = None
    ) -> None:
        self._client = Consumer(
            client_config(kafka, group)
            | {
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": 10_000,
                "heartbeat.interval.ms": 1_000,
                "fetch.queue.backoff.ms": 10,
                "fetch.min.bytes": GATHER_BYTES,
                "fetch.wait.max.ms": GATHER_MS,
                "queued.max.messages.kbytes": prefetch_mb * 1_024,
                "topic.metadata.refresh.interval.ms": 15_000,
            }
        )
        self._confirmed: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self.held: set[str] = set()
        if start is None:
            self._client.subscribe(list(topics), on_revoke=self._on_revoke, on_lost=self._on_lost)
        else:
            self._client.assign([TopicPartition(topic, partition, offset) for (topic, partition), offset in start.items()])

    def read(self, most: int, within_s: float) -> list[Arrival]:
        """Up to ``most`` messages, or what came within the time. Raises BusUnavailable only for lasting errors."""
        try:
            messages = self._client.consume(most, within_s)
        except KafkaException as x:
            raise BusUnavailable(f"the consumer cannot go on: {x}") from x
        if any(m.error() is not None for m in messages):
            messages = [m for m in messages if self._good(m)]
        if self.held and any(m.topic() in self.held for m in messages):
            self._pause_held()  # again: a rebalance had set them going
            messages = [m for m in messages if m.topic() not in self.held]
        return cast("list[Arrival]", messages)

    def hold(self, topic: str) -> None:
        """Read no more of this topic until the process starts again; what is not confirmed of it is then read again."""
        self.held.add(topic)
        self._pause_held()

    def _pause_held(self) -> None:
        self._client.pause([tp for tp in self._client.assignment() if tp.topic in self.held])

    def confirm(self, offsets: Mapping[Place, int]) -> None:
        """Remember next offsets whose work is done; ``commit`` sends them."""
        self._confirmed.update(offsets)

    def commit(self, wait: bool = False) -> None:
        """Commit what was confirmed since the last commit. Without ``wait`` a failure shows up as lag and is repeated."""
        todo = {p: o for p, o in self._confirmed.items() if self._committed.get(p) != o}
        if not todo:
            return
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in todo.items()]
        try:
            if wait:
                self._client.commit(offsets=offsets, asynchronous=False)
            else:
                self._client.commit(offsets=offsets, asynchronous=True)
        except KafkaException as x:
            if x.args[0].fatal():
                raise BusUnavailable(f"offsets cannot be committed: {x}") from x
            return  # confirmed again with the next commit
        self._committed |= todo

    @property
    def assigned(self) -> int:
        """Partitions this member holds."""
        return len(self._client.assignment())

    def close(self) -> None:
        """Commit and leave the group."""
        try:
            self.commit(wait=True)
        finally:
            self._client.close()

    def _good(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.fatal() or error.code() not in _PASSING:
            raise BusUnavailable(f"{message.topic()}: {error}")
        return False

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.commit(wait=True)
        self._on_lost(_, partitions)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for tp in partitions:
            self._confirmed.pop((tp.topic, tp.partition), None)
            self._committed.pop((tp.topic, tp.partition), None)


class Lookout:
    """Group-less reader of one topic: from its beginning, from ``last`` messages a partition before its end, or from what was written at
    ``since_ms``. ``partition`` reads that one alone."""

    def __init__(
        self, kafka: KafkaSettings, topic: str, last: int | None = None, *, since_ms: int | None = None, partition: int | None = None
    ) -> None:
        self._client = Consumer(
            client_config(kafka, "kizashi-lookout") | {"group.id": "kizashi-lookout", "enable.auto.commit": False, "fetch.wait.max.ms": 100}
        )
        self.topic = topic
        self.ends: dict[int, int] = {}
        try:
            patiently(lambda: self._assign(last, since_ms, partition))
        except KafkaException as x:
            self._client.close()
            raise BusUnavailable(f"{topic} cannot be read: {x}") from x

    def _assign(self, last: int | None, since_ms: int | None, partition: int | None) -> None:
        metadata = self._client.list_topics(self.topic, timeout=10.0).topics[self.topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        places: list[TopicPartition] = []
        self.ends.clear()
        for p in metadata.partitions if partition is None else [partition]:
            low, high = self._client.get_watermark_offsets(TopicPartition(self.topic, p), timeout=10.0)
            self.ends[p] = high
            start = OFFSET_BEGINNING if last is None else (max(low, high - last) if last else OFFSET_END)
            places.append(TopicPartition(self.topic, p, start))
            if low == high:
                self.ends.pop(p)
        if since_ms is not None:
            places = self._client.offsets_for_times([TopicPartition(self.topic, tp.partition, since_ms) for tp in places], timeout=10.0)
            for tp in places:
                if tp.offset < 0 or tp.offset >= self.ends.get(tp.partition, 0):
                    self.ends.pop(tp.partition, None)  # nothing was written since
        self._client.assign(places)

    def poll(self, within_s: float, most: int = 1_000) -> list[Arrival]:
        """Messages that came within the time; errors that pass are left out."""
        return cast("list[Arrival]", [m for m in self._client.consume(most, within_s) if m.error() is None])

    def until_end(self, deadline_s: float = 60.0) -> Iterator[Arrival]:
        """Every message up to the end as it was at the start; raises BusUnavailable when that takes longer."""
        left, deadline = dict(self.ends), time.monotonic() + deadline_s
        while left:
            if time.monotonic() > deadline:
                raise BusUnavailable(f"{self.topic} could not be read to its end within {deadline_s:g} s")
            yield from self.poll(0.1)
            here = self._client.position([TopicPartition(self.topic, p) for p in left])
            left = {tp.partition: self.ends[tp.partition] for tp in here if tp.offset < self.ends[tp.partition]}

    def close(self) -> None:
        """Let go of the broker."""
        self._client.close()
