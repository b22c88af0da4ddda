"""What if it grew faster: the fan, the dates, and what is said when there is nothing to go by."""

from __future__ import annotations

import asyncio
import time

import pytest

from kizashi.contracts.ids import format_series_id
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline

HOURS = """
INSERT INTO samples_1h
SELECT {id:UInt64}, toStartOfHour(now()) - toIntervalHour(400 - number), 60, 20 + number * 0.1, 0, 0, 0, 0, 0, 0, 0, 0, now64(3)
FROM numbers(400)
"""
FORECAST = """
INSERT INTO forecasts (tenant, series_id, made, step_ms, mean, levels, low, high, reliable, reason, body, written)
SELECT 'default', {id:UInt64}, now64(3), 3600000, [60.1, 60.2], [0.1, 0.5, 0.9], [59, 59], [61, 61], 1, '',
    '{"quantiles":[[59.1,59.2],[60.1,60.2],[61.1,61.2]]}', now64(3)
"""


async def test_growth_moves_the_fan_and_the_dates(gateway: House) -> None:
    number = gateway.add_series("default", "disk.used", unique_labels())
    for statement in (HOURS, FORECAST):
        await asyncio.to_thread(gateway.store.command, statement, {"id": number})
    await asyncio.to_thread(gateway.store.command, "SYSTEM RELOAD DICTIONARY series_dict")
    asked: dict[str, str | float] = {"series": format_series_id(number), "percent": 50.0, "threshold": 90.0}
    async with gateway.client("default/read") as client, gateway.client("acme/read") as other:
        answer = await client.get("/api/v1/forecasts/growth", params=asked)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["growth_a_day"] == pytest.approx(24 * 0.1 * 1.5, rel=0.05)
        assert found["quantiles"][1][1] == pytest.approx(60.2 + 2 * 0.05, abs=0.01)
        assert found["as_it_is"][1] == [60.1, 60.2]
        before, after = found["before"], found["after"]
        hours = [(eta["eta_ms"][2] - time.time() * 1000) / 3_600_000 for eta in (before, after)]
        assert hours[0] == pytest.approx(300, rel=0.1) and hours[1] == pytest.approx(200, rel=0.1)
        assert after["probability"] >= before["probability"]
        kept = await asyncio.to_thread(gateway.store.query, "SELECT kind, count() FROM analyses FINAL GROUP BY kind")
        assert kept.rows == [("growth", 1)], "the long look ahead is kept"
        again = await client.get("/api/v1/forecasts/growth", params=asked)
        assert again.json() == found
        higher = (await client.get("/api/v1/forecasts/growth", params={**asked, "threshold": 120.0})).json()
        assert higher["threshold"] == 120.0 and higher["before"]["eta_ms"][2] > before["eta_ms"][2], "another limit is another question"
        assert (await other.get("/api/v1/forecasts/growth", params=asked)).status_code == 404
        assert (await client.get("/api/v1/forecasts/growth", params={"series": "0" * 16})).status_code == 404
        assert (await client.get("/api/v1/forecasts/growth", params={**asked, "percent": "nan"})).status_code == 422
