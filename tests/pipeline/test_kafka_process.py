"""The broker as a child process: starts, answers, survives kill -9 with its data, refuses what it must."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from kizashi.errors import BusUnavailable, ConfigurationError
from kizashi.settings import KafkaSettings
from kizashi.standalone import probe
from kizashi.standalone.kafka import KafkaProcess

pytestmark = pytest.mark.pipeline


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result(20)


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    failed: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(30) == 0 and not failed


def consume(bootstrap: str, topic: str, wanted: int) -> list[bytes | None]:
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"})
    reader.subscribe([topic])
    got: list[bytes | None] = []
    try:
        while len(got) < wanted:
            batch = reader.consume(wanted - len(got), timeout=30)
            assert batch, f"only {len(got)} of {wanted} came back"
            got += [message.value() for message in batch]
    finally:
        reader.close()
    return got


def test_session_broker_answers(kafka: KafkaSettings, unique: str) -> None:
    create(kafka.bootstrap, unique)
    produce(kafka.bootstrap, unique, [b"one", b"two"])
    assert consume(kafka.bootstrap, unique, 2) == [b"one", b"two"]


def test_acknowledged_messages_survive_kill_9(tmp_path: Path) -> None:
    sent = [b"%d" % i for i in range(2_000)]
    first = KafkaProcess(tmp_path)
    first.start()
    try:
        first.wait_ready()
        create(first.bootstrap, "kept")
        produce(first.bootstrap, "kept", sent)
        first.kill()
    finally:
        first.stop()
    second = KafkaProcess(tmp_path)
    second.start()
    try:
        second.wait_ready()
        assert consume(second.bootstrap, "kept", len(sent)) == sent
    finally:
        second.stop()
    assert second.pid is None


def test_taken_port_is_a_clear_sentence(kafka: KafkaSettings, tmp_path: Path) -> None:
    port = int(kafka.bootstrap.rpartition(":")[2])
    assert probe.kafka_answers("127.0.0.1", port)
    with pytest.raises(ConfigurationError, match=f"Port {port} for Kafka is taken"):
        KafkaProcess(tmp_path, port).start()


def test_broker_that_cannot_start_shows_its_last_words(tmp_path: Path) -> None:
    broker = KafkaProcess(tmp_path, heap_mb=8)
    broker.command()  # formats with a heap of its own
    broker.start()
    try:
        with pytest.raises(BusUnavailable, match=r"(?s)ended while starting.*(heap|memory)"):
            broker.wait_ready()
    finally:
        broker.stop()
