"""Accuracy results: what is called a miss, the picture of it, and the page that shows it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from kizashi.contracts.accuracy import Answer, Chart, Figure, Miss, Part, Row, Table
from services.anomaly.evaluate import evaluate
from services.anomaly.misses import kpi_misses, nab_misses
from services.anomaly.simulated import false_episodes, seasons_right, steps_found
from services.roof.accuracy import read_results, write
from services.roof.accuracy_page import page
from services.roof.accuracy_picture import picture_of

SPIKE, HIDDEN, START = 700, 900, 1_700_000_000


def scored(folder: Path, timestamps: list[str], values: np.ndarray[tuple[int], np.dtype[np.float64]], name: str) -> None:
    (folder / "in").mkdir()
    rows = "\n".join(f"{t},{v}" for t, v in zip(timestamps, values.tolist(), strict=True))
    (folder / "in" / name).write_text(f"timestamp,value\n{rows}\n")
    evaluate(folder / "in", folder / "out")


def noisy() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.random.default_rng(0).normal(10.0, 1.0, 1200)
    values[SPIKE] = 60.0
    return values


def test_a_window_without_an_alarm_is_a_miss_and_an_alarm_without_a_window_is_one(tmp_path: Path) -> None:
    stamps = [f"2026-01-01 {k // 3600:02d}:{k // 60 % 60:02d}:{k % 60:02d}" for k in range(1200)]
    scored(tmp_path, stamps, noisy(), "a.csv")
    (tmp_path / "labels").mkdir()
    windows = {"a.csv": [[stamps[HIDDEN], stamps[HIDDEN + 20]]]}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(windows))
    found = nab_misses(Answer({}, tmp_path, tmp_path))
    missed = [m for m in found if m.cost == 1.0]
    assert [m.expected for m in missed] == [f"an alarm in {stamps[HIDDEN]} to {stamps[HIDDEN + 20]} (21 rows)"]
    assert "No value in it is new" in missed[0].why
    assert any(stamps[SPIKE] in m.said and "had never shown it" in m.why for m in found)
    assert all(m.chart is not None and len(picture_of(m.chart)) < 30_000 for m in found)


def test_an_event_found_too_late_counts_as_missed_with_its_length(tmp_path: Path) -> None:
    label = np.zeros(1200, int)
    label[SPIKE - 20 : SPIKE + 10] = 1
    label[SPIKE] = 1
    times = [str(START + 60 * k) for k in range(1200)]
    scored(tmp_path, times, noisy(), "k-1.csv")
    np.savez(tmp_path / "k-1.npz", label=label)
    late = [m for m in kpi_misses(Answer({}, tmp_path, tmp_path)) if m.cost == 30.0]
    assert len(late) == 1
    assert "too late" in late[0].said


def test_the_picture_keeps_the_spike_and_escapes_the_title() -> None:
    values = [0.0] * 5000
    values[2500] = 1.0
    drawn = picture_of(Chart("<a & b>", values, [-1.0] * 5000, [2.0] * 5000, values, labelled=[(2400, 2600)]))
    assert "&lt;a &amp; b&gt;" in drawn
    assert drawn.count("<rect") == 2
    assert "#c0392b" in drawn


def test_the_page_comes_from_the_results_alone_and_tells_misses(tmp_path: Path) -> None:
    miss = Miss("NAB", "a.csv", 1.0, "an alarm", "nothing", "it was small", "<svg></svg>")
    table = Table("T", ["x"], [Row("ours", [1.0], ours=True), Row("theirs", [None], "a paper")])
    part = Part(
        "anomaly", "Anomaly", "two files", [Figure("a", 1.0, 2.0), Figure("b", 1.0, 2.0, "lower"), Figure("c", 3.0)], [table], [miss]
    )
    write(tmp_path, [part])
    text = (tmp_path / "accuracy.md").read_text()
    assert text == page(read_results(tmp_path))
    assert "| a | 1 | ≥ 2 | **missed** |" in text
    assert "| b | 1 | ≤ 2 | met |" in text
    assert "**ours** | 1 | measured here" in text
    assert (tmp_path / "accuracy" / "anomaly-01.svg").is_file()
    write(tmp_path, [])
    assert not list((tmp_path / "accuracy").iterdir())


def test_simulated_truth_is_found_and_noise_is_not() -> None:
    found, false = steps_found(series=100)
    assert found >= 0.95
    assert false <= 1.0
    assert seasons_right(series=6) == 1.0
    assert false_episodes("AR(1) with 0.9", series=20, samples=5000).mean <= 0.2


def test_the_committed_page_is_that_of_the_committed_results() -> None:
    reference = Path(__file__).parents[3] / "docs" / "reference"
    results = read_results(reference)
    assert (reference / "accuracy.md").read_text() == page(results)
    assert all((reference / "accuracy" / m.picture).stat().st_size <= 30_000 for p in results.parts for m in p.misses if m.picture)
