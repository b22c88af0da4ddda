"""The forecast bank: causal, bounded, finite on anything, and equal to the one-series form."""

from __future__ import annotations

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.errors import Damaged
from services.forecast.bank import EnsembleForecaster, TierBank
from services.forecast.config import WINDOW, Tier
from services.forecast.record import bytes_per_series, columns

TIER = Tier(1, 24, 48)


def season(n: int, noise: float = 0.2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 10 + 3 * np.sin(np.arange(n) * 2 * np.pi / 24) + rng.normal(size=n) * noise


def learned(values: np.ndarray, slot: int = 0, slots: int = 1) -> TierBank:
    bank = TierBank(TIER, slots)
    for i, v in enumerate(values):
        bank.learn(slot, i, float(v))
    return bank


def test_bank_equals_one_by_one() -> None:
    series = [season(300, seed=k) for k in range(3)]
    bank = TierBank(TIER, 3)
    alone = [EnsembleForecaster() for _ in series]
    for i in range(300):
        for slot, y in enumerate(series):
            bank.learn(slot, i, float(y[i]))
            alone[slot].learn_one(float(y[i]))
    for slot, model in enumerate(alone):
        a, b = bank.forecast(slot), model.outlook()
        assert np.array_equal(a.mean, b.mean)
        assert np.array_equal(a.quantiles, b.quantiles)


def test_a_clean_season_is_forecast_within_its_noise() -> None:
    y = season(648)
    outlook = learned(y[:600]).forecast(0)
    assert np.abs(outlook.mean - y[600:]).mean() < 0.3
    assert outlook.reliable
    assert ((y[600:] >= outlook.quantiles[0]) & (y[600:] <= outlook.quantiles[-1])).mean() > 0.85


def test_forecast_of_a_prefix_does_not_know_the_rest() -> None:
    y = season(400)
    other = np.r_[y[:300], np.full(100, 1e6)]
    assert np.array_equal(learned(y[:300]).forecast(0).mean, learned(other[:300]).forecast(0).mean)
    bank = learned(y[:300])
    before = bank.forecast(0).mean.copy()
    bank.learn(0, 300, 1e6)
    assert not np.array_equal(before, bank.forecast(0).mean)


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_scale_changes_nothing_but_the_scale(scale: float) -> None:
    y = season(400)
    a, b = learned(y).forecast(0), learned(y * scale).forecast(0)
    assert np.allclose(a.mean * scale, b.mean, rtol=1e-3)


def test_a_large_offset_keeps_its_digits() -> None:
    y = season(400)
    a, b = learned(y).forecast(0), learned(y + 1e12).forecast(0)
    assert np.allclose(a.mean, b.mean - 1e12, atol=0.1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=120))
def test_finite_and_ordered_on_anything(values: list[float]) -> None:
    outlook = learned(np.array(values)).forecast(0)
    assert np.isfinite(outlook.mean).all()
    assert np.isfinite(outlook.quantiles).all()
    assert (np.diff(outlook.quantiles, axis=0) >= 0).all()


@pytest.mark.parametrize("value", [0.0, 7.5, -3e9])
def test_a_constant_goes_on(value: float) -> None:
    outlook = learned(np.full(200, value)).forecast(0)
    assert np.allclose(outlook.mean, value)


def test_never_below_zero_when_the_past_never_was() -> None:
    rng = np.random.default_rng(1)
    outlook = learned(rng.exponential(1.0, 300) ** 3).forecast(0)
    assert (outlook.quantiles >= 0).all()


def test_repeats_and_late_buckets_are_not_learned() -> None:
    bank = learned(season(200))
    before = bank.dump(1)
    assert bank.learn(0, 199, 99.0) == 0
    assert bank.learn(0, 5, 99.0) == 0
    assert bank.dump(1) == before


def test_gaps_are_bridged_and_long_ones_start_anew() -> None:
    bank = learned(season(240))
    assert bank.learn(0, 250, 10.0) == 11
    assert np.abs(bank.history(0)[-11:-1] - season(240)[216:226]).max() < 1e-5
    assert bank.learn(0, 250 + WINDOW, 10.0) == 1
    assert bank.records.seen[0] == 1


def test_dump_and_load_go_on_bit_for_bit() -> None:
    y = season(400)
    bank = learned(y[:300])
    again = TierBank.load(bank.dump(1), TIER)
    for i in range(300, 400):
        bank.learn(0, i, float(y[i]))
        again.learn(0, i, float(y[i]))
    assert bank.dump(1) == again.dump(1)
    assert np.array_equal(bank.forecast(0).quantiles, again.forecast(0).quantiles)


def test_damaged_state_is_refused() -> None:
    with pytest.raises(Damaged):
        TierBank.load(b"nonsense", TIER)
    with pytest.raises(Damaged, match="48 steps"):
        TierBank.load(learned(season(50)).dump(1), Tier(1, 24, 12))


def test_a_series_costs_less_than_five_weeks_of_hours() -> None:
    assert bytes_per_series(TierBank(TIER, 4).records) <= 5 * 168 * 8


def test_young_and_erratic_series_say_so() -> None:
    outlook = learned(season(60)).forecast(0)
    assert not outlook.reliable
    assert outlook.reason.startswith("learning")


def test_a_short_season_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter than 4"):
        TierBank(Tier(1, 3, 2))


def test_slots_that_nobody_used_take_no_memory() -> None:
    """30,000 young series in twelve partitions were given 600 MB, of which they had written a tenth."""
    before = psutil.Process().memory_info().rss
    bank = TierBank(TIER)
    for slots in range(1_000, 40_001, 1_000):
        bank.reserve(slots)
    size = sum(column.nbytes for column in columns(bank.records))
    grew = psutil.Process().memory_info().rss - before
    assert size > 240e6 and grew < size / 4


def test_growing_and_restoring_keep_every_bit() -> None:
    rng = np.random.default_rng(7)
    bank = TierBank(TIER, 700)
    for column in columns(bank.records):
        filled = rng.integers(0, 255, column.nbytes, np.uint8).view(column.dtype).reshape(column.shape)
        column[:300], column[300:310], column[650:] = filled[:300], 0, filled[650:]
    bank.records.unit[310:320] = -0.0
    before = [column.tobytes() for column in columns(bank.records)]
    saved = bank.dump(700)
    bank.reserve(701)
    assert [column[:700].tobytes() for column in columns(bank.records)] == before
    assert [column[:700].tobytes() for column in columns(TierBank.load(saved, TIER).records)] == before
