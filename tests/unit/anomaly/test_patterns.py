"""Season, trend and habits on series whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.findings import Pattern
from services.anomaly.bank import Bank
from services.anomaly.episodes import change_episode
from services.anomaly.pattern_reader import PatternChange, PatternReader, look

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
Values = np.ndarray[tuple[int], np.dtype[np.float64]]


def stamps(days: float, step_ms: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(1, int(days * DAY_MS / step_ms) + 1, dtype=np.int64) * step_ms + 1_700_006_400_000


def learned(ts: np.ndarray[tuple[int], np.dtype[np.int64]], values: Values) -> Bank:
    bank = Bank()
    bank.score(np.ones(len(ts), np.uint64), ts, values, np.zeros(len(ts), np.uint8))
    return bank


def pattern_after(ts: np.ndarray[tuple[int], np.dtype[np.int64]], values: Values) -> Pattern:
    bank = learned(ts, values)
    now = int(ts[-1])
    first, second = look(bank, 0, now), look(bank, 0, now)
    found = first or second
    assert found is not None
    return found


def wave(ts: np.ndarray[tuple[int], np.dtype[np.int64]], period_ms: int) -> Values:
    return np.asarray(np.sin(2 * np.pi * ts / period_ms))


@pytest.mark.parametrize(("period_ms", "step_ms", "days"), [(HOUR_MS, 60_000, 6), (6 * HOUR_MS, 300_000, 15), (DAY_MS, 300_000, 15),
                                                            (7 * DAY_MS, 900_000, 28)])  # fmt: skip
def test_period_of_clean_waves_is_found(period_ms: int, step_ms: int, days: int) -> None:
    ts = stamps(days, step_ms)
    right = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        phase = int(rng.integers(0, period_ms))
        values = 50.0 + 10.0 * wave(ts + phase, period_ms) + rng.normal(0, rng.uniform(0.5, 3.0), len(ts))
        right += pattern_after(ts, values).season_s == period_ms / 1000
    assert right >= 0.98 * 25


@pytest.mark.parametrize("strong", [HOUR_MS, DAY_MS, 7 * DAY_MS])
def test_the_strongest_of_a_mix_is_told(strong: int) -> None:
    ts = stamps(28, 300_000)
    right = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        values = rng.normal(0, 1.0, len(ts))
        for period in (HOUR_MS, DAY_MS, 7 * DAY_MS):
            values = values + (10.0 if period == strong else 3.0) * wave(ts + int(rng.integers(0, period)), period)
        right += pattern_after(ts, values).season_s == strong / 1000
    assert right == 8


def test_noise_has_no_season_and_no_trend() -> None:
    ts = stamps(21, 300_000)
    for seed in range(10):
        found = pattern_after(ts, np.random.default_rng(seed).normal(size=len(ts)))
        assert found.season_s == 0.0
        assert found.trend == "steady"


@pytest.mark.parametrize(("slope", "trend"), [(0.5, "rising"), (-0.5, "falling")])
def test_trend_and_its_interval(slope: float, trend: str) -> None:
    ts = stamps(14, 300_000)
    covered = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values = 100 + slope * (ts - ts[0]) / DAY_MS + 2 * wave(ts, DAY_MS) + rng.normal(0, 0.5, len(ts))
        found = pattern_after(ts, values)
        assert found.trend == trend
        assert found.slope_per_day == pytest.approx(slope, rel=0.25)
        covered += found.slope_low <= slope <= found.slope_high
    assert covered >= 5


def test_a_step_breaks_the_trend_and_is_dated() -> None:
    ts = stamps(10, 300_000)
    values = np.random.default_rng(1).normal(20, 1, len(ts))
    values[2500:] += 6.0
    found = pattern_after(ts, values)
    assert found.trend == "broke"
    assert found.broke_at_ms == pytest.approx(int(ts[2500]), abs=3 * 300_000)


def test_a_daily_job_is_no_episode_the_third_time() -> None:
    ts = stamps(9, 60_000)
    values = np.random.default_rng(2).normal(20, 1, len(ts))
    minute = (ts % DAY_MS) // 60_000
    values[(minute >= 360) & (minute < 400) & (ts > ts[0] + 3 * DAY_MS)] += 9.0
    bank = Bank()
    scored = bank.score(np.ones(len(ts), np.uint64), ts, values, np.zeros(len(ts), np.uint8))
    opened = [e for e in scored.events if e["what"] == 1 and e["kind"] == 0]
    days = sorted({int(e["opened_ms"]) // DAY_MS for e in opened})
    assert 1 <= len(days) <= 2
    shapes = look(bank, 0, int(ts[-1])) or look(bank, 0, int(ts[-1]))
    assert shapes is not None
    assert any(text.startswith("every day 06:00") for text in shapes.shapes)


def test_an_unchanged_pattern_is_told_once_and_versions_grow() -> None:
    ts = stamps(6, 300_000)
    bank = learned(ts, 5 * wave(ts, DAY_MS) + np.random.default_rng(0).normal(0, 0.3, len(ts)))
    reader = PatternReader()
    told = [p for k in range(10) for p in reader.read(bank, int(ts[-1]) + 1000 * (k + 1))]
    assert [p.version for p in told] == list(range(1, len(told) + 1))
    assert 1 <= len(told) <= 2
    assert reader.state() == (0, int(ts[-1]) + 10_000)


def test_a_season_that_becomes_another_one_is_a_change_point() -> None:
    ts = stamps(30, 300_000)
    half = len(ts) // 2
    rng = np.random.default_rng(0)
    values = np.where(np.arange(len(ts)) < half, 5 * wave(ts, DAY_MS), 5 * wave(ts, 6 * HOUR_MS)) + rng.normal(0, 0.3, len(ts))
    bank, changes = Bank(), list[PatternChange]()
    for start in range(0, len(ts), 144):
        part = slice(start, start + 144)
        n = len(ts[part])
        bank.score(np.ones(n, np.uint64), ts[part], values[part], np.zeros(n, np.uint8))
        look(bank, 0, int(ts[part][-1]), changes)
    assert [(c.before, c.after) for c in changes if c.kind == "season"][-1] == (86_400.0, 21_600.0)
    season = [c for c in changes if c.kind == "season"][-1]
    assert season.at_ms > ts[half]
    told = change_episode(season, SeriesInfo(1, "acme", "m", {}), None, "x")
    assert (told.kind, told.state, told.severity, told.expected, told.value) == ("season", "closed", "info", 86_400.0, 21_600.0)


def test_a_trend_that_begins_is_told_once_as_a_change_point() -> None:
    ts = stamps(24, 300_000)
    half = len(ts) // 2
    rng = np.random.default_rng(0)
    values = 20 + 2 * wave(ts, DAY_MS) + rng.normal(0, 0.5, len(ts)) + 0.2 * np.maximum(ts - ts[half], 0) / DAY_MS
    bank, changes = Bank(), list[PatternChange]()
    for start in range(0, len(ts), 12):
        part = slice(start, start + 12)
        n = len(ts[part])
        bank.score(np.ones(n, np.uint64), ts[part], values[part], np.zeros(n, np.uint8))
        look(bank, 0, int(ts[part][-1]), changes)
    trends = [c for c in changes if c.kind == "trend"]
    assert len(trends) == 1
    assert trends[0].at_ms > ts[half]
    told = change_episode(trends[0], SeriesInfo(1, "acme", "m", {}), None, "x")
    assert (told.kind, told.direction, told.severity) == ("trend", "up", "info")
    assert told.p_value is not None
    assert told.p_value < 1e-4
