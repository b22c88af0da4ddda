"""Readers in no hurry are answered once for many messages: a broker that answers for each of them takes the time that people need."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kizashi.contracts.topics import Topic
from kizashi.observe.health import Health
from kizashi.settings import KafkaSettings
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
EVERY_S = 0.04
MOST_ANSWERS = 17
"""Gathered for 100 ms at least there are about nine answers; the rest is for a machine that stumbles. Without, there are twenty."""
WITHIN_S = 30.0


@pytest.fixture
def topic(kafka: KafkaSettings, unique: str) -> str:
    BusAdmin(kafka.model_copy(update={"partitions": 1})).ensure([Topic(f"{unique}.{n}", "", "", "any", -1) for n in ("in", "state", "out")])
    return f"{unique}.in"


def trickle(kafka: KafkaSettings, topic: str) -> None:
    producer = Producer(kafka, "test", linger_ms=0)
    for k in range(MESSAGES):
        producer.send(Record(topic, b"%d" % k, partition=0))
        producer.poll(EVERY_S)
        time.sleep(EVERY_S)
    producer.flush()


@dataclass
class Counted:
    """How many messages each answer brought."""

    sizes: list[int] = field(default_factory=list)

    def take(self, size: int) -> bool:
        """Whether all have come."""
        self.sizes += [size] if size else []
        return sum(self.sizes) >= MESSAGES


async def _joined(reader: BatchReader) -> None:
    while not reader.partitions():
        await reader.read(50)


async def test_the_batch_reader_is_answered_once_for_many_messages(kafka: KafkaSettings, unique: str, topic: str) -> None:
    async def told() -> None:
        return

    reader, counted = BatchReader(kafka, unique, [topic], told, told), Counted()
    await reader.start()
    async with asyncio.timeout(WITHIN_S):
        await _joined(reader)
        sending = asyncio.to_thread(trickle, kafka, topic)
        task = asyncio.create_task(sending)
        while not counted.take(len(await reader.read(10))):
            pass
        await task
    await reader.stop()
    assert len(counted.sizes) <= MOST_ANSWERS


def test_the_group_consumer_is_answered_once_for_many_messages(kafka: KafkaSettings, unique: str, topic: str) -> None:
    consumer, counted, deadline = GroupConsumer(kafka, unique, [topic]), Counted(), time.monotonic() + WITHIN_S
    while not consumer.assigned and time.monotonic() < deadline:
        consumer.read(10, 0.05)
    sender = threading.Thread(target=trickle, args=(kafka, topic))
    sender.start()
    while not counted.take(len(consumer.read(100, 0.01))) and time.monotonic() < deadline:
        pass
    sender.join()
    consumer.close()
    assert sum(counted.sizes) == MESSAGES
    assert len(counted.sizes) <= MOST_ANSWERS


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


async def test_a_patient_duty_is_answered_once_for_many_messages(kafka: KafkaSettings, unique: str, topic: str, tmp_path: Path) -> None:
    stop, health, made = asyncio.Event(), Health("test", needs=("bus", "model")), Timers(f"{unique}.out")
    duty = Duty(unique, (topic,), f"{unique}.state", gather_s=0.4)
    running = asyncio.create_task(FaustWorker(duty, made, kafka, tmp_path, health).run(stop))
    await asyncio.to_thread(until, lambda: health.ready or running.done(), WITHIN_S)
    await asyncio.to_thread(trickle, kafka, topic)
    await asyncio.to_thread(until, lambda: len(made.times) >= MESSAGES or running.done(), WITHIN_S)
    stop.set()
    await running
    steps = 1 + sum(b - a > EVERY_S / 2 for a, b in itertools.pairwise(made.times))
    assert len(made.times) == MESSAGES
    assert steps <= MESSAGES // 2
