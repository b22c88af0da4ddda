"""Readers in no hurry are answered once for many messages: a broker that answers for each of them takes the time that people need."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kizashi.contracts.topics import Topic
from kizashi.observe.health import Health
from kizashi.settings import KafkaSettings
from kizashi.stream import batch_reader
from kizashi.stream import consumer as consumer_module
from kizashi.stream.admin import BusAdmin
from kizashi.stream.batch_reader import BatchReader
from kizashi.stream.consumer import GroupConsumer
from kizashi.stream.faust_worker import Duty, FaustWorker
from kizashi.stream.producer import Producer, Record
from kizashi.stream.records import Record as Arrived
from tests.pipeline.chain_worker import Chain
from tests.running_house import until

pytestmark = pytest.mark.pipeline

MESSAGES = 20
EVERY_S = 0.02
"""A fifth of the shortest gathering: the first message after an answer waits for most of it. A busy machine only makes that longer."""
WITHIN_S = 30.0


@pytest.fixture
def topic(kafka: KafkaSettings, unique: str) -> str:
    BusAdmin(kafka.model_copy(update={"partitions": 1})).ensure([Topic(f"{unique}.{n}", "", "", "any", -1) for n in ("in", "state", "out")])
    return f"{unique}.in"


class Sent(threading.Thread):
    """Sends messages one by one; ``at`` is when each was sent."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        super().__init__()
        self._kafka, self._topic, self.at = kafka, topic, [0.0] * MESSAGES

    def run(self) -> None:
        producer = Producer(self._kafka, "test", linger_ms=0)
        for k in range(MESSAGES):
            self.at[k] = time.monotonic()
            producer.send(Record(self._topic, b"%d" % k, partition=0))
            producer.poll(0)
            time.sleep(EVERY_S)
        producer.flush()

    def longest_wait_s(self, came: list[float]) -> float:
        """Of the messages that came at these times, in order."""
        self.join()
        assert len(came) == MESSAGES
        return max(b - a for a, b in zip(self.at, came, strict=True))


async def _joined(reader: BatchReader) -> None:
    while not reader.partitions():
        await reader.read(50)


async def test_the_batch_reader_is_answered_for_many_messages(kafka: KafkaSettings, unique: str, topic: str) -> None:
    async def told() -> None:
        return

    reader, came = BatchReader(kafka, unique, [topic], told, told), list[float]()
    await reader.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            await _joined(reader)
            sent = Sent(kafka, topic)
            sent.start()
            while len(came) < MESSAGES:
                found = await reader.read(10)
                came += [time.monotonic()] * len(found)
    finally:
        await reader.stop()
    assert sent.longest_wait_s(came) >= batch_reader.GATHER_MS / 2_000


def test_the_group_consumer_is_answered_for_many_messages(kafka: KafkaSettings, unique: str, topic: str) -> None:
    consumer, came, deadline = GroupConsumer(kafka, unique, [topic]), list[float](), time.monotonic() + WITHIN_S
    try:
        while not consumer.assigned and time.monotonic() < deadline:
            consumer.read(10, 0.05)
        sent = Sent(kafka, topic)
        sent.start()
        while len(came) < MESSAGES and time.monotonic() < deadline:
            found = consumer.read(100, 0.01)
            came += [time.monotonic()] * len(found)
    finally:
        consumer.close()
    assert sent.longest_wait_s(came) >= consumer_module.GATHER_MS / 2_000


class Timed(Chain):
    """Notes when each record is processed."""

    def __init__(self, out: str, times: list[float]) -> None:
        super().__init__(out, 0)
        self._times = times

    def process(self, record: Arrived) -> None:
        self._times.append(time.monotonic())
        super().process(record)


@dataclass
class Timers:
    """Makes the one processor."""

    out: str
    times: list[float] = field(default_factory=list)

    def new(self, partition: int) -> Timed:
        return Timed(self.out, self.times)

    def load(self, partition: int, data: bytes) -> Timed:
        return self.new(partition)


async def test_a_patient_duty_is_answered_for_many_messages(kafka: KafkaSettings, unique: str, topic: str, tmp_path: Path) -> None:
    stop, health, made = asyncio.Event(), Health("test", needs=("bus", "model")), Timers(f"{unique}.out")
    duty = Duty(unique, (topic,), f"{unique}.state", gather_s=0.4)
    running = asyncio.create_task(FaustWorker(duty, made, kafka, tmp_path, health).run(stop))
    try:
        await asyncio.to_thread(until, lambda: health.ready or running.done(), WITHIN_S)
        sent = Sent(kafka, topic)
        sent.start()
        await asyncio.to_thread(until, lambda: len(made.times) >= MESSAGES or running.done(), WITHIN_S)
    finally:
        stop.set()
        await running
    assert sent.longest_wait_s(made.times) >= duty.gather_s / 2
