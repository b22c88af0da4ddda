"""The dead man's switch asks the bus itself: a stopped broker must not look alive."""

from __future__ import annotations

from kizashi.settings import KafkaSettings
from kizashi.standalone.kafka import KafkaProcess
from kizashi.stream.loop_producer import LoopProducer


async def test_a_stopped_broker_does_not_answer(broker: KafkaProcess) -> None:
    async with LoopProducer(KafkaSettings(bootstrap=broker.bootstrap)) as producer:
        assert await producer.answers()
        broker.stop()
        assert not await producer.answers()
