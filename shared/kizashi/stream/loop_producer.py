"""A producer for event-loop code (gateway, alerting): sends that return when Kafka has acknowledged, or raise BusUnavailable."""

from __future__ import annotations

import asyncio
from types import TracebackType

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from kizashi.contracts import codec, topics
from kizashi.contracts.findings import Feedback
from kizashi.errors import BusUnavailable
from kizashi.settings import KafkaSettings
from kizashi.stream.kafka_client import COMPRESSION, aiokafka_arguments

ACKNOWLEDGED_WITHIN_MS = 10_000
ANSWERS_WITHIN_S = 5.0


class LoopProducer:
    """Idempotent, ``acks=all``. Use as ``async with LoopProducer(kafka) as producer``."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka

    async def __aenter__(self) -> LoopProducer:
        self._producer = AIOKafkaProducer(
            **aiokafka_arguments(self._kafka), acks="all", enable_idempotence=True, compression_type=COMPRESSION,
            request_timeout_ms=ACKNOWLEDGED_WITHIN_MS, max_request_size=7 << 20,
        )  # fmt: skip
        try:
            await self._producer.start()
        except KafkaError as x:
            raise BusUnavailable(f"Kafka at {self._kafka.bootstrap} does not answer: {x!r}") from x
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._producer.stop()

    async def send(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        """Offset of the acknowledged message. Raises BusUnavailable."""
        try:
            sent = await self._producer.send_and_wait(topic, value, key, partition)
        except KafkaError as x:
            raise BusUnavailable(f"Kafka has not acknowledged a message to {topic}: {x!r}") from x
        return int(sent.offset)

    async def answers(self) -> bool:
        """True when a broker has just answered; nothing is written for it. At most ``ANSWERS_WITHIN_S``."""
        try:
            return bool(await asyncio.wait_for(self._producer.client.force_metadata_update(), ANSWERS_WITHIN_S))
        except (KafkaError, TimeoutError):
            return False

    async def publish_feedback(self, feedback: Feedback) -> int:
        """Send a person's verdict to the feedback topic."""
        return await self.send(topics.FEEDBACK.name, 0, feedback.target.encode(), codec.encode(feedback))
