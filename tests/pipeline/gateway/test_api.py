"""The API on real parts."""

from __future__ import annotations

import asyncio
import io
import time
from typing import Any

import pyarrow as pa
import pytest

from kizashi.contracts.ids import format_series_id
from services.sink.tiers import Tiers
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline


async def test_search_range_overview_and_export(gateway: House) -> None:
    labels = unique_labels()
    cpu = gateway.add_series("default", "cpu", labels)
    mem = gateway.add_series("default", "mem", labels)
    start = int(time.time() * 1_000) - 300_000
    gateway.add_samples([cpu, mem], start, 1_000, 200)
    name = format_series_id(cpu)
    async with gateway.client("default/read") as client:
        found = (await client.get("/api/v1/series", params={"q": f"CPU {labels['host']}"})).json()
        assert [s["id"] for s in found["items"]] == [name] and found["next"] is None
        assert found["items"][0]["value"] == 199 and found["items"][0]["state"] == "odd"
        first = (await client.get("/api/v1/series", params={"limit": 1})).json()
        second = (await client.get("/api/v1/series", params={"limit": 1, "cursor": first["next"]})).json()
        assert [first["items"][0]["metric"], second["items"][0]["metric"]] == ["cpu", "mem"] and second["next"] is None
        assert (await client.get(f"/api/v1/series/{name}")).json()["labels"] == labels
        assert (await client.get("/api/v1/facets")).json()["metric"] == [["cpu", 1], ["mem", 1]]

        ask: dict[str, Any] = {"series": [format_series_id(mem), name], "from": start, "to": start + 200_000}
        raw = (await client.get("/api/v1/range", params={**ask, "points": 600})).json()
        assert raw["step_ms"] == 0 and [s["metric"] for s in raw["series"]] == ["mem", "cpu"]
        assert raw["series"][1]["ts"] == [start + 1_000 * i for i in range(200)]
        assert raw["series"][1]["value"] == list(range(200)) and raw["series"][1]["score"][150] == 1.5
        few = (await client.get("/api/v1/range", params={**ask, "points": 25})).json()
        assert few["step_ms"] == 10_000
        column = few["series"][0]
        assert max(column["high"]) == 199 and min(column["low"]) == 0
        assert all(lo <= v <= hi for lo, v, hi in zip(column["low"], column["value"], column["high"], strict=True))

        csv = await client.get("/api/v1/range", params={**ask, "format": "csv"})
        assert csv.headers["content-type"].startswith("text/csv") and len(csv.text.splitlines()) == 401
        arrow = await client.get("/api/v1/range", params=ask, headers={"Accept": "application/vnd.apache.arrow.stream"})
        assert pa.ipc.open_stream(io.BytesIO(arrow.content)).read_all().num_rows == 400

        overview = (await client.get("/api/v1/overview")).json()
        assert overview["totals"]["series"] == 2 and overview["totals"]["odd_series"] == 2
        assert overview["services"][0]["service"] == "web" and len(overview["services"][0]["spark"]) == 60
        assert overview["odd_series"][0]["score"] == 1.99
        changed = (await client.get("/api/v1/changed", params={"from": start + 100_000, "to": start + 200_000})).json()
        assert {c["id"] for c in changed["items"]} == {name, format_series_id(mem)} and changed["items"][0]["shift"] > 3
        why = (await client.get(f"/api/v1/series/{name}/explain", params={"at": start + 150_500})).json()
        assert why["verdict"] == "episode" and why["row"]["value"] == 150 and len(why["before"]) == 29


async def test_the_oddest_of_all_series_lead_whatever_their_names(gateway: House) -> None:
    now_ms = int(time.time() * 1_000)
    ids = [gateway.add_series("default", f"a{n:02}", unique_labels("many")) for n in range(5)]
    odd = gateway.add_series("default", "z_last", unique_labels("many"))
    silent = gateway.add_series("default", "z_silent", unique_labels("many"))
    gateway.add_samples(ids, now_ms - 60_000, 1_000, 10)
    gateway.add_samples([odd], now_ms - 200_000, 1_000, 150)
    gateway.add_samples([silent], now_ms - 86_400_000, 1_000, 190)
    async with gateway.client("default/read") as client:
        asked: dict[str, str | int] = {"service": "many", "limit": 2}
        by_name = (await client.get("/api/v1/series", params=asked)).json()
        assert [i["metric"] for i in by_name["items"]] == ["a00", "a01"] and by_name["next"]
        by_score = (await client.get("/api/v1/series", params={**asked, "order": "score"})).json()
        assert by_score["items"][0]["metric"] == "z_last" and by_score["items"][0]["state"] == "odd" and by_score["next"] is None
        assert by_score["items"][0]["score"] == pytest.approx(1.49)
        by_value = (await client.get("/api/v1/series", params={**asked, "order": "value"})).json()
        assert [i["metric"] for i in by_value["items"]] == ["z_silent", "z_last"]
        refused = await client.get("/api/v1/series", params={**asked, "order": "score", "cursor": by_name["next"]})
        assert refused.status_code == 400 and "one page" in refused.json()["detail"]


async def test_pages_that_have_nothing_answer_all_the_same(gateway: House) -> None:
    paths = (
        "overview", "series", "facets", "episodes", "incidents", "alerts", "deliveries", "risks", "edges",
        "edges?at=now-1h", "edges?at=9999999999999999", "edges?at=-1", "whatif?entity=db", "changes", "causes/accuracy",
        "annotations", "health", "stats", "connect", "connect/arrivals", "config/dashboard", "audit", "dead_letters", "queries/slow",
        "openapi.json", "me", "shares",
    )  # fmt: skip
    async with gateway.client("default/read+operate+admin") as client:
        for path in paths:
            answer = await client.get(f"/api/v1/{path}")
            assert answer.status_code == 200, f"{path}: {answer.text}"
            assert answer.headers["cache-control"] == "no-store"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
        health = (await client.get("/api/v1/health")).json()
        assert health["checks"] == {"store": True, "bus": True, "live": True}
        assert {t["group"] for t in health["topics"]} >= {"kizashi-ingest", "kizashi.sink"}
        answer = await client.get("/api/v1/forecasts", params={"series": "0" * 16})
        assert answer.json()["items"] == []


BAD_QUESTIONS = [
    ("causes/accuracy?from=whenever", 400, "now-6h"),
    ("edges?at=tuesday", 400, "now-6h"),
    ("range?series=xyz", 400, "16 hexadecimal digits"),
    ("range?series=0000000000000001", 404, "none of these series"),
    ("range?series=0000000000000001&from=now-900d", 400, "at most 800 days"),
    ("range?series=0000000000000001&from=now-90d&format=csv", 400, "at most 31 days"),
    ("range?series=0000000000000001&from=whenever", 400, "now-6h"),
    ("range?series=0000000000000001&from=now&to=now-1h", 400, "before"),
    ("range?" + "&".join(f"series={i:016x}" for i in range(60)), 422, "at most 50"),
    ("range?series=0000000000000001&points=0", 422, "greater than"),
    ("range", 422, "required"),
    ("series?limit=5000", 422, "less than or equal"),
    ("series?cursor=bogus", 400, "start again"),
    ("series?q=" + "x" * 300, 422, "at most 256"),
    ("series/zzz", 400, "16 hexadecimal"),
    ("series/0000000000000001", 404, "no series"),
    ("episodes?cursor=WzEsMl0", 400, "start again"),
    ("incidents/nope", 404, "no incident"),
    ("changed?from=now-1s", 400, "too short"),
    ("config/spaceship", 400, "no configuration kind"),
    ("config/dashboard/nope", 404, "no dashboard"),
    ("dead_letters?topic=kizashi.scores.v1", 404, "no dead-letter topic"),
    ("nothing", 404, "openapi.json"),
]


async def test_bad_questions_get_a_clear_answer(gateway: House) -> None:
    async with gateway.client("default/read+operate+admin") as client:
        for path, status, says in BAD_QUESTIONS:
            answer = await client.get(f"/api/v1/{path}")
            assert answer.status_code == status, f"{path}: {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json"
            assert says in answer.json()["detail"], path
        too_many = "&".join(f"series={i:016x}" for i in range(2_000))
        assert (await client.get(f"/api/v1/range?{too_many}")).status_code == 422
        assert (await client.get("/api/v1/me")).status_code == 200


async def test_concurrent_questions_share_one_computation(gateway: House) -> None:
    async with gateway.client("default/read") as client:
        answers = await asyncio.gather(*(client.get("/api/v1/overview") for _ in range(20)))
        assert {a.status_code for a in answers} == {200}
        assert len({a.json()["now_ms"] for a in answers}) == 1


async def test_a_day_from_the_tiers_equals_the_rows(gateway: House) -> None:
    end = int(time.time()) // 3_600 * 3_600_000 - 3_600_000
    start, step = end - 86_400_000, 10_000
    number = gateway.add_series("default", "cpu", unique_labels())
    gateway.add_samples([number], start, step, 8_640)
    asked: dict[str, Any] = {"series": format_series_id(number), "from": start, "to": end, "points": 600}
    async with gateway.client("default/read") as client:
        async with asyncio.timeout(30):  # rows are rolled up once every insert that began with them must be there
            while int(gateway.store.query("SELECT count() FROM samples_1m FINAL").rows[0][0]) < 1_440:
                await asyncio.to_thread(Tiers(gateway.store).roll)
                await asyncio.sleep(0.5)
        gateway.store.command("TRUNCATE TABLE samples")  # as after fourteen days
        day = (await client.get("/api/v1/range", params=asked)).json()
        wide = (await client.get("/api/v1/range", params={**asked, "from": end - 40 * 86_400_000})).json()
        old = (await client.get("/api/v1/range", params={**asked, "from": "now-500d", "to": "now-450d"})).json()
        assert old["series"][0]["ts"] == []
    for found in (day, wide):
        (series,) = found["series"]
        width = found["step_ms"]
        assert width >= 60_000 and len(series["ts"]) >= 12
        for at, mean, low, high, score in zip(*(series[n] for n in ("ts", "value", "low", "high", "score")), strict=True):
            inside = [i for i in range(8_640) if at <= start + i * step < at + width]
            assert (low, high) == (inside[0], inside[-1]) and mean == pytest.approx(sum(inside) / len(inside))
            assert score == pytest.approx(inside[-1] / 100)
