"""Reading a topic whole: nothing that was acknowledged before the call may be missing, however often it is asked."""

from __future__ import annotations

import pytest

from kizashi.contracts.topics import Topic
from kizashi.settings import KafkaSettings
from kizashi.stream.admin import BusAdmin
from kizashi.stream.broadcast import BroadcastReader, read_partitions
from kizashi.stream.loop_producer import LoopProducer
from kizashi.stream.records import Record

pytestmark = pytest.mark.pipeline


async def test_every_acknowledged_record_is_read(kafka: KafkaSettings, unique: str) -> None:
    three = kafka.model_copy(update={"partitions": 3})
    BusAdmin(three).ensure([Topic(unique, "", "", "any", -1)])
    async with LoopProducer(three) as producer:
        for n in range(1, 25):
            await producer.send(unique, n % 3, None, str(n).encode())
            found = await read_partitions(three, unique, [0, 1, 2])
            assert sorted(int(r.value) for records in found.values() for r in records) == list(range(1, n + 1))


async def test_a_follower_has_caught_up_before_it_returns(kafka: KafkaSettings, unique: str) -> None:
    BusAdmin(kafka).ensure([Topic(unique, "", "", "one", -1)])
    seen: list[Record] = []
    async with LoopProducer(kafka) as producer:
        for n in range(5):
            await producer.send(unique, 0, None, str(n).encode())
        reader = BroadcastReader(kafka, [unique], seen.append)
        await reader.start()
        try:
            assert [int(r.value) for r in seen] == list(range(5))
        finally:
            await reader.stop()
