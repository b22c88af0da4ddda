"""The bank: border independence, repeats, feedback, explanation."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.contracts.batches import DUPLICATE, LATE, UNSCORED, SeriesInfo
from kizashi.contracts.scoring import Sensitivity, sensitivity_from
from kizashi.errors import ConfigurationError, NotFound
from services.anomaly.bank import Bank, Scored

COLUMNS = ("score", "expected", "lower", "upper", "point", "novelty", "flags")


def feed(bank: Bank, ts: list[int], values: list[float], series: int = 7) -> Scored:
    n = len(ts)
    return bank.score(np.full(n, series, np.uint64), np.array(ts, np.int64), np.array(values), np.zeros(n, np.uint8))


def noise(n: int, seed: int = 0) -> list[float]:
    return [float(x) for x in np.random.default_rng(seed).normal(10.0, 1.0, n)]


def test_message_borders_do_not_change_a_bit() -> None:
    ts, values = list(range(1000, 601_000, 1000)), noise(600)
    whole = feed(Bank(), ts, values)
    bank = Bank()
    parts = [feed(bank, ts[i:j], values[i:j]) for i, j in ((0, 1), (1, 250), (250, 251), (251, 600))]
    for name in COLUMNS:
        assert np.concatenate([getattr(p, name) for p in parts]).tobytes() == getattr(whole, name).tobytes(), name


def test_repeats_and_late_samples_are_marked_and_not_learned() -> None:
    bank, other = Bank(), Bank()
    ts, values = list(range(1000, 301_000, 1000)), noise(300)
    feed(bank, ts, values)
    feed(other, ts, values)
    again = feed(bank, [ts[-1], ts[-3], ts[-1] - 500], [1e6, 1e6, 1e6])
    assert again.flags.tolist() == [DUPLICATE, DUPLICATE, LATE]
    assert again.score[:2].tolist() == [0.0, 0.0]
    assert again.score[2] > 1.0
    a, b = feed(bank, [400_000], [10.0]), feed(other, [400_000], [10.0])
    assert a.score.tobytes() == b.score.tobytes()
    assert bank.explain(7).duplicates == 2


def test_nan_and_infinity_never_reach_the_model() -> None:
    bank = Bank()
    feed(bank, list(range(1000, 301_000, 1000)), noise(300))
    before = bank.states["slow"][0]
    bad = feed(bank, [302_000, 303_000, 304_000], [float("nan"), float("inf"), float("-inf")])
    assert (bad.flags & UNSCORED).all()
    assert bank.states["slow"][0] == before
    assert all(np.isfinite(getattr(bad, c)).all() for c in COLUMNS)


def test_feedback_moves_the_boundary_at_once_and_can_be_taken_back() -> None:
    def spike(*verdicts: tuple[str, bool]) -> float:
        bank = Bank()
        feed(bank, list(range(1000, 301_000, 1000)), noise(300))
        for k, (verdict, undo) in enumerate(verdicts):
            bank.apply_feedback(7, verdict, undo=undo, target="e" if verdict != "false" or len(verdicts) < 100 else f"e{k}")
        return float(feed(bank, [301_000], [15.0]).score[0])

    plain = spike()
    assert spike(("false", False)) < plain < spike(("true", False))
    assert spike(("duplicate", False)) == plain
    assert spike(("false", False), ("true", False), ("true", True), ("false", True)) == plain
    assert spike(*[("false", False)] * 100) > 0.0


def test_feedback_on_an_unknown_series_is_refused() -> None:
    with pytest.raises(NotFound, match="0000000000000063"):
        Bank().apply_feedback(99, "false")


def test_explanation_names_the_gate() -> None:
    bank = Bank()
    feed(bank, [1000, 2000], [1.0, 2.0])
    assert bank.explain(7).gate == "learning"
    feed(bank, list(range(3000, 303_000, 1000)), noise(300))
    feed(bank, [303_000], [100.0])
    told = bank.explain(7)
    assert (told.gate, told.value, told.open, told.learned) == ("fired", 100.0, True, 303)
    assert told.score >= 1.0
    assert told.lower < told.expected < told.upper < 100.0
    assert len(told.state_hash) == 8


def test_counters_are_scored_as_rates_and_resets_are_no_fall() -> None:
    bank = Bank()
    bank.register(SeriesInfo(7, "acme", "requests_total", {}, kind="counter"))
    rng = np.random.default_rng(3)
    total = np.cumsum(rng.normal(100.0, 5.0, 400))
    total[200:] -= total[199]  # restarted: counts from zero again
    scored = feed(bank, list(range(1000, 401_000, 1000)), total.tolist())
    assert abs(float(scored.expected[150]) - 100.0) < 10.0
    assert float(scored.score[200]) < 1.0


def test_constants_zeros_and_wild_scales_stay_finite() -> None:
    ts = list(range(1000, 401_000, 1000))
    for values in ([0.0] * 400, [5.0] * 400, [0.0] * 200 + [1.0] * 200, [x * 1e-9 for x in noise(400)], [x * 1e12 for x in noise(400)],
                   [1e300, -1e300] * 200, [1e-300, 0.0] * 200):  # fmt: skip
        scored = feed(Bank(), ts, values)
        for name in COLUMNS:
            assert np.isfinite(getattr(scored, name)).all(), (name, values[:3])


def stream_with_spike(bank: Bank, height: float) -> Scored:
    feed(bank, list(range(1000, 2_501_000, 1000)), noise(2500))
    return feed(bank, list(range(2_501_000, 2_511_000, 1000)), [10.0 + height] * 10)


def opened(scored: Scored) -> int:
    return int(((scored.events["what"] == 1) & (scored.events["kind"] == 0)).sum())


@pytest.mark.parametrize(
    ("rule", "height", "episodes", "gate"),
    [
        (Sensitivity(), 12.0, 1, "fired"),
        (Sensitivity(min_deviation=20.0), 12.0, 0, "min_deviation"),
        (Sensitivity(min_relative=3.0), 12.0, 0, "min_deviation"),
        (Sensitivity(direction="down"), 12.0, 0, "min_deviation"),
        (Sensitivity(direction="down"), -12.0, 1, "fired"),
        (Sensitivity(direction="up"), 12.0, 1, "fired"),
    ],
)
def test_rules_decide_what_counts(rule: Sensitivity, height: float, episodes: int, gate: str) -> None:
    bank = Bank()
    feed(bank, [500], [10.0])
    bank.set_rule(7, rule)
    scored = stream_with_spike(bank, height)
    assert opened(scored) == episodes
    assert bank.explain(7).gate == gate


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"min_deviation": -1.0}, r"-1.0 is not a number from 0 up - at `\$.min_deviation`"),
        ({"min_deviation": "much"}, r"Expected `float`, got `str` - at `\$.min_deviation`"),
        ({"direction": "sideways"}, r"Invalid enum value 'sideways' - at `\$.direction`"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"labels": {"host": 3}}, r"Expected `str`, got `int` - at `\$.labels"),
        ({"model": "os.system"}, r"'os.system' is not a River model"),
    ],
)
def test_bad_rules_are_refused_and_say_why(body: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        sensitivity_from(body)
    assert sensitivity_from({"direction": "up"}).direction == "up"


def test_maintenance_opens_nothing_and_is_not_learned() -> None:
    bank = Bank()
    feed(bank, [500], [10.0])
    bank.keep_quiet(7, 2_600_000)
    assert opened(stream_with_spike(bank, 50.0)) == 0
    assert bank.explain(7).gate == "maintenance"
    assert bank.states["visits"][0].sum() == 1  # the sample before it was announced


def test_a_series_that_alarms_too_often_needs_more() -> None:
    bank = Bank()
    stream_with_spike(bank, 30.0)
    first = bank.explain(7)
    assert first.episodes == 1
    assert first.level == pytest.approx(1.1)
    feed(bank, [2_511_000 + 14 * 86_400_000], [10.0])
    assert bank.explain(7).level == pytest.approx(1.0, abs=0.01)


def test_single_noise_record_is_stopped_by_the_noise_gate() -> None:
    bank = Bank()
    feed(bank, list(range(1000, 2_501_000, 1000)), noise(2500))
    scored = feed(bank, [2_501_000], [15.0])
    assert scored.score[0] >= 1.0
    told = bank.explain(7)
    assert (told.open, told.gate) == (False, "noise")
    assert told.evidence < 1.0
    assert told.gate_text
