"""A broker that a test may hurt, or that nobody else has written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kizashi.standalone.kafka import KafkaProcess
from tests.broker_process import started_broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaProcess]:
    """A broker of this test's own: what other tests left on the run's broker is not read, and killing it harms nobody."""
    with started_broker(tmp_path) as process:
        yield process
