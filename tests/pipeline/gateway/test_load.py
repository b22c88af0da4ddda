"""The load tool itself, with three people for two seconds: it asks, it listens, it reports, and it leaves no key behind."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest

from services.gateway import bench
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline


async def test_a_small_crowd_is_served_without_an_error(gateway: House) -> None:
    numbers = [gateway.add_series("default", f"m{n}", unique_labels()) for n in range(5)]
    gateway.add_samples(numbers, round(time.time() * 1_000) - 60_000, 1_000, 50)
    key = gateway.keys["default/read+operate+admin"]
    report = cast("dict[str, Any]", await asyncio.to_thread(bench.run, bench.load(gateway.url, key, 3, 2.5)))
    assert report["errors"] == {} and report["requests"] >= 5, report
    assert set(report["all_ms"]) == {"p50", "p95", "p99", "worst"} and report["websocket"]["messages"] >= 3
    async with gateway.client("default/read+operate+admin") as client:
        assert (await client.get("/api/v1/config/key")).json()["items"] == []


def test_quantiles_are_nearest_rank() -> None:
    assert bench.quantiles([]) == {}
    assert bench.quantiles([n / 1_000 for n in range(1, 101)]) == {"p50": 51.0, "p95": 96.0, "p99": 100.0, "worst": 100.0}
