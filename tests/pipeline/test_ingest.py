"""Ingest on a real broker: bad input among good, exact books, restarts, dead letters that go back, full limits."""

from __future__ import annotations

import asyncio
import json

import pytest

from kizashi.contracts.batches import HISTORY
from kizashi.contracts.topics import METRICS
from kizashi.settings import KafkaSettings
from kizashi.stream.admin import BusAdmin
from kizashi.stream.dead_letter_box import letters, replay
from kizashi.stream.producer import Producer, Record
from services.ingest.decode import Sample
from services.ingest.settings import IngestLimits
from services.ingest.submit import LaneDoor
from tests.pipeline.ingest_lane import produce, running, stored, tenant_topic, until
from tests.unit.ingest.test_decode import UNREADABLE

pytestmark = pytest.mark.pipeline


def good(k: int) -> bytes:
    return json.dumps({"metric": "good", "value": k, "ts": 1_700_000_000_000 + k, "labels": {"n": str(k % 7)}}).encode()


def values_of(kafka: KafkaSettings, tenant: str, metric: str) -> list[float]:
    return stored(kafka, tenant).values(metric)


def test_forty_kinds_of_bad_input_among_good_stop_nothing_and_lose_nothing(kafka: KafkaSettings, unique: str) -> None:
    bad = [data for data, _ in UNREADABLE.values()]
    mixed: list[bytes | None] = []
    for k in range(300):
        mixed.append(good(k))
        if k < len(bad):
            mixed.append(bad[k])
    refused = [b'{"metric":"good","value":NaN}', b'{"metric":" bad name","value":1}', b'{"metric":"good","value":1,"ts":4000000000}']
    with running(kafka, unique) as ingest:
        produce(kafka, ingest.topic, [*mixed, *refused])
        total = len(mixed) + len(refused)
        until(lambda: ingest.tally.received.total() == total and ingest.tally.in_flight == 0, "all messages")
        books = ingest.tally
        assert books.stored.total() == 300
        assert dict(books.rejected) == {"not_finite": 1, "name": 1, "future": 1}
        assert books.dead.total() == len(bad)
        assert ingest.health.ready
    assert sorted(values_of(kafka, unique, "good")) == [float(k) for k in range(300)]
    box = [x for x in letters(kafka, [METRICS.dead_letters]) if x.about.topic == ingest.topic]
    assert sorted((x.value or b"") for x in box) == sorted((b or b"") for b in bad)
    assert {x.about.reason for x in box} == {reason for _, reason in UNREADABLE.values()}


def test_a_restart_loses_nothing_and_repeats_only_what_was_not_committed(kafka: KafkaSettings, unique: str) -> None:
    topic = tenant_topic(kafka, unique)
    produce(kafka, topic, [good(k) for k in range(500)])
    with running(kafka, unique) as first:
        until(lambda: first.tally.stored.total() == 500, "the first half")
    produce(kafka, topic, [good(k) for k in range(500, 1_000)])
    with running(kafka, unique) as second:
        until(lambda: second.tally.stored.total() == 500, "the second half")
    assert sorted(values_of(kafka, unique, "good")) == [float(k) for k in range(1_000)]
    assert BusAdmin(kafka).lag(f"ingest-{unique}", [topic]) == {topic: 0}


def test_lists_ndjson_and_history_arrive_with_their_flag(kafka: KafkaSettings, unique: str) -> None:
    with running(kafka, unique) as ingest:
        producer = Producer(kafka, "test")
        producer.send(Record(ingest.topic, b"[" + good(1) + b"," + good(2) + b"]"))
        producer.send(Record(ingest.topic, good(3) + b"\n" + good(4) + b"\n"))
        producer.send(Record(ingest.topic, good(5), headers=[("kizashi-history", "1")]))
        producer.flush()
        until(lambda: ingest.tally.stored.total() == 5, "five samples")
    kept = stored(kafka, unique)
    batches, infos = kept.batches, kept.infos
    flags = {v: f for b in batches for i, v, f in zip(b.ids.tolist(), b.values.tolist(), b.flags.tolist(), strict=True) if i in infos}
    assert flags == {1.0: 0, 2.0: 0, 3.0: 0, 4.0: 0, 5.0: HISTORY}


def test_too_many_bad_messages_stop_the_reader_of_that_topic_alone_and_it_says_so(kafka: KafkaSettings, unique: str) -> None:
    wrong, right = tenant_topic(kafka, unique), tenant_topic(kafka, f"{unique}right")
    produce(kafka, wrong, [b"not json %d" % k for k in range(3_000)])
    with running(kafka, unique, topics=(wrong, right)) as ingest:
        until(lambda: "invalid" in str(ingest.health.report()), "the refusal to go on")
        produce(kafka, right, [good(k) for k in range(300)])
        produce(kafka, wrong, [good(0)])
        until(lambda: ingest.tally.stored.total() == 300, "the other tenant's samples")
        assert ingest.health.ready  # another tenant's wrong encoder is no reason to send nobody here any more
        assert wrong in str(ingest.health.report())
        assert right not in str(ingest.health.report())
    buried = ingest.tally.dead.total()
    assert 1_000 <= buried < 3_000
    assert BusAdmin(kafka).lag(f"ingest-{unique}", [wrong])[wrong] == 3_001 - buried  # nothing was skipped: a restart goes on from there


def test_replayed_letters_come_back_to_their_topic(kafka: KafkaSettings, unique: str) -> None:
    with running(kafka, unique) as ingest:
        produce(kafka, ingest.topic, [b'{"metric":"m"}'])
        until(lambda: ingest.tally.dead.total() == 1, "the dead letter")
        assert replay(kafka, lambda x: x.about.topic == ingest.topic, [METRICS.dead_letters]) == 1
        until(lambda: ingest.tally.dead.total() == 2, "its return")
    box = [x for x in letters(kafka, [METRICS.dead_letters]) if x.about.topic == ingest.topic]
    assert [x.value for x in box] == [b'{"metric":"m"}'] * 2


async def test_http_and_topic_share_a_lane_and_http_waits_for_kafka(kafka: KafkaSettings, unique: str) -> None:
    with running(kafka, unique, IngestLimits(new_series_burst=3, new_series_per_s=0.0)) as ingest:
        door = LaneDoor(ingest.lane, 20.0)
        taken = await asyncio.gather(*(door.store(unique, [Sample(f"m{k}", float(k), 1.7e12 + k)], "http") for k in range(5)))
        assert sum(len(t.rows.slots) for t in taken) == 3
        assert sum(t.refused["series_rate"] for t in taken) == 2
        assert ingest.tally.in_flight == 0
        assert ingest.tally.stored["http"] == 3
    kept = stored(kafka, unique)
    batches, infos = kept.batches, kept.infos
    assert sorted(v for b in batches for i, v in zip(b.ids.tolist(), b.values.tolist(), strict=True) if i in infos) == sorted(
        float(s.metric[1:]) for s in infos.values()
    )
