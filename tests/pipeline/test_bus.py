"""Administration and producer against the real broker."""

from __future__ import annotations

import pytest

from kizashi.contracts.topics import HOT_PARTITIONS, SAMPLES, TOPICS, Topic
from kizashi.errors import Backpressure, BusUnavailable, InvalidMessage, NotFound
from kizashi.settings import KafkaSettings
from kizashi.standalone.probe import free_port
from kizashi.stream.admin import BusAdmin, ensure_topics, topic_ids
from kizashi.stream.consumer import Lookout
from kizashi.stream.producer import AsyncProducer, Producer, Record

pytestmark = pytest.mark.pipeline


def own(kafka: KafkaSettings, name: str) -> str:
    BusAdmin(kafka).ensure([Topic(name, "any", "bytes", "one", -1)])
    return name


def test_topics_are_made_once_and_other_partitions_are_reported(kafka: KafkaSettings) -> None:
    ensure_topics(kafka)
    again = ensure_topics(kafka)
    assert again.ok
    assert again.created == []
    assert set(again.existing) == {t.name for t in TOPICS}
    other = BusAdmin(kafka.model_copy(update={"partitions": 7})).ensure([SAMPLES])
    assert [(m.topic, m.wanted, m.found) for m in other.mismatched] == [(SAMPLES.name, 7, HOT_PARTITIONS)]
    assert f"kafka.partitions = {HOT_PARTITIONS}" in other.sentences()[0]


def test_topic_ids_tell_topics_apart(kafka: KafkaSettings, unique: str) -> None:
    a, b = own(kafka, f"{unique}-a"), own(kafka, f"{unique}-b")
    ids = topic_ids(kafka, [a, b])
    assert ids == topic_ids(kafka, [a, b])
    assert len(set(ids.values())) == 2
    with pytest.raises(NotFound, match="no topic"):
        topic_ids(kafka, [f"{unique}-none"])


def test_offsets_lag_and_reading_to_the_end(kafka: KafkaSettings, unique: str) -> None:
    topic = own(kafka, unique)
    admin, producer = BusAdmin(kafka), Producer(kafka, "test")
    assert admin.end_offsets([topic, f"{unique}-none"]) == {(topic, 0): 0}
    for k in range(25):
        producer.send(Record(topic, b"%d" % k, headers=[("k", str(k))]))
    producer.flush()
    assert producer.pending == 0
    assert admin.lag(f"{unique}-nobody", [topic]) == {topic: 25}
    lookout = Lookout(kafka, topic, last=5)
    assert [m.value() for m in lookout.until_end()] == [b"20", b"21", b"22", b"23", b"24"]
    lookout.close()


def test_a_delivery_nobody_listened_to_is_raised(kafka: KafkaSettings, unique: str) -> None:
    topic = own(kafka, unique)
    producer = Producer(kafka, "test", give_up_s=5.0)
    producer.send(Record(topic, b"x", partition=99))
    with pytest.raises(BusUnavailable, match="not acknowledged"):
        producer.flush(20.0)
    heard: list[str | None] = []
    producer.send(Record(topic, b"x", partition=0), heard.append)
    producer.flush(20.0)
    assert heard == [None]
    listener = Producer(kafka, "test", give_up_s=5.0)
    listener.send(Record(topic, b"x", partition=99), heard.append)
    listener.flush(20.0)
    assert len(heard) == 2
    assert "partition" in str(heard[1])


def test_a_message_over_the_limit_is_invalid_not_lost(kafka: KafkaSettings, unique: str) -> None:
    producer = Producer(kafka, "test")
    with pytest.raises(InvalidMessage, match="larger") as caught:
        producer.send(Record(own(kafka, unique), bytes(9 * 1_048_576)))
    assert caught.value.reason == "size"


def test_a_broker_that_is_away_is_back_pressure_then_unavailable() -> None:
    nowhere = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")
    producer = Producer(nowhere, "test", give_up_s=1.0, buffer_mb=1)
    with pytest.raises(Backpressure):
        for _ in range(10):
            producer.send(Record("t", bytes(300_000)), lambda _: None)
    producer.send_waiting(Record("t", bytes(900_000)))
    with pytest.raises(BusUnavailable):
        producer.flush(10.0)


async def test_awaited_deliveries(kafka: KafkaSettings, unique: str) -> None:
    topic = own(kafka, unique)
    producer = AsyncProducer(Producer(kafka, "test"))
    await producer.deliver([Record(topic, b"1"), Record(topic, b"2")])
    assert BusAdmin(kafka).end_offsets([topic]) == {(topic, 0): 2}
    with pytest.raises(BusUnavailable):
        await producer.deliver([Record(topic, b"3"), Record(topic, b"4", partition=50)])
    await producer.deliver([])
    producer.close()
