"""What the pipeline benchmark says about delays: all of them, and how they are once the house has settled."""

from __future__ import annotations

from services.roof.bench_peers import side_by_side
from services.roof.bench_pipeline import delay_figures


def test_a_slow_start_shows_in_the_whole_and_not_in_the_second_half() -> None:
    slow = [(100.0 + k / 10, 5_000.0 - 50 * k) for k in range(20)]
    quick = [(102.0 + k / 10, 200.0) for k in range(80)]
    figures = delay_figures(slow + quick, 98.5)
    assert figures["points"] == 100 and figures["first_point_s"] == 1.5
    assert figures["p99_ms"] > 4_900 and figures["p50_ms"] == 200
    assert figures["second_half_p99_ms"] == figures["second_half_p50_ms"] == 200


def test_nothing_came() -> None:
    assert delay_figures([], 0.0) == {"points": 0}


def test_peers_are_compared_with_the_processes_that_do_their_work() -> None:
    house = {"ingest": 1.0, "anomaly": 0.75, "kafka": 0.5}
    assert side_by_side(house, {"x": {"cpu_s_per_million": 8.0}}) == {"ingest + anomaly": 1.75, "x": 8.0, "whole house": 2.25}
