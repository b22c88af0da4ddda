"""One gateway a test, on the broker and the store of the whole run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kizashi.settings import KafkaSettings, StoreSettings
from tests.pipeline.gateway.house import House, house


@pytest.fixture
async def gateway(kafka: KafkaSettings, clickhouse: StoreSettings, tmp_path: Path) -> AsyncIterator[House]:
    """A running gateway with two tenants: ``default`` (the house's own) and ``acme``."""
    async with house(kafka, clickhouse, tmp_path) as running:
        yield running
