"""Properties that hold for every stream, and the bars that need no public data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.anomaly.bank import Bank, Scored
from services.anomaly.detector import SeriesDetector
from services.anomaly.state import SERIES, STEP

COLUMNS = ("score", "expected", "lower", "upper", "point", "novelty", "flags")
Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def score_all(values: Matrix, chunk: int, step_ms: int = 60_000, bank: Bank | None = None) -> tuple[Bank, list[Scored]]:
    """Scores of (n, series) values sample by sample of all series, in messages of ``chunk`` times."""
    bank = Bank() if bank is None else bank
    n, series = values.shape
    ids = np.arange(1, series + 1, dtype=np.uint64)
    out = []
    for i in range(0, n, chunk):
        part = values[i : i + chunk]
        ts = np.repeat((np.arange(i, i + len(part)) + 1) * step_ms, series)
        out.append(bank.score(np.tile(ids, len(part)), ts, part.ravel(), np.zeros(part.size, np.uint8)))
    return bank, out


def noise(kind: str, n: int, series: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    if kind == "t3":
        return np.asarray(rng.standard_t(3, (n, series)))
    e = rng.normal(size=(n, series))
    if kind == "walk":
        return np.asarray(np.cumsum(e, 0))
    if kind == "ar":
        for i in range(1, n):
            e[i] += 0.9 * e[i - 1]
    return np.asarray(e)


def column(scored: list[Scored], name: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.concatenate([getattr(s, name) for s in scored])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 97))
@settings(max_examples=20, deadline=None)
def test_series_do_not_touch_one_another(seed: int, series: int, chunk: int) -> None:
    values = np.random.default_rng(seed).standard_t(2, (300, series))
    together = column(score_all(values, chunk)[1], "score").reshape(-1, series)
    for k in range(series):
        alone = column(score_all(values[:, k : k + 1], 300)[1], "score")
        assert alone.tobytes() == together[:, k].tobytes()


@given(st.integers(0, 2**32 - 1), st.integers(1, 499))
@settings(max_examples=20, deadline=None)
def test_scores_of_a_prefix_are_the_first_scores(seed: int, n: int) -> None:
    values = np.random.default_rng(seed).standard_t(2, (500, 1))
    whole, prefix = score_all(values, 50)[1], score_all(values[:n], 50)[1]
    for name in COLUMNS:
        assert column(whole, name)[:n].tobytes() == column(prefix, name).tobytes()


@given(st.integers(0, 2**32 - 1), st.integers(-30, 30), st.sampled_from([0.0, -7.5, 1e4]))
@settings(max_examples=20, deadline=None)
def test_scale_and_shift_change_no_score(seed: int, exponent: int, shift: float) -> None:
    values = np.round(np.random.default_rng(seed).normal(0, 10, (600, 1)), 2)
    plain = column(score_all(values, 600)[1], "novelty")
    moved = column(score_all((values + shift) * 2.0**exponent, 600)[1], "novelty")
    assert np.allclose(plain, moved, rtol=1e-3, atol=0.02)


def test_bank_equals_one_by_one_in_rivers_shape() -> None:
    values = np.random.default_rng(4).standard_t(3, (400, 1))
    bank = column(score_all(values, 37)[1], "score")
    detector = SeriesDetector()
    for k, x in enumerate(values[:, 0]):
        assert detector.score_one({"value": x}) == float(bank[k])
        detector.learn_one({"value": x})


@pytest.mark.parametrize("kind", ["white", "ar", "t3", "walk"])
def test_noise_opens_at_most_one_episode_in_thirty_thousand_samples(kind: str) -> None:
    series, n = 60, 30_000
    _, scored = score_all(noise(kind, n, series, seed=1), 500)
    opened = sum(int(((s.events["what"] == 1) & (s.events["kind"] == 0)).sum()) for s in scored)
    assert opened / series <= 1.0


def test_steps_of_three_sigma_are_found_and_noise_has_none() -> None:
    series, at = 200, 1000
    rng = np.random.default_rng(3)
    values = rng.normal(size=(2 * at, series))
    values[at:] += 3.0 * rng.choice([-1.0, 1.0], series)
    _, scored = score_all(values, 100)
    events = np.concatenate([s.events for s in scored])
    steps = events[events["kind"] == STEP]
    found = steps[(steps["ts"] > at * 60_000) & (steps["ts"] <= (at + 30) * 60_000)]
    assert len(np.unique(found["row"])) >= 0.95 * series
    assert abs(float(np.median(found["opened_ms"])) / 60_000 - 1 - at) <= 2
    assert (found["p_value"] < 1e-6).all()
    _, quiet = score_all(noise("white", 10_000, 50, seed=9), 500)
    false = sum(int((s.events["kind"] == STEP).sum()) for s in quiet)
    assert false <= 5


def test_a_series_stays_within_two_kilobytes_and_memory_is_flat() -> None:
    assert SERIES.itemsize <= 2000
    bank, _ = score_all(noise("white", 2000, 100, 0), 500)
    before = bank.states.nbytes
    score_all(noise("white", 5000, 100, 1), 500, step_ms=120_000, bank=bank)
    assert bank.states.nbytes == before
