"""Offline evaluation, civil time, costs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from kizashi.errors import Refused
from services.anomaly.bench import bank_cost
from services.anomaly.evaluate import COLUMNS, evaluate, main
from services.anomaly.local_time import LocalTime


def test_every_row_of_every_file_gets_its_row(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "deep").mkdir(parents=True)
    (source / "deep/a.csv").write_text("timestamp,value\n2024-01-01 00:00:00,1\n2024-01-01T00:05:00Z,\n1704068000,3\n")
    np.savez(source / "b.npz", timestamp=np.arange(700) * 60, value=np.random.default_rng(0).normal(size=700))
    assert evaluate(source, target) == 2
    for name, n in (("deep/a.csv", 3), ("b.csv", 700)):
        with (target / name).open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == n
        assert tuple(rows[0]) == COLUMNS
        assert all(np.isfinite(float(r[c])) for r in rows for c in COLUMNS[2:8])
        assert {r["state"] for r in rows} <= {"learning", "ok", "anomalous"}


def test_bad_input_names_file_line_and_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refused, match=r"no \.csv"):
        evaluate(tmp_path, tmp_path / "out")
    (tmp_path / "x.csv").write_text("timestamp,value\n2024-01-01 00:00:00,one\n")
    assert main([str(tmp_path), str(tmp_path / "out")]) == 2
    assert "x.csv, line 2" in capsys.readouterr().err


def test_civil_time_follows_daylight_saving() -> None:
    berlin = LocalTime("Europe/Berlin")
    hour = 3_600_000
    before, after = 1_711_846_800_000 - 1, 1_711_846_800_000  # 2024-03-31 01:00 UTC
    assert (berlin.local(np.array([before, after])) - np.array([before, after])).tolist() == [hour, 2 * hour]


def test_a_sample_costs_less_than_a_microsecond_or_so() -> None:
    cost = bank_cost(series=1024, rounds=20)
    assert cost.us_per_sample < 5.0  # the bar of 1 µs is for a quiet machine; this catches what went off the rails
    assert cost.bytes_per_series <= 2500
