"""The benchmark runs and ours is ahead of River's on its series."""

from __future__ import annotations

from services.forecast.bench import bench_forecast


def test_bench_ranks_the_panel_first() -> None:
    rows = {row.model: row for row in bench_forecast(2)}
    assert rows["kizashi panel"].failed == 0
    assert rows["kizashi panel"].mase < min(row.mase for name, row in rows.items() if name != "kizashi panel")
