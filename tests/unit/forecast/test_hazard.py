"""Incident probability and budget outlook: causal, calibrated in kind, restorable, abstaining."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.online.first_passage import crossing, passage
from kizashi.online.logistic import BayesianLogistic
from services.forecast.hazard import DAY, Hazard
from services.forecast.outlook import BudgetOutlook


def clustered(seed: int, days: int = 300) -> list[float]:
    rng = np.random.default_rng(seed)
    out: list[float] = []
    for start in np.cumsum(rng.exponential(8 * DAY, 200)):
        out += [float(start + x) for x in np.cumsum(rng.exponential(0.3 * DAY, 6))]
    return sorted(t for t in out if t < days * DAY)


def test_it_abstains_without_history_then_beats_the_base_rate_on_clusters() -> None:
    model = Hazard(DAY)
    assert model.ask(0.0).probability is None
    for at in clustered(1):
        model.incident(at)
    assert model.record.answers > 100
    assert model.record.skill > 0.05
    assert model.ask(300 * DAY).probability is not None


def test_a_recent_incident_raises_the_probability() -> None:
    calm, shaken = Hazard(DAY), Hazard(DAY)
    for at in [t for t in clustered(2) if t < 200 * DAY]:
        calm.incident(at)
        shaken.incident(at)
    for k in range(3):
        shaken.incident(214 * DAY + k * 3600)
    assert shaken.ask(214.5 * DAY).estimate > calm.ask(214.5 * DAY).estimate + 0.1


def test_asking_never_looks_ahead_and_state_survives() -> None:
    a, events = Hazard(7 * DAY), clustered(3)
    for at in events[:100]:
        a.incident(at)
    b = Hazard.load(a.dump(), 7 * DAY)
    now = events[99] + 1.0
    assert a.ask(now) == b.ask(now)
    for at in events[100:]:
        a.incident(at)
        b.incident(at)
    assert a.dump() == b.dump()


def test_live_evidence_is_kept_and_fades() -> None:
    model = Hazard(DAY)
    model.incident(0.0)
    model.note("anomaly", 10 * DAY)
    assert model._live(10.5 * DAY)[0] == pytest.approx(0.5)


def test_outlook_rises_with_failures_and_is_the_same_after_restore() -> None:
    quiet, noisy = BudgetOutlook(0.999), BudgetOutlook(0.999)
    for _ in range(200):
        quiet.learn_hour(1000, 0)
        noisy.learn_hour(1000, 2)
    assert quiet.exhaustion(200_000, 0, 472).probability < 0.2
    worse = noisy.exhaustion(200_000, 400, 472)
    assert worse.probability > 0.9
    assert np.isfinite(worse.hours).all()
    again = BudgetOutlook.load(noisy.dump(), 0.999)
    assert again.exhaustion(200_000, 400, 472) == worse
    with pytest.raises(ValueError, match="between 0 and 1"):
        BudgetOutlook(1.0)
    with pytest.raises(ValueError, match="numbers"):
        BudgetOutlook.load(b"12345678", 0.999)


def test_logistic_refuses_another_size() -> None:
    model = BayesianLogistic(np.zeros(2), np.ones(2))
    model.restore(model.dump())
    with pytest.raises(ValueError, match="features"):
        model.restore([1.0])


def test_time_to_threshold_bands_hold() -> None:
    rng, inside = np.random.default_rng(5), 0
    for _ in range(120):
        path = 50 + np.cumsum(0.02 + rng.normal(size=6000) * 0.1)
        found = passage(path[:840], 24, 70.0, 168)
        assert found is not None
        hit = float(np.argmax(path[840:] >= 70.0)) + 1 if (path[840:] >= 70.0).any() else np.inf
        inside += int(found.quantiles[0] <= hit <= found.quantiles[4])
    assert 0.65 <= inside / 120 <= 0.97


def test_growth_moves_the_date_and_direction_is_respected() -> None:
    y = np.linspace(10, 40, 400) + np.random.default_rng(0).normal(size=400) * 0.1
    plain, faster = passage(y, 24, 80.0, 168), passage(y, 24, 80.0, 168, growth=1.3)
    down = passage(-y, 24, -80.0, 168, rising=False)
    assert plain is not None
    assert faster is not None
    assert down is not None
    assert plain.quantiles[2] == pytest.approx(40 / (30 / 400), rel=0.1)
    assert faster.quantiles[2] == pytest.approx(plain.quantiles[2] / 1.3, rel=0.1)
    assert down.quantiles == pytest.approx(plain.quantiles)
    assert passage(y[:5], 24, 80.0, 168) is None
    steep = crossing(np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]), np.array([0.1, 0.5, 0.9]), 1.0)
    assert steep.tolist() == pytest.approx([0.5, 0.9])
