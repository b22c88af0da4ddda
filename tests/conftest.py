"""Real parts, started once a test run: the broker (``kafka``) and the store (``clickhouse``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from kizashi.settings import KafkaSettings, StoreSettings
from tests.running_house import RunningHouse

# Tests on real parts run beside these on two cores: how fast examples are made and tried says nothing of the code.
settings.register_profile("kizashi", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kizashi")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """One Apache Kafka broker for the whole run. Tests use topics and groups of their own (``unique``)."""
    from kizashi.contracts.topics import CONFIG
    from kizashi.stream.admin import BusAdmin, ensure_topics
    from tests.broker_process import started_broker

    with started_broker(tmp_path_factory.mktemp("broker")) as broker:
        settings = KafkaSettings(bootstrap=broker.bootstrap)
        ensure_topics(settings)
        # the first question about a group makes the topic of the groups, which takes seconds that no test's deadline counts on
        BusAdmin(settings).committed("kizashi.tests", [CONFIG.name])
        yield settings


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
