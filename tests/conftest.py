"""Real parts, started once a test run: the broker (``kafka``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kizashi.settings import KafkaSettings


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
