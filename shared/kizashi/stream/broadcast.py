"""Group-less reading: a topic partition from its beginning to its end, and then whatever comes.

For state (read once) and for configuration and feedback (followed by every replica).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from kizashi.errors import BusUnavailable
from kizashi.settings import KafkaSettings
from kizashi.stream.kafka_client import aiokafka_arguments
from kizashi.stream.records import Record

POLL_MS = 200
FETCH_BYTES = 16 << 20


def to_record(m: ConsumerRecord) -> Record:
    """Our record from aiokafka's; a tombstone has an empty value."""
    return Record(m.topic, m.partition, m.offset, m.value or b"", m.key, m.timestamp, tuple(m.headers or ()))


def _reader(kafka: KafkaSettings) -> AIOKafkaConsumer:
    """Reads from the beginning. ``latest``, the default, races with ``seek_to_beginning``: the late answer for the end wins at times."""
    return AIOKafkaConsumer(
        **aiokafka_arguments(kafka), enable_auto_commit=False, auto_offset_reset="earliest", max_partition_fetch_bytes=FETCH_BYTES
    )


async def read_partitions(kafka: KafkaSettings, topic: str, partitions: list[int]) -> dict[int, list[Record]]:
    """All records of some partitions, each up to the end it had when this was called. Raises BusUnavailable."""
    out: dict[int, list[Record]] = {p: [] for p in partitions}
    consumer = _reader(kafka)
    await consumer.start()
    try:
        tps = [TopicPartition(topic, p) for p in partitions]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        await consumer.seek_to_beginning(*tps)
        while tps := [tp for tp in tps if await consumer.position(tp) < ends[tp]]:
            for tp, messages in (await consumer.getmany(*tps, timeout_ms=POLL_MS)).items():
                out[tp.partition].extend(to_record(m) for m in messages if m.offset < ends[tp])
    except KafkaError as x:
        raise BusUnavailable(f"{topic} cannot be read: {x!r}") from x
    finally:
        await consumer.stop()
    return out


class BroadcastReader:
    """Follows one-partition topics from their beginning. ``caught_up`` is set when the ends of the start have been seen."""

    def __init__(self, kafka: KafkaSettings, topics: list[str], handle: Callable[[Record], None]) -> None:
        self._kafka = kafka
        self._tps = [TopicPartition(t, 0) for t in topics]
        self._handle = handle
        self._task: asyncio.Task[None] | None = None
        self.caught_up = asyncio.Event()

    async def start(self) -> None:
        """Begin to read; returns when everything that was there has been handled."""
        self._task = asyncio.create_task(self._follow(), name="broadcast")
        waiting = asyncio.create_task(self.caught_up.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """End the task and close the connection."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        consumer = _reader(self._kafka)
        await consumer.start()
        try:
            consumer.assign(self._tps)
            ends = await consumer.end_offsets(self._tps)
            await consumer.seek_to_beginning(*self._tps)
            async for record in self._records(consumer, ends):
                self._handle(record)
        finally:
            await consumer.stop()

    async def _records(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> AsyncIterator[Record]:
        while True:
            if not self.caught_up.is_set() and all([await consumer.position(tp) >= ends[tp] for tp in self._tps]):
                self.caught_up.set()
            for messages in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for m in messages:
                    yield to_record(m)
