"""The broker's settings."""

from __future__ import annotations

from pathlib import Path

from kizashi.contracts.topics import HOT_PARTITIONS, TOPICS
from kizashi.standalone.kafka_config import MIB, SEGMENT_BYTES, BrokerPlan, properties, render


def test_topics_are_never_made_by_accident_and_large_batches_fit() -> None:
    told = properties(BrokerPlan(Path("/data"), 9092, 9093))
    assert told["auto.create.topics.enable"] == "false"
    assert int(told["message.max.bytes"]) > 8 * MIB
    assert told["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9092"


def test_disk_cap_is_shared_by_all_partitions() -> None:
    plan = BrokerPlan(Path("/data"), 9092, 9093, disk_mb=65_536)
    partitions = sum(topic.partitions(HOT_PARTITIONS) for topic in TOPICS)
    assert plan.retention_bytes * partitions <= 65_536 * MIB
    assert BrokerPlan(Path("/data"), 1, 2, disk_mb=1).retention_bytes == 2 * SEGMENT_BYTES


def test_backslashes_survive_the_properties_format() -> None:
    assert render({"log.dirs": "C:\\data"}) == "log.dirs=C:\\\\data\n"
