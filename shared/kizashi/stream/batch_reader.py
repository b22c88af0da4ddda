"""A consumer group's reader for batches: manual commits, pausing, and word of every rebalance. The sink reads with it.

Traps it hides: records that were fetched before a rebalance belong to nobody any more and are dropped, and since some of them may
be the first of the new assignment, every assignment begins with a step back to what is committed. A commit after the group moved on
is refused by the broker, which is fine, since whoever owns the partition now reads the records again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from kizashi.errors import BusUnavailable
from kizashi.observe.logs import logger
from kizashi.settings import KafkaSettings
from kizashi.stream.broadcast import to_record
from kizashi.stream.client_config import GATHER_BYTES
from kizashi.stream.kafka_client import aiokafka_arguments
from kizashi.stream.records import Record

Place = tuple[str, int]
"""Topic and partition."""
Told = Callable[[], Awaitable[None]]
FETCH_BYTES = 8 << 20
PARTITION_FETCH_BYTES = 1 << 20
GATHER_MS = 200
"""A batch that lands once in 0.3 s need not be read message by message."""


class BatchReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Reads ``topics`` as a member of ``group``; starts at the oldest record where the group has committed nothing.

    ``revoked`` is awaited before partitions are given up, bounded by the group's patience, and ``assigned`` after new ones came:
    what was read and not committed before then is read again by the new owner.
    """

    def __init__(self, kafka: KafkaSettings, group: str, topics: Sequence[str], revoked: Told, assigned: Told) -> None:
        self._revoked, self._assigned = revoked, assigned
        self._topics = topics
        self._generation = 0
        self._new_assignment = False
        self._kafka = kafka
        self._group = group
        self._stopped: set[TopicPartition] = set()

    async def start(self) -> None:
        """Join the group. Raises BusUnavailable when Kafka does not answer."""
        self._consumer = AIOKafkaConsumer(
            **aiokafka_arguments(self._kafka), group_id=self._group, enable_auto_commit=False, auto_offset_reset="earliest",
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES, fetch_max_bytes=FETCH_BYTES,
            fetch_min_bytes=GATHER_BYTES, fetch_max_wait_ms=GATHER_MS,
            heartbeat_interval_ms=1_000, session_timeout_ms=10_000, rebalance_timeout_ms=20_000, max_poll_interval_ms=300_000,
        )  # fmt: skip
        self._consumer.subscribe(self._topics, listener=self)
        try:
            await self._consumer.start()
        except (KafkaError, OSError) as x:
            await self._consumer.stop()
            raise BusUnavailable(f"Kafka at {self._kafka.bootstrap} does not answer: {x!r}") from x

    async def stop(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    async def read(self, within_ms: int) -> list[Record]:
        """What has come, partition by partition in order; empty after ``within_ms`` of silence. Raises BusUnavailable."""
        if self._new_assignment:
            await self._go_to_committed()
        generation = self._generation
        try:
            found = await self._consumer.getmany(timeout_ms=within_ms)
        except KafkaError as x:
            raise BusUnavailable(f"reading failed: {x!r}") from x
        if generation != self._generation:
            return []
        return [to_record(m) for tp, messages in found.items() if tp not in self._stopped for m in messages]

    async def _go_to_committed(self) -> None:
        """Begin an assignment at what is committed. The client gives out its first records before it tells us of it, or to a call that
        began before it; those were dropped, and its position is behind them."""
        self._new_assignment = False
        try:
            mine = list(self._consumer.assignment())
            committed = await asyncio.gather(*map(self._consumer.committed, mine))  # one after the other they take seconds
            for tp, offset in zip(mine, committed, strict=True):
                if offset is not None:
                    self._consumer.seek(tp, offset)
            new = [tp for tp, offset in zip(mine, committed, strict=True) if offset is None]
            if new:
                await self._consumer.seek_to_beginning(*new)
        except IllegalStateError:
            return  # given away meanwhile: the next assignment begins in the same way
        except KafkaError as x:
            raise BusUnavailable(f"where to begin after a rebalance is unknown: {x!r}") from x

    async def commit(self, next_offsets: Mapping[Place, int]) -> bool:
        """Record where to go on. False when the partitions belong to somebody else by now. Raises BusUnavailable."""
        if not next_offsets:
            return True
        try:
            await self._consumer.commit({TopicPartition(*place): offset for place, offset in next_offsets.items()})
        except (CommitFailedError, IllegalStateError) as x:
            logger().warning("reader.commit_refused", error=repr(x))
            return False
        except KafkaError as x:
            raise BusUnavailable(f"the commit failed: {x!r}") from x
        return True

    def hold(self) -> None:
        """Take nothing for now; membership and heartbeats go on as long as ``read`` is called."""
        self._consumer.pause(*self._consumer.assignment())

    def go_on(self) -> None:
        """End of ``hold``; stopped partitions stay as they are."""
        self._consumer.resume(*(self._consumer.assignment() - self._stopped))

    def stop_partition(self, place: Place) -> None:
        """Take nothing of this partition until the next rebalance or start; the others go on."""
        tp = TopicPartition(*place)
        self._stopped.add(tp)
        if tp in self._consumer.assignment():
            self._consumer.pause(tp)

    def partitions(self) -> set[Place]:
        """What is ours."""
        return {(tp.topic, tp.partition) for tp in self._consumer.assignment()}

    async def lag(self) -> dict[str, int]:
        """Records between our position and the end, by topic; from what the last fetches said, so it costs nothing."""
        lags: dict[str, int] = {}
        for tp in self._consumer.assignment():
            end = self._consumer.highwater(tp)
            if end is not None:
                lags[tp.topic] = lags.get(tp.topic, 0) + max(0, end - await self._consumer.position(tp))
        return lags

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._generation += 1
        await self._revoked()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._generation += 1
        self._new_assignment = True
        self._stopped.clear()
        await self._assigned()


async def wait_until(answers: Callable[[], Awaitable[None]], stop: asyncio.Event, every_s: float = 1.0) -> bool:
    """Try ``answers`` until it raises no BusUnavailable; False when ``stop`` was set before."""
    while not stop.is_set():
        try:
            await answers()
            return True
        except BusUnavailable as x:
            logger().warning("bus.waiting", error=str(x))
            await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=every_s)
    return False
