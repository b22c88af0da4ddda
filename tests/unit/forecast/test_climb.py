"""Leaks of hours: foreseen with an honest band, never seen in mornings, Mondays and noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kizashi.online.climb import AHEAD, climb_of
from kizashi.online.first_passage import passage, what_if

F64 = NDArray[np.float64]
SEASON = 24


def usual(rng: np.random.Generator, n: int, size: float, noise: float) -> F64:
    """Hours of a daily and weekly load with autocorrelated noise."""
    t, e = np.arange(n), np.zeros(n)
    for i in range(1, n):
        e[i] = 0.7 * e[i - 1] + noise * rng.normal()
    week = 1.0 - 0.4 * (((t // 24) + int(rng.integers(7))) % 7 >= 5)
    return np.asarray(40.0 + size * np.sin(2 * np.pi * (t / 24 + rng.random())) * week + e)


def test_leaks_are_met_when_they_are_foreseen() -> None:
    rng, errors, held, seen = np.random.default_rng(11), list[float](), 0, 0
    for _ in range(120):
        n, age, rate = int(rng.integers(300, 840)), int(rng.integers(12, 30)), float(rng.uniform(0.7, 3.0))
        y = usual(rng, n + 200, float(rng.uniform(0, 10)), float(rng.choice([0.1, 0.3])))
        y[n - age :] += rate * np.arange(1, 201 + age)
        after = np.flatnonzero(y[n:] >= 90.0)
        if y[:n].max() >= 90.0 or not len(after):
            continue
        climb = climb_of(y[:n], SEASON)
        if climb is None:
            continue
        seen += 1
        found = passage(y[:n], SEASON, 90.0, 168.0, near=climb.met(90.0))
        assert found is not None
        hit = after[0] + 1
        errors.append(abs(found.quantiles[2] - hit) / hit)
        held += found.quantiles[0] - 0.5 <= hit <= found.quantiles[4] + 0.5
    assert seen > 60
    assert float(np.median(errors)) < 0.2
    assert held / seen > 0.7


def test_usual_life_is_no_climb() -> None:
    rng = np.random.default_rng(12)
    series = [usual(rng, int(rng.integers(200, 840)), float(rng.uniform(0, 15)), float(rng.choice([0.1, 0.3, 1.0]))) for _ in range(300)]
    assert sum(climb_of(y, SEASON) is not None for y in series) <= 3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 100), st.floats(-1e4, 1e4))
def test_scale_and_shift_change_nothing(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    y = usual(rng, 400, 3.0, 0.2)
    y[-15:] += np.arange(1, 16) * 2.0
    a, b = climb_of(y, SEASON), climb_of(scale * y + shift, SEASON)
    falling = climb_of(-y, SEASON, rising=False)
    assert (a is None) == (b is None) == (falling is None)
    if a is not None and b is not None and falling is not None:
        assert b.slope == pytest.approx(scale * a.slope, rel=1e-6)
        assert falling.met(90.0) == pytest.approx(a.met(90.0))
        assert b.met(scale * 90.0 + shift) == pytest.approx(a.met(90.0), abs=1e-3)
        assert np.all(np.diff(a.met(90.0)) >= 0)
        assert len(a.met(90.0)) == AHEAD


@pytest.mark.parametrize("y", [np.zeros(500), np.full(500, 7.0), np.arange(500.0), np.zeros(50), np.zeros(0)])
def test_flat_straight_and_short_series_do_not_climb(y: F64) -> None:
    assert climb_of(y, SEASON) is None


def test_more_growth_meets_the_threshold_sooner() -> None:
    rng = np.random.default_rng(3)
    y = usual(rng, 500, 2.0, 0.1)
    y[-16:] += np.arange(1, 17) * 1.0
    quantiles = np.tile(y[-48:], (3, 1)) + np.array([[-1.0], [0.0], [1.0]])
    levels = np.array([0.1, 0.5, 0.9])
    faster, slower = (what_if(y, SEASON, quantiles, levels, g, 90.0, 168.0) for g in (1.3, 0.7))
    assert faster.before is not None and faster.after is not None and slower.after is not None
    assert faster.after.quantiles[2] < faster.before.quantiles[2] < slower.after.quantiles[2]
    assert np.all(faster.quantiles[:, 1:] > quantiles[:, 1:])
    assert what_if(y, SEASON, quantiles, levels, 1.3, None, 168.0).after is None
