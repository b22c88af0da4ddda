"""The broker goes away under ingest: requests get 503, nothing acknowledged is lost, and all goes on when it is back."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from kizashi.errors import Backpressure, BusUnavailable
from kizashi.settings import KafkaSettings
from kizashi.standalone.kafka import KafkaProcess
from services.ingest.decode import Sample
from services.ingest.settings import IngestLimits
from services.ingest.submit import LaneDoor
from tests.pipeline.ingest_lane import await_values, produce, running, stored, until

pytestmark = [pytest.mark.faults, pytest.mark.pipeline]
T0 = 1_700_000_000_000


def sample(k: int) -> Sample:
    return Sample("m", float(k), float(T0 + k))


async def test_a_frozen_broker_is_503_and_what_was_taken_arrives_when_it_thaws(broker: KafkaProcess, unique: str) -> None:
    kafka = KafkaSettings(bootstrap=broker.bootstrap)
    with running(kafka, unique, IngestLimits(waiting_samples=60)) as ingest:
        door = LaneDoor(ingest.lane, 1.0)
        await LaneDoor(ingest.lane, 20.0).store(unique, [sample(0)], "http")
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            answers = await asyncio.gather(*(door.store(unique, [sample(k)], "http") for k in range(1, 40)), return_exceptions=True)
            assert all(isinstance(a, BusUnavailable) for a in answers)
            many = [door.store(unique, [sample(1_000 + k * 10 + j) for j in range(10)], "http") for k in range(200)]
            crowd = await asyncio.gather(*many, return_exceptions=True)
            assert all(isinstance(a, BusUnavailable | Backpressure) for a in crowd)
            assert any(isinstance(a, Backpressure) for a in crowd), "what waits is bounded"
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        again = await LaneDoor(ingest.lane, 40.0).store(unique, [sample(k) for k in range(1, 40)], "http")
        assert not again.refused
    await asyncio.to_thread(await_values, kafka, unique, {float(k) for k in range(40)}, "m")


def test_a_killed_broker_loses_nothing_that_was_acknowledged(broker: KafkaProcess, unique: str) -> None:
    kafka = KafkaSettings(bootstrap=broker.bootstrap)
    with running(kafka, unique) as ingest:
        produce(kafka, ingest.topic, [b'{"metric":"m","value":%d,"ts":%d}' % (k, T0 + k) for k in range(3_000)])
        until(lambda: ingest.tally.stored.total() > 0, "the first samples")
        broker.kill()
        broker.stop()  # it is dead already: this lets go of its log
        broker.start()
        broker.wait_ready()
        produce(kafka, ingest.topic, [b'{"metric":"m","value":%d,"ts":%d}' % (k, T0 + k) for k in range(3_000, 4_000)])
        await_values(kafka, unique, {float(k) for k in range(4_000)}, "m")
    assert _values(kafka, unique) == {float(k) for k in range(4_000)}


def _values(kafka: KafkaSettings, tenant: str) -> set[float]:
    return set(stored(kafka, tenant).values("m"))
