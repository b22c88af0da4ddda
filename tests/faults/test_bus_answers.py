"""The dead man's switch asks the bus itself: a stopped broker must not look alive."""

from __future__ import annotations

from pathlib import Path

from kizashi.settings import KafkaSettings
from kizashi.standalone import jars, java
from kizashi.standalone.kafka import KafkaProcess, jar_folder
from kizashi.stream.loop_producer import LoopProducer


async def test_a_stopped_broker_does_not_answer(tmp_path: Path) -> None:
    lock = jars.read_lock()
    jars.fetch(lock, jar_folder(java.tools_folder(), lock))
    broker = KafkaProcess(tmp_path)
    broker.start()
    try:
        broker.wait_ready()
        async with LoopProducer(KafkaSettings(bootstrap=broker.bootstrap)) as producer:
            assert await producer.answers()
            broker.stop()
            assert not await producer.answers()
    finally:
        broker.stop()
