"""Cold start: what a new series borrows from its cohort, and how it fades."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.contracts.batches import BORROWED, LEARNING, SeriesInfo
from services.anomaly.bank import Bank, Scored

DAY_MS, MINUTE_MS = 86_400_000, 60_000
START = 1_700_006_400_000
NEW = 99
Values = np.ndarray[tuple[int], np.dtype[np.float64]]


def info(series: int, metric: str = "cpu", tenant: str = "acme") -> SeriesInfo:
    return SeriesInfo(series, tenant, metric, {"host": f"h{series}"})


def grown(members: int = 5, days: int = 4) -> tuple[Bank, int]:
    """A bank with a daily rhythm of 20 ± 10 in each of its series, and the time at which it stands."""
    bank = Bank()
    n = days * 288
    t = START + np.arange(n) * 5 * MINUTE_MS
    for k in range(1, members + 1):
        bank.register(info(k))
        x = 20 + 10 * np.sin(2 * np.pi * t / DAY_MS) + np.random.default_rng(k).normal(0, 0.5, n)
        bank.score(np.full(n, k, np.uint64), t, x, np.zeros(n, np.uint8))
    return bank, int(t[-1])


def feed(bank: Bank, begin: int, values: Values, step_ms: int = 5 * MINUTE_MS) -> Scored:
    n = len(values)
    return bank.score(np.full(n, NEW, np.uint64), begin + step_ms * np.arange(1, n + 1), values, np.zeros(n, np.uint8))


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_new_series_knows_the_day_of_its_cohort_at_its_own_scale(scale: float) -> None:
    bank, now = grown()
    bank.register(info(NEW))
    t = now + 5 * MINUTE_MS * np.arange(1, 289)
    values = scale * (20 + 10 * np.sin(2 * np.pi * t / DAY_MS)) + np.random.default_rng(7).normal(0, 0.5 * scale, 288)
    scored = feed(bank, now, values)
    assert (scored.flags[:100] & BORROWED).all()
    assert not (scored.flags & LEARNING).any()
    half_day = scored.expected[20:144]
    assert float(np.abs(half_day - values[20:144]).mean()) < 3.0 * scale
    assert float(scored.score[1:].max()) < 3.0


def test_it_is_judged_from_the_start_and_without_a_cohort_it_is_not() -> None:
    bank, now = grown()
    values = 20 + 10 * np.sin(2 * np.pi * (now + 5 * MINUTE_MS * np.arange(1, 41)) / DAY_MS)
    values[-1] += 60.0
    bank.register(info(NEW))
    assert feed(bank, now, values).score[-1] > 1.0
    alone, now = grown(members=0)[0], now
    alone.register(info(NEW))
    lonely = feed(alone, now, values)
    assert lonely.score[-1] == 0.0
    assert (lonely.flags & LEARNING).all()


@pytest.mark.parametrize(("metric", "tenant"), [("memory", "acme"), ("cpu", "other")])
def test_other_metrics_and_other_tenants_lend_nothing(metric: str, tenant: str) -> None:
    bank, now = grown()
    bank.register(info(NEW, metric, tenant))
    assert (feed(bank, now, np.full(10, 20.0)).flags & LEARNING).all()


def test_what_was_borrowed_fades_and_survives_a_restart_before_it() -> None:
    bank, now = grown()
    bank.register(info(NEW))
    back = Bank.load(bank.dump())
    values = np.random.default_rng(3).normal(500.0, 1.0, 700)
    scored, again = feed(bank, now, values), feed(back, now, values)
    assert scored.score.tobytes() == again.score.tobytes()
    assert (scored.flags[:499] & BORROWED).all()
    assert not (scored.flags[500:] & BORROWED).any()
    assert back.dump() == bank.dump()


def test_a_series_that_is_announced_again_borrows_nothing() -> None:
    bank, _ = grown()
    before = bank.states[0].tobytes()
    bank.register(info(1))
    assert bank.states[0].tobytes() == before
    assert not bank.states[0]["borrowed"]
