"""Real parts, started once a test run: the broker (``kafka``) and the store (``clickhouse``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kizashi.settings import KafkaSettings, StoreSettings
from tests.running_house import RunningHouse


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """One Apache Kafka broker for the whole run. Tests use topics and groups of their own (``unique``)."""
    from kizashi.standalone import jars, java
    from kizashi.standalone.kafka import KafkaProcess, jar_folder

    lock = jars.read_lock()
    jars.fetch(lock, jar_folder(java.tools_folder(), lock))
    broker = KafkaProcess(tmp_path_factory.mktemp("broker"))
    broker.start()
    try:
        broker.wait_ready()
        yield KafkaSettings(bootstrap=broker.bootstrap)
    finally:
        broker.stop()


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses: prefix of topics, groups and databases."""
    import uuid

    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """One embedded ClickHouse server for the whole run, as a process of its own, as in production."""
    from tests.store_process import StoreProcess

    server = StoreProcess(tmp_path_factory.mktemp("store"))
    server.start()
    try:
        yield server.settings
    finally:
        server.stop()


@pytest.fixture
def clickhouse(clickhouse_server: StoreSettings, unique: str) -> Iterator[StoreSettings]:
    """The store with an empty database of this test's own; ``kizashi.store.migrate.migrate`` fills it."""
    from kizashi.store.client import connect

    yield clickhouse_server.model_copy(update={"database": unique})
    door = connect(clickhouse_server, "default")
    door.command(f"DROP DATABASE IF EXISTS {unique} SYNC")
    door.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    """The whole product, started once a run with ``kizashi up``. Tests send series with names of their own."""
    running = RunningHouse(tmp_path_factory.mktemp("house"))
    running.start()
    try:
        yield running
    finally:
        running.stop()
