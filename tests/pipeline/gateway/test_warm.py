"""The caches are warm when people come: the overview, and the charts of a dashboard that somebody starred."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from kizashi.settings import KafkaSettings, StoreSettings
from services.gateway.settings import GatewaySettings
from tests.pipeline.gateway.house import House, house, unique_labels

pytestmark = pytest.mark.pipeline
BOARD = {"title": "b", "from": "now-6h", "panels": [{"id": "p", "query": {"metric": "warm.cpu", "limit": 8}}, {"id": "q", "query": {}}]}


async def asked(running: House) -> list[str]:
    running.store.command("SYSTEM FLUSH LOGS")
    said = "SELECT log_comment FROM system.query_log WHERE log_comment LIKE 'gateway/%' AND current_database = {db:String}"
    return [str(row[0]) for row in running.store.query(said, {"db": running.settings.store.database}).rows]


async def test_a_new_gateway_asks_for_what_people_will_ask(kafka: KafkaSettings, clickhouse: StoreSettings, tmp_path: Path) -> None:
    async with house(kafka, clickhouse, tmp_path) as first:
        number = first.add_series("default", "warm.cpu", unique_labels())
        first.add_samples([number], round(time.time() * 1_000) - 60_000, 1_000, 30)
        async with first.client("default/read+operate") as person:
            assert (await person.put("/api/v1/config/dashboard/b", json=BOARD)).status_code == 201
            assert (await person.put("/api/v1/config/view/likes-mika", json={"stars": ["b", "gone", 7]})).status_code == 201
        assert not any("range." in a for a in await asked(first)), "nobody has looked at a chart"
    async with house(kafka, clickhouse, tmp_path, GatewaySettings(warm=True)) as second:
        async with asyncio.timeout(30):
            while not any("range." in a for a in await asked(second)):  # noqa: ASYNC110  # the store has no event to wait for
                await asyncio.sleep(0.2)
        assert any("overview." in a for a in await asked(second))
