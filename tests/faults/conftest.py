"""A broker that a test may hurt, or that nobody else has written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kizashi.standalone import jars, java
from kizashi.standalone.kafka import KafkaProcess, jar_folder


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaProcess]:
    """A broker of this test's own: what other tests left on the run's broker is not read, and killing it harms nobody."""
    lock = jars.read_lock()
    jars.fetch(lock, jar_folder(java.tools_folder(), lock))
    process = KafkaProcess(tmp_path)
    process.start()
    try:
        process.wait_ready()
        yield process
    finally:
        process.stop()
