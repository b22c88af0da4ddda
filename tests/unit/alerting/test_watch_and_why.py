"""Thresholds and absence on ten-second values, and why a rule did not fire on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Risk
from services.alerting import watch
from services.alerting.configuration import RunningSet
from services.alerting.replay import Recorded, Truth
from services.alerting.rules import AbsenceRule, AnomalyRule, AnyRule, ForecastRule, IncidentRule, ProbabilityRule, ThresholdRule
from services.alerting.tenant import Tenant
from services.alerting.tuning import tune
from services.alerting.why_not import why_not
from tests.unit.alerting.situation import T0, S, deliver, episode, run, tenant

A, B = 7, 9


def values(at_ms: int, **by_series: float) -> RollupBatch:
    """One bucket; ``s7=0.5`` is the value of series 7."""
    ids = [int(k[1:]) for k in by_series]
    v = np.array(list(by_series.values()))
    infos = [SeriesInfo(i, "default", "disk", {"host": f"h{i}"}) for i in ids]
    n = len(ids)
    return RollupBatch("default", "x", 0, 0, 0, at_ms, 10 * S, np.array(ids, np.uint64), np.ones(n, np.uint32), v, v - 0.1, v + 0.1,
                       np.zeros(n, np.float32), infos)  # fmt: skip


def feed(t: Tenant, at_ms: int, **by_series: float) -> None:
    b = values(at_ms, **by_series)
    t.advance(at_ms + 12 * S)
    for info in b.series:
        t.series(info)
    t.rollup(b)


def states(t: Tenant) -> dict[str, str]:
    return {a.labels["host"]: a.state for a in t.book.alerts.values() if a.labels}


def test_absence_is_measured_against_the_other_series() -> None:
    t = tenant({"gone": AbsenceRule(metric="disk", after_s=60.0, forget_s=600.0)})
    feed(t, T0, s7=0.5, s9=0.5)
    run(t, T0 + 3_600 * S, 60 * S)
    assert states(t) == {}, "when everything is silent the clock of absence stands still"
    feed(t, T0 + 3_600 * S, s9=0.5)
    run(t, t.now_ms + 3 * S)
    assert states(t) == {}, "the first series to come back after a pause does not make the others absent"
    feed(t, T0 + 3_600 * S, s7=0.5)
    for k in range(1, 9):
        feed(t, T0 + 3_600 * S + k * 10 * S, s9=0.5)
    run(t, t.now_ms + 2 * S)
    assert states(t) == {"h7": "firing"}
    assert "silent for 60 s" in deliver(t)[0].alerts[0].title
    feed(t, T0 + 3_800 * S, s7=0.5, s9=0.5)
    assert states(t) == {"h7": "resolved"}


def test_a_series_taken_away_resolves_after_a_while() -> None:
    t = tenant({"gone": AbsenceRule(metric="disk", after_s=60.0, forget_s=300.0)})
    feed(t, T0, s7=0.5, s9=0.5)
    for k in range(1, 40):
        feed(t, T0 + k * 10 * S, s9=0.5)
        run(t, t.now_ms + S)
    assert [m.kind for m in deliver(t)] == ["firing", "resolved"]


def test_low_and_high_and_below_and_late_buckets() -> None:
    t = tenant({"low": ThresholdRule(metric="disk", below=0.2, of="low"), "high": ThresholdRule(metric="disk", above=0.9, of="high")})
    feed(t, T0, s7=0.25)
    assert {a.rule for a in t.book.alerts.values()} == {"low"}
    feed(t, T0 - 60 * S, s7=0.95)
    assert {a.rule for a in t.book.alerts.values()} == {"low"}, "an older bucket is not looked at"
    feed(t, T0 + 10 * S, s7=0.85)
    assert {a.rule: a.state for a in t.book.alerts.values()} == {"low": "resolved", "high": "firing"}


def test_a_rule_that_is_switched_off_ends_its_alerts_and_a_new_one_sees_known_series() -> None:
    t = tenant()
    feed(t, T0, s7=0.95)
    t.config("rule", "full", {"kind": "threshold", "metric": "disk", "above": 0.9, "match": ["host=h7"]}, T0)
    feed(t, T0 + 10 * S, s7=0.95, s9=0.95)
    assert states(t) == {"h7": "firing"}
    deliver(t)
    t.config("rule", "full", {"kind": "threshold", "metric": "disk", "above": 0.9, "enabled": False}, T0)
    run(t, t.now_ms + 10 * S)
    assert [m.kind for m in deliver(t)] == ["resolved"] and t.watch.cells == {}


def test_names_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MAX_NAMES", 1)
    t = tenant({"full": ThresholdRule(metric="disk", above=0.9)})
    feed(t, T0, s7=0.1, s9=0.99)
    assert states(t) == {} and t.watch.unnamed == 1
    packed = t.watch.dump_names()
    assert packed is t.watch.dump_names()
    t.watch.load_names(packed)
    assert t.watch.names[A].labels == {"host": "h7"}


FULL = ThresholdRule(metric="disk", above=0.9, match=["host=h7"])
ODD = AnomalyRule(min_score=3.0, min_severity="critical", kinds=("step",), direction="up", match=["service=svc-7"])


@pytest.mark.parametrize(
    ("rule", "series", "said"),
    [
        (FULL, A, "stopped at condition: the last mean of ten seconds was 0.5, it fires above 0.9"),
        (FULL, B, "stopped at series: the series does not match host=h7"),
        (ThresholdRule(metric="cpu", above=1.0), A, "stopped at series: the rule is on cpu, the series is disk"),
        (FULL, 1, "stopped at series: no ten-second value of this series has come here yet"),
        (AbsenceRule(metric="disk"), A, "stopped at condition: its last value came 0 s before the newest of all"),
        (IncidentRule(), A, "stopped at condition: no finding that is known here fulfils the rule now"),
        (ThresholdRule(metric="disk", above=0.9, enabled=False), A, "stopped at rule: switched off"),
    ],
)
def test_why_not_on_values(rule: AnyRule, series: int, said: str) -> None:
    t = tenant({"r": rule})
    feed(t, T0, s7=0.5, s9=0.5)
    assert why_not(t, "r", f"{series:016x}").verdict == said
    assert why_not(t, "r", "xyz").fired is False


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"kind": "anomaly"}, "its last episode is of kind anomaly, the rule takes step"),
        ({"labels": {"service": "svc-8"}}, "the series does not match service=svc-7"),
        ({"direction": "down"}, "it went down, the rule looks up"),
        ({"severity": "warning"}, "its last episode was warning, the rule takes critical and above"),
        ({"peak_score": 1.5}, "its last episode peaked at 1.50, the rule needs 3"),
        ({"state": "closed"}, "its last episode is over; it lasted 60 s, the rule waits 0 s"),
    ],
)
def test_why_not_on_episodes(found: dict[str, Any], said: str) -> None:
    t = tenant({"r": ODD})
    given: dict[str, Any] = {"kind": "step", "peak_score": 4.0} | found
    t.episode(episode(7, **given))
    assert said in why_not(t, "r", f"{7:016x}").verdict


def test_why_not_says_that_a_newer_version_of_the_rule_was_refused() -> None:
    t = tenant({"r": ODD})
    t.config("rule", "r", {"kind": "anomaly", "min_score": 0.1}, T0)
    gate = why_not(t, "r", f"{7:016x}").gates[0]
    assert gate.passed and "a newer version was refused" in gate.text


def rising() -> list[Recorded]:
    return [Recorded(T0 + k * 10 * S, values(T0 + k * 10 * S, s7=k / 200)) for k in range(200)]


def risk(k: int, **given: Any) -> Recorded:
    at = T0 + k * 3_600 * S
    return Recorded(at, Risk(f"risk-{k}", 1, "default", "shop", made_at_ms=at, title="x", severity="warning", **given))


@pytest.mark.parametrize(
    ("rule", "recording", "field"),
    [
        (ThresholdRule(metric="disk", above=0.5), rising(), "above"),
        (ThresholdRule(metric="disk", below=0.5), rising(), "below"),
        (ProbabilityRule(of="ticket"), [risk(k, kind="ticket", probability=k / 20) for k in range(20)], "at_least"),
        (ForecastRule(), [risk(k, kind="capacity", eta_ms=T0 + 100 * 3_600 * S) for k in range(20)], "within_s"),
    ],
)  # fmt: skip
def test_tuning_tries_the_numbers_of_each_kind(rule: AnyRule, recording: list[Recorded], field: str) -> None:
    first = [Recorded(T0 - S, SeriesInfo(A, "default", "disk", {"host": "h7"}))]
    truths = [Truth("i", "shop", "shop is down", T0 + 19 * 3_600 * S + 60 * S)]
    found = tune("default", "r", rule, RunningSet({}), first + recording, truths, T0, T0 + 86_400 * S)
    assert found.field == field and len(found.points) >= 4
    rates = [p.pages_a_day for p in found.points]
    assert rates in (sorted(rates), sorted(rates, reverse=True)), "the curve is monotone"
    assert found.evidence
