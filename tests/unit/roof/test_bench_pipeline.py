"""The load of the benchmarks flows as long as it is needed; what did not happen in time is said."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from kizashi.errors import Recoverable
from services.demo.load import Order
from services.roof import bench, bench_gateway, bench_past, bench_pipeline
from services.roof.bench_peers import side_by_side
from services.roof.bench_pipeline import Load, flowing, watched


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """What the load was told; a process that only waits stands for it, or one that fails when ``metric`` is ``fails``."""
    told: list[Order] = []

    def start(order: Order) -> Load:
        told.append(order)
        code = "raise SystemExit(3)" if order.metric == "fails" else "import time; time.sleep(60)"
        return Load(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True))

    monkeypatch.setattr(bench_pipeline, "start_load", start)
    return told


def test_the_load_flows_without_bound_until_it_is_ended(ordered: list[Order]) -> None:
    with flowing(Order("nowhere:1", seconds=0.1)) as load:
        assert load.process.poll() is None
    assert load.process.poll() not in (None, 0)
    assert ordered[0].seconds == math.inf and ordered[0].outstanding == 0


def test_a_load_that_ended_by_itself_is_told(ordered: list[Order]) -> None:
    with pytest.raises(Recoverable, match="exit code 3"), flowing(Order("nowhere:1", metric="fails")) as load:
        load.process.wait(30)


def test_series_that_never_come_are_waited_for_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_pipeline, "KNOWN_WITHIN_S", 0.0)
    assert watched(lambda: ["a", "b", "c"], 2) == ["a", "b"]
    with pytest.raises(Recoverable, match="1 of 2 series"):
        watched(lambda: ["a"], 2)


def test_few_series_are_refused_and_not_waited_for() -> None:
    refused = CliRunner().invoke(bench.app, ["pipeline", "--series", "10"])
    assert refused.exit_code == 2 and "1000" in refused.output


def test_a_past_that_did_not_land_is_told_with_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_past, "LANDED_WITHIN_S", 0.0)
    bench_past.wait_landed(lambda: 2_000, 2_000)
    with pytest.raises(Recoverable, match="1,999 of 2,000 samples"):
        bench_past.wait_landed(lambda: 1_999, 2_000)


def test_readers_that_did_not_catch_up_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_gateway, "DIGEST_S", 0.0)
    assert bench_gateway.digested(lambda: {"anomaly samples": bench_gateway.BEHIND + 1})["digested"] is False
    assert bench_gateway.digested(lambda: {"anomaly samples": bench_gateway.BEHIND})["digested"] is True
    assert bench_gateway.digested(dict)["digested"] is True


def test_peers_are_compared_with_the_processes_that_do_their_work() -> None:
    house = {"ingest": 1.0, "anomaly": 0.75, "kafka": 0.5}
    assert side_by_side(house, {"x": {"cpu_s_per_million": 8.0}}) == {"ingest + anomaly": 1.75, "x": 8.0, "whole house": 2.25}
