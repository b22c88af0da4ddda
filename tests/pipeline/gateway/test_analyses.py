"""Kept analyses: computed once, used again after a restart, computed anew when a minute of their input changes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from kizashi.cache import MemoryCache
from kizashi.clock import SystemClock
from kizashi.contracts.ids import format_series_id
from services.gateway.analyses import Analyses, Analysis
from services.gateway.answers import Answers
from services.gateway.settings import GatewaySettings
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline
MINUTES = """
INSERT INTO samples_1m (series_id, bucket, samples, mean, low, high, last, worst, odd, expected, lower, upper, made)
SELECT s, toDateTime({start:UInt32} + 60 * i), 60, if(s = {moved:UInt64} AND i >= 60, 50, i % 7) AS v, v, v, v, 0, 0, v, v, v, now64(3)
FROM (SELECT arrayJoin({ids:Array(UInt64)}) AS s, arrayJoin(range(120)) AS i)
"""
HOURS = """
INSERT INTO samples_1h SELECT series_id, toStartOfHour(bucket), 3600, avg(mean), min(low), max(high), 0, 0, 0, 0, 0, 0, now64(3)
FROM samples_1m GROUP BY 1, 2
"""
THROUGH = "INSERT INTO tier_progress VALUES ('samples_1m', now(), now64(3))"


async def test_what_changed_is_computed_once_until_its_input_changes(gateway: House) -> None:
    start = (int(time.time()) // 3_600 - 5) * 3_600
    ids = [gateway.add_series("default", f"m{n}", unique_labels()) for n in range(4)]
    gateway.store.command(MINUTES, {"ids": ids, "start": start, "moved": ids[0]})
    gateway.store.command(THROUGH)
    asked = {"from": (start + 3_600) * 1_000, "to": (start + 7_200) * 1_000}

    async def ask(limit: int) -> dict[str, Any]:
        async with gateway.client("default/read") as client:
            answer = await client.get("/api/v1/changed", params={**asked, "limit": limit})
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

    first = await ask(20)
    assert first["source"] == "minutes" and first["items"][0]["shift"] > 5 and first["items"][0]["id"] == format_series_id(ids[0])
    kept = gateway.store.query("SELECT kind, id, inputs, body FROM analyses FINAL").dicts()
    assert [k["kind"] for k in kept] == ["changed"] and kept[0]["inputs"].startswith("1/")
    later = MemoryCache(SystemClock())  # as after a restart
    answers = Answers(gateway.store, later, later, GatewaySettings())
    known = Analysis("default", "changed", kept[0]["id"], start, start + 7_200)

    async def never() -> bytes:
        raise AssertionError("the kept result was not used")

    assert (await Analyses(answers, SystemClock()).get(known, 60.0, never)).decode() == kept[0]["body"]
    async with gateway.client("default/read+operate+admin") as client:
        health = (await client.get("/api/v1/health")).json()
        assert {c["layer"] for c in health["caches"]} >= {"memory", "analysis"}
    gateway.store.command(MINUTES, {"ids": ids[:1], "start": start, "moved": 0})  # as imported history: its minutes are rolled up again
    with pytest.raises(AssertionError):
        await Analyses(
            Answers(gateway.store, MemoryCache(SystemClock()), MemoryCache(SystemClock()), GatewaySettings()), SystemClock()
        ).get(known, 60.0, never)
    answers.close()
    other = await ask(21)
    assert other["source"] == "minutes" and other["items"][0]["shift"] < 5


async def test_the_kept_result_is_used_and_another_tenant_has_its_own(gateway: House) -> None:
    start = (int(time.time()) // 3_600 - 3) * 3_600
    ids = [gateway.add_series("default", f"m{n}", unique_labels()) for n in range(3)]
    gateway.store.command(MINUTES, {"ids": ids, "start": start, "moved": 0})
    gateway.store.command(HOURS)
    ask: dict[str, Any] = {"series": [format_series_id(i) for i in ids], "from": start * 1_000, "to": (start + 7_200) * 1_000}
    async with gateway.client("default/read") as client, gateway.client("acme/read") as acme:
        found = (await client.get("/api/v1/correlation", params=ask)).json()
        assert len(found["matrix"]) == 3 and found["matrix"][0][0] == 1.0
        assert (await acme.get("/api/v1/correlation", params=ask)).status_code == 404
        place = f"/api/v1/series/{format_series_id(ids[0])}/season"
        week = (await client.get(place, params={"zone": "Asia/Tokyo"})).json()
        assert len(week["hour"]) == len(week["value"]) >= 2 and set(week["day"]) <= set(range(1, 8))
        assert (await acme.get(place)).status_code == 404
        assert (await client.get(place, params={"zone": "Mars/Olympus"})).status_code == 400
    kinds = sorted(r["kind"] for r in gateway.store.query("SELECT kind FROM analyses FINAL").dicts())
    assert kinds == ["correlation", "season"]
