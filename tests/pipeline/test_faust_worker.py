"""The Faust worker on a real broker: killed, stopped, doubled - and every answer as if nothing had happened."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kizashi.contracts.topics import Topic
from kizashi.settings import KafkaSettings
from kizashi.stream.admin import BusAdmin
from kizashi.stream.broadcast import read_partitions
from kizashi.stream.loop_producer import LoopProducer
from kizashi.stream.snapshots import read_snapshot
from tests.pipeline.chain_worker import chained

pytestmark = pytest.mark.pipeline

PARTITIONS = 3
SCRIPT = Path(__file__).with_name("chain_worker.py")
WITHIN_S = 60.0


class Fleet:
    """Worker processes that can be started, killed and stopped."""

    def __init__(self, kafka: KafkaSettings, prefix: str, home: Path) -> None:
        self._kafka, self._prefix, self._home = kafka, prefix, home
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(SCRIPT), self._kafka.bootstrap, self._prefix, str(self._home)]
        with (self._home / f"worker{len(self.processes)}.log").open("wb") as log:
            worker = subprocess.Popen(command, stderr=log, stdout=log)
        self.processes.append(worker)
        return worker

    def end_all(self) -> list[int]:
        for p in self.processes:
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        return [p.wait(20) for p in self.processes]


@pytest.fixture
def fleet(kafka: KafkaSettings, unique: str, tmp_path: Path) -> Iterator[Fleet]:
    kafka = kafka.model_copy(update={"partitions": PARTITIONS})
    names = [Topic(f"{unique}.{n}", "", "", "any", -1, compacted=n == "state") for n in ("in", "out", "state")]
    BusAdmin(kafka).ensure(
        [*names, Topic(f"{unique}.control", "", "", "one", -1, hot=False), Topic(f"{unique}.in.dlq.v1", "", "", "one", -1)]
    )
    fleet = Fleet(kafka, unique, tmp_path)
    yield fleet
    for p in fleet.processes:
        if p.poll() is None:
            p.kill()
            p.wait()


async def send(kafka: KafkaSettings, unique: str, first: int, n: int, pause_s: float = 0.0) -> None:
    async with LoopProducer(kafka) as producer:
        for k in range(first, first + n):
            await producer.send(f"{unique}.in", k % PARTITIONS, None, b"poison" if k % 97 == 96 else str(k).encode())
            if pause_s:
                await asyncio.sleep(pause_s)


async def answers(kafka: KafkaSettings, unique: str, n: int) -> dict[tuple[int, int], set[bytes]]:
    """Distinct answers for each input (partition, offset), once all ``n`` inputs have one."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        found: dict[tuple[int, int], set[bytes]] = {}
        for p, records in (await read_partitions(kafka, f"{unique}.out", list(range(PARTITIONS)))).items():
            for r in records:
                found.setdefault((p, int(r.key or b"-1")), set()).add(r.value)
        if len(found) >= n:
            return found
        assert time.monotonic() < deadline, f"{len(found)} of {n} inputs were answered within {WITHIN_S} s"
        await asyncio.sleep(0.3)


def assert_one_chain(found: dict[tuple[int, int], set[bytes]], n: int) -> None:
    assert len(found) == n
    assert {k: v for k, v in found.items() if len(v) != 1} == {}, "a replay gave other bits than the first run"


async def test_killed_workers_lose_nothing_and_repeat_the_same_bits(fleet: Fleet, kafka: KafkaSettings, unique: str) -> None:
    rng, n = random.Random(7), 900
    fleet.start()
    second = fleet.start()
    sending = asyncio.create_task(send(kafka, unique, 0, n, pause_s=0.01))
    await answers(kafka, unique, 100)
    await asyncio.sleep(rng.random())
    second.kill()
    fleet.start()
    await answers(kafka, unique, 500)
    fleet.processes[0].kill()
    await sending
    assert_one_chain(await answers(kafka, unique, n), n)
    codes = fleet.end_all()
    assert codes[:2] == [-signal.SIGKILL, -signal.SIGKILL] and codes[2] == 0


async def test_a_stopped_worker_goes_on_where_it_was(fleet: Fleet, kafka: KafkaSettings, unique: str) -> None:
    first = fleet.start()
    await send(kafka, unique, 0, 120)
    before = await answers(kafka, unique, 120)
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    fleet.start()
    await send(kafka, unique, 120, 60)
    after = await answers(kafka, unique, 180)
    assert_one_chain(after, 180)
    assert {k: after[k] for k in before} == before
    repeated = (await read_partitions(kafka, f"{unique}.out", list(range(PARTITIONS)))).values()
    assert sum(len(r) for r in repeated) == 180, "a clean stop must not repeat anything"
    assert fleet.end_all() == [0, 0]


async def test_what_a_tick_told_survives_a_kill(fleet: Fleet, kafka: KafkaSettings, unique: str) -> None:
    worker = fleet.start()
    async with LoopProducer(kafka) as producer:
        await producer.send(f"{unique}.in", 0, None, b"wake")
        told, deadline = chained(chained(b"", b"wake"), b"tick"), time.monotonic() + WITHIN_S
        while read_snapshot((await read_partitions(kafka, f"{unique}.state", [0]))[0]).state != told:
            assert time.monotonic() < deadline, "no snapshot has what the tick told"
            await asyncio.sleep(0.3)
        worker.kill()
        fleet.start()
        await producer.send(f"{unique}.in", 0, None, b"next")
    assert (await answers(kafka, unique, 3))[0, 1] == {b"next " + chained(told, b"next").hex().encode()}


async def test_controls_count_from_the_same_offset_after_a_kill(fleet: Fleet, kafka: KafkaSettings, unique: str) -> None:
    worker = fleet.start()
    await send(kafka, unique, 0, 60)
    await answers(kafka, unique, 60)
    async with LoopProducer(kafka) as producer:
        await producer.send(f"{unique}.control", 0, b"k", b"lower the threshold")
        await send(kafka, unique, 60, 60, pause_s=0.03)
        await answers(kafka, unique, 120)
    worker.kill()
    fleet.start()
    await send(kafka, unique, 120, 30)
    assert_one_chain(await answers(kafka, unique, 150), 150)
    letters = (await read_partitions(kafka, f"{unique}.in.dlq.v1", [0]))[0]
    assert letters and all(r.value == b"poison" for r in letters)
    assert all(re.search(rb"schema", v) for r in letters for k, v in r.headers if k == "reason")
