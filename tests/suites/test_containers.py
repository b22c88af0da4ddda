"""The suites on the servers of docker-compose.yml: ClickHouse, Redis and Kafka as containers. Skipped aloud where there is no Docker."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from testcontainers.core.container import DockerContainer

from kizashi.cache import Cache
from kizashi.cache.redis_cache import RedisCache
from kizashi.contracts.topics import TOPICS
from kizashi.settings import KafkaSettings, StoreSettings
from kizashi.standalone import probe
from kizashi.store.client import connect
from kizashi.stream.admin import ensure_topics, lag
from kizashi.stream.consumer import Lookout
from kizashi.stream.producer import Producer, Record
from tests.running_house import until
from tests.suites.cache_suite import CacheSuite
from tests.suites.store_suite import StoreSuite

COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
DOCKER = bool(os.environ.get("DOCKER_HOST")) or Path("/var/run/docker.sock").is_socket()
pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(not DOCKER, reason="no Docker here: the real servers of docker-compose.yml were NOT tested"),
]
PULLED_WITHIN_S = 300.0


def container(name: str, inner: int, outer: int, **environment: str) -> DockerContainer:
    """A container of the image that docker-compose.yml names, its port on this machine's ``outer``."""
    made = DockerContainer(COMPOSE[name]["image"]).with_bind_ports(inner, outer)
    for key, value in environment.items():
        made = made.with_env(key, value)
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[StoreSettings]:
    port = probe.free_port()
    environment = {"CLICKHOUSE_USER": "kizashi", "CLICKHOUSE_PASSWORD": "a-password", "CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT": "1"}
    with container("clickhouse", 8123, port, **environment):
        until(lambda: probe.http_ok(f"http://127.0.0.1:{port}/ping"), PULLED_WITHIN_S, 0.5, "ClickHouse did not answer")
        yield StoreSettings(port=port, user="kizashi", password=SecretStr("a-password"))


class TestClickHouse(StoreSuite):
    """The store suite on a ClickHouse server."""

    @pytest.fixture
    def clickhouse(self, server: StoreSettings, unique: str) -> Iterator[StoreSettings]:
        yield server.model_copy(update={"database": unique})
        door = connect(server, "default")
        door.command(f"DROP DATABASE IF EXISTS {unique} SYNC")
        door.close()


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    port = probe.free_port()
    with container("redis", 6379, port):
        until(lambda: probe.port_taken(port), PULLED_WITHIN_S, 0.5, "Redis did not answer")
        yield f"redis://127.0.0.1:{port}/0"


class TestRedis(CacheSuite):
    """The cache suite on a Redis server."""

    @pytest.fixture
    async def cache(self, redis_url: str) -> AsyncIterator[Cache]:
        made = RedisCache(redis_url, prefix=f"test-{uuid.uuid4().hex[:8]}:")
        yield made
        await made.close()

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def test_kafka_takes_the_topics_and_gives_back_what_was_sent() -> None:
    port = probe.free_port()
    listeners = {
        "KAFKA_NODE_ID": "1", "KAFKA_PROCESS_ROLES": "broker,controller", "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093", "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT", "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1", "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false", "KAFKA_MESSAGE_MAX_BYTES": "12582912",
    }  # fmt: skip
    with container("kafka", port, port, **listeners):
        until(lambda: probe.kafka_answers("127.0.0.1", port), PULLED_WITHIN_S, 0.5, "Kafka did not answer")
        kafka = KafkaSettings(bootstrap=f"127.0.0.1:{port}")
        assert set(ensure_topics(kafka).created) == {topic.name for topic in TOPICS}
        producer = Producer(kafka, "test")
        large = os.urandom(6 << 20)
        producer.send(Record("kizashi.scores.v1", large, b"k", partition=3))
        producer.flush()
        lookout = Lookout(kafka, "kizashi.scores.v1")
        assert [m.value() for m in lookout.until_end()] == [large]
        lookout.close()
        assert lag(kafka, "nobody", ["kizashi.scores.v1"]) == {"kizashi.scores.v1": 1}
