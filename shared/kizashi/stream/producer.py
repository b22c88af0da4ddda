"""Producer whose every delivery is looked at: idempotent, acks=all, bounded memory.

A send that fails and whose result nobody reads is the commonest way to lose data with any Kafka client, so a failed
delivery without a listener is raised by the next ``send``, ``check`` or ``flush``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from kizashi.errors import Backpressure, BusUnavailable, InvalidMessage
from kizashi.settings import KafkaSettings
from kizashi.stream.client_config import client_config

Headers = list[tuple[str, str | bytes | None]]
OnResult = Callable[[str | None], None]
"""Called once with None when Kafka acknowledged, or with what went wrong. Runs in the thread that polls."""


_BY_KEY = -1  # librdkafka's RD_KAFKA_PARTITION_UA


@dataclass(frozen=True)
class Record:
    """One message to be sent; ``partition`` None lets the key decide."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: Headers | None = None


class Producer:
    """Confluent producer with checked deliveries. One thread sends; any thread may poll.

    ``give_up_s`` is how long a message is tried before its delivery counts as failed; None tries for ever, for
    readers of a topic who can only wait. ``buffer_mb`` bounds the memory of messages not yet acknowledged.
    """

    def __init__(
        self, kafka: KafkaSettings, client_id: str, *, linger_ms: float = 2.0, give_up_s: float | None = 30.0, buffer_mb: int = 64
    ) -> None:
        self._client = Client(
            client_config(kafka, client_id)
            | {
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": linger_ms,
                "message.timeout.ms": 0 if give_up_s is None else int(give_up_s * 1_000),
                "queue.buffering.max.kbytes": buffer_mb * 1_024,
                "queue.buffering.max.messages": 200_000,
                "message.max.bytes": 8_388_608,
                "error_cb": self._on_error,
            }
        )
        self._failures: list[str] = []
        self._fatal = ""

    def send(self, record: Record, on_result: OnResult | None = None) -> None:
        """Queue one message; raises Backpressure when the buffer is full, BusUnavailable after an unheard failure."""
        self.check()

        def delivered(error: KafkaError | None, _: Message) -> None:
            text = None if error is None else str(error)
            if on_result is not None:
                on_result(text)
            elif text is not None:
                self._failures.append(f"{record.topic}: {text}")

        partition = _BY_KEY if record.partition is None else record.partition
        try:
            self._client.produce(record.topic, record.value, record.key, partition, delivered, headers=record.headers or [])
        except BufferError as x:
            raise Backpressure("the producer's buffer is full: the broker takes less than we send") from x
        except KafkaException as x:
            if x.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise InvalidMessage(f"message of {len(record.value or b'')} bytes for {record.topic} is larger than 8 MiB", "size") from x
            raise BusUnavailable(f"not sent to {record.topic}: {x}") from x

    def send_waiting(self, record: Record, on_result: OnResult | None = None) -> None:
        """As ``send``, but waits for room instead of raising Backpressure. For threads, not for an event loop."""
        while True:
            try:
                self.send(record, on_result)
            except Backpressure:
                self._client.poll(0.1)
            else:
                return

    def poll(self, timeout_s: float = 0.0) -> None:
        """Hand out delivery results; waits up to ``timeout_s`` for the first."""
        self._client.poll(timeout_s)

    @property
    def pending(self) -> int:
        """Messages and results not yet handed out."""
        return len(self._client)

    def check(self) -> None:
        """Raise BusUnavailable when a delivery failed that nobody listened to, or the client is beyond repair."""
        if self._fatal:
            raise BusUnavailable(f"the producer cannot go on, start it anew: {self._fatal}")
        if self._failures:
            failures, self._failures = self._failures, []
            raise BusUnavailable(f"{len(failures)} messages were not acknowledged, first {failures[0]}")

    def flush(self, deadline_s: float = 30.0) -> None:
        """Wait until everything is acknowledged; raises BusUnavailable when that fails or takes longer."""
        left = self._client.flush(deadline_s)
        self.check()
        if left:
            raise BusUnavailable(f"{left} messages were not acknowledged within {deadline_s:g} s")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = str(error)


class AsyncProducer:
    """The same producer for an event loop: a thread hands out results, callers await them."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="producer-poll", daemon=True)
        self._thread.start()

    async def deliver(self, records: Sequence[Record], timeout_s: float = 10.0) -> None:
        """Send all and wait for Kafka to acknowledge all.

        Raises Backpressure when there is no room, BusUnavailable when an acknowledgement fails or does not come in
        time. After either some of the records may have arrived: the caller has to be repeatable.
        """
        if not records:
            return
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        left = len(records)

        def settle(error: str | None) -> None:
            nonlocal left
            left -= 1
            if done.done():
                return
            if error is not None:
                done.set_exception(BusUnavailable(f"Kafka did not acknowledge: {error}"))
            elif left == 0:
                done.set_result(None)

        def on_result(error: str | None) -> None:
            loop.call_soon_threadsafe(settle, error)

        for record in records:
            self._producer.send(record, on_result)
        try:
            await asyncio.wait_for(done, timeout_s)
        except TimeoutError as x:
            raise BusUnavailable(f"Kafka did not acknowledge within {timeout_s:g} s") from x

    def close(self, deadline_s: float = 5.0) -> None:
        """Flush and end the thread; raises BusUnavailable when messages are left."""
        self._stop.set()
        self._thread.join(2.0)
        self._producer.flush(deadline_s)

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(0.1)
