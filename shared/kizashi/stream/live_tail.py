"""The newest messages of some topics, for screens: no group, from the end, only the partitions that somebody looks at.

A reader of ours has no committed place. Whoever must not miss a message keeps a cursor (partition → next offset) and asks ``read_spans``
for what lies between it and the place where following began.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from kizashi.errors import BusUnavailable, NotFound
from kizashi.observe.logs import logger
from kizashi.settings import KafkaSettings
from kizashi.stream.broadcast import to_record
from kizashi.stream.kafka_client import aiokafka_arguments
from kizashi.stream.records import Record

POLL_MS = 100
"""How long a change of the wanted partitions may wait for a fetch to end."""
RETRY_S = 1.0
FETCH_BYTES = 8 << 20
Place = tuple[str, int]
"""Topic and partition."""


class LiveTail:
    """Follows partitions from their end and hands each record to ``handle``, in order, on the event loop.

    ``want`` says which partitions; the others are not fetched at all. ``positions`` holds the offset of the next record of each
    partition that is followed; it appears a moment after ``want`` and ``wait_for`` waits for it. Of the topics in ``rewind_s``
    following begins that many seconds before the end; ``caught_up`` tells when that part has been handed over. ``missed`` is called when
    retention took records before they were read.
    """

    def __init__(
        self, kafka: KafkaSettings, handle: Callable[[Record], None], rewind_s: Mapping[str, float] | None = None,
        missed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._kafka = kafka
        self._handle, self._missed = handle, missed
        self._rewind_s = dict(rewind_s or {})
        self._ends: dict[Place, int] = {}
        self._wanted: frozenset[Place] = frozenset()
        self.positions: dict[Place, int] = {}
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connected = False

    def start(self) -> None:
        """Begin; returns at once. A broker that is away is tried again each second, from where reading had stopped."""
        self._task = asyncio.create_task(self._run(), name="live-tail")

    async def stop(self) -> None:
        """End and close the connection."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def want(self, places: frozenset[Place]) -> None:
        """Follow exactly these from now on."""
        self._wanted = places

    def is_old(self, record: Record) -> bool:
        """Whether a record was written before its partition was followed."""
        return record.offset < self._ends.get((record.topic, record.partition), 0)

    def caught_up(self, places: frozenset[Place]) -> bool:
        """Whether all of these are followed and have reached the end as it was when following began."""
        return all(place in self.positions and self.positions[place] >= self._ends.get(place, 0) for place in places)

    async def wait_for(self, places: frozenset[Place], within_s: float = 10.0) -> None:
        """Return when all of these have caught up. Raises BusUnavailable."""
        try:
            async with asyncio.timeout(within_s):
                while not self.caught_up(places):
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as x:
            raise BusUnavailable("the live topics do not answer; the page shows what is stored until they do") from x

    async def _run(self) -> None:
        while True:
            try:
                consumer = await _connect(self._kafka)
            except BusUnavailable:
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self._follow(consumer)
            except (KafkaError, OSError) as x:
                logger().warning("live.lost", error=repr(x))
            finally:
                self.connected = False
                await consumer.stop()
            await asyncio.sleep(RETRY_S)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        followed: frozenset[Place] | None = None
        while True:
            if followed != self._wanted:
                followed = self._wanted
                await self._assign(consumer, followed)
            if not followed:
                await asyncio.sleep(POLL_MS / 1_000)
                continue
            try:
                found = await consumer.getmany(timeout_ms=POLL_MS)
            except OffsetOutOfRangeError:  # retention overtook a slow reader: go on from the end, the cursor shows the hole
                self.positions.clear()
                self._missed()
                followed = None
                continue
            self._hand_over(found, followed)

    def _hand_over(self, found: Mapping[TopicPartition, list[object]], followed: frozenset[Place]) -> None:
        for tp, messages in found.items():
            place = (tp.topic, tp.partition)
            if place not in followed:
                continue
            for message in messages:
                record = to_record(message)
                if record.offset >= self.positions[place]:
                    self.positions[place] = record.offset + 1
                    self._handle(record)
        self._moved.set()

    async def _assign(self, consumer: AIOKafkaConsumer, places: frozenset[Place]) -> None:
        tps = [TopicPartition(*place) for place in sorted(places)]
        consumer.assign(tps)
        fresh = [tp for tp in tps if (tp.topic, tp.partition) not in self.positions]
        ends = await consumer.end_offsets(fresh) if fresh else {}
        starts = ends | await self._rewound(consumer, fresh)
        self.positions = {p: o for p, o in self.positions.items() if p in places}
        self.positions |= {(tp.topic, tp.partition): offset for tp, offset in starts.items()}
        self._ends = {p: o for p, o in self._ends.items() if p in places} | {(tp.topic, tp.partition): o for tp, o in ends.items()}
        for tp in tps:
            consumer.seek(tp, self.positions[tp.topic, tp.partition])
        self.connected = True
        self._moved.set()

    async def _rewound(self, consumer: AIOKafkaConsumer, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where to begin partitions of rewound topics; those without a record that young are left out: they begin at their end."""
        now_ms = time.time_ns() // 1_000_000  # the writers' clock, by which Kafka finds offsets
        since = {tp: now_ms - int(self._rewind_s[tp.topic] * 1_000) for tp in tps if tp.topic in self._rewind_s}
        found = await consumer.offsets_for_times(since) if since else {}
        return {tp: at.offset for tp, at in found.items() if at is not None}


async def read_spans(kafka: KafkaSettings, topic: str, spans: Mapping[int, tuple[int, int]]) -> AsyncIterator[Record]:
    """Records of partition p with ``spans[p][0]`` <= offset < ``spans[p][1]``, in order within each partition.

    Raises NotFound when the log no longer goes back that far, BusUnavailable when Kafka does not answer.
    """
    open_ends = {TopicPartition(topic, p): end for p, (start, end) in spans.items() if start < end}
    if not open_ends:
        return
    consumer = await _connect(kafka)
    try:
        consumer.assign(list(open_ends))
        begins = await consumer.beginning_offsets(list(open_ends))
        for tp in open_ends:
            if begins[tp] > spans[tp.partition][0]:
                raise NotFound(f"{topic} no longer holds offset {spans[tp.partition][0]} of partition {tp.partition}")
            consumer.seek(tp, spans[tp.partition][0])
        while open_ends:
            for tp, messages in (await consumer.getmany(*open_ends, timeout_ms=POLL_MS)).items():
                for message in messages:
                    if message.offset < open_ends[tp]:
                        yield to_record(message)
            open_ends = {tp: end for tp, end in open_ends.items() if await consumer.position(tp) < end}
    except KafkaError as x:
        raise BusUnavailable(f"{topic} cannot be read: {x!r}") from x
    finally:
        await consumer.stop()


async def _connect(kafka: KafkaSettings) -> AIOKafkaConsumer:
    arguments = aiokafka_arguments(kafka)
    consumer = AIOKafkaConsumer(
        **arguments, enable_auto_commit=False, auto_offset_reset="none", max_partition_fetch_bytes=FETCH_BYTES, fetch_max_wait_ms=POLL_MS
    )
    try:
        await consumer.start()
    except (KafkaError, OSError) as x:
        await consumer.stop()
        raise BusUnavailable(f"Kafka at {kafka.bootstrap} does not answer: {x!r}") from x
    return consumer
