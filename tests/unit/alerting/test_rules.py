"""Rules: bad ones are refused with the place, good ones fire on what they say, defaults have reasons."""

from __future__ import annotations

from typing import Any

import pytest

from kizashi.contracts.findings import Risk
from kizashi.contracts.inputs import Event
from services.alerting.conditions import on_episode, on_incident, on_outcome, on_risk
from services.alerting.defaults import DEFAULT_RULES
from services.alerting.rules import AnyRule, rule_from
from tests.unit.alerting.situation import T0, S, deliver, episode, incident, run, tenant

HOUR = 3_600 * S


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ({}, "$", "kind"),
        ({"kind": "magic"}, "$.kind", "magic"),
        ({"kind": "anomaly", "min_score": "high"}, "$.min_score", "float"),
        ({"kind": "anomaly", "min_score": 0.5}, "$.min_score", "at least 1.0"),
        ({"kind": "anomaly", "kinds": ["odd"]}, "$.kinds[0]", "odd"),
        ({"kind": "anomaly", "kinds": []}, "$.kinds", "at least one"),
        ({"kind": "anomaly", "colour": "red"}, "$", "colour"),
        ({"kind": "anomaly", "severity": "loud"}, "$.severity", "loud"),
        ({"kind": "anomaly", "for_s": -1}, "$.for_s", "between 0"),
        ({"kind": "anomaly", "for_s": 1e12}, "$.for_s", "year"),
        ({"kind": "anomaly", "keep_s": float("inf")}, "$.keep_s", "finite"),
        ({"kind": "anomaly", "match": ["service"]}, "$.match[0]", "not a matcher"),
        ({"kind": "anomaly", "match": ["a=b", "a=~("]}, "$.match[1]", "regular expression"),
        ({"kind": "anomaly", "match": ["a=~(a*)*"]}, "$.match[0]", "repeated group"),
        ({"kind": "anomaly", "title": "x" * 3_000}, "$.title", "longer"),
        ({"kind": "threshold", "metric": "m"}, "$.above", "either"),
        ({"kind": "threshold", "metric": "m", "above": 1, "below": 0}, "$.above", "either"),
        ({"kind": "threshold", "metric": "", "above": 1}, "$.metric", "name the metric"),
        ({"kind": "threshold", "above": 1}, "$", "metric"),
        ({"kind": "threshold", "metric": "m", "above": 1, "clear": 2}, "$.clear", "beyond"),
        ({"kind": "threshold", "metric": "m", "below": 1, "clear": 0}, "$.clear", "beyond"),
        ({"kind": "threshold", "metric": "m", "above": float("nan")}, "$.above", "finite"),
        ({"kind": "threshold", "metric": "m", "above": 1, "of": "median"}, "$.of", "median"),
        ({"kind": "absence", "metric": "m", "after_s": 5}, "$.after_s", "20 s"),
        ({"kind": "risk", "of": "weather"}, "$.of", "weather"),
        ({"kind": "risk", "of": "ticket", "at_least": 1.5}, "$.at_least", "probability"),
        ({"kind": "risk", "of": "ticket", "at_least": 0.5, "clear_below": 0.6}, "$.clear_below", "at_least"),
        ({"kind": "outcome", "outcomes": ["good"]}, "$.outcomes[0]", "good"),
    ],
)
def test_bad_rules_are_refused_with_place_and_reason(body: dict[str, Any], place: str, said: str) -> None:
    t = tenant()
    assert t.config("rule", "r", {"kind": "incident"}, T0)
    assert not t.config("rule", "r", body, T0)
    problem = t.running.problems["rule", "r"]
    assert said in problem and (place == "$" or f"`{place}`" in problem), problem
    assert type(t.running.rules["r"]).__name__ == "IncidentRule", "the running set stays"


def test_every_default_rule_has_a_reason_and_is_a_rule() -> None:
    import msgspec

    for name, rule in DEFAULT_RULES.items():
        assert len(rule.reason) > 30, name
        assert rule_from(msgspec.to_builtins(rule)) == rule


def rule(kind: str, **given: Any) -> AnyRule:
    return rule_from({"kind": kind, **given})


@pytest.mark.parametrize(
    ("given", "found", "fires"),
    [
        ({}, {}, True), ({"min_score": 2.5}, {}, None), ({"min_score": 2.5}, {"peak_score": 2.5}, True),
        ({"min_severity": "critical"}, {"severity": "warning"}, None), ({"direction": "down"}, {}, None),
        ({"direction": "down"}, {"direction": "down"}, True), ({}, {"kind": "missing"}, None),
        ({"kinds": ["missing"]}, {"kind": "missing", "peak_score": 0.0}, True), ({"match": ["service=svc-2"]}, {}, None),
        ({"match": ["metric=latency", "entity=svc-1"]}, {}, True), ({}, {"state": "closed"}, False),
    ],
)  # fmt: skip
def test_anomaly_rules(given: dict[str, Any], found: dict[str, Any], fires: bool | None) -> None:
    signal = on_episode("r", rule("anomaly", **given), episode(**found))
    assert (None if signal is None else signal.active) is fires


def risk(kind: Any, **given: Any) -> Risk:
    return Risk("risk-1", 1, "default", "shop", kind, T0, "disk reaches 90", severity="warning", **given)


@pytest.mark.parametrize(
    ("body", "found", "holds"),
    [
        ({"kind": "forecast", "within_s": 3_600}, risk("capacity", eta_ms=T0 + HOUR), True),
        ({"kind": "forecast", "within_s": 3_600}, risk("capacity", eta_ms=T0 + HOUR + 60 * S), None),
        ({"kind": "forecast", "within_s": 3_600}, risk("capacity", eta_ms=T0 + 2 * HOUR), False),
        ({"kind": "forecast", "within_s": 3_600}, risk("capacity"), False),
        ({"kind": "forecast", "within_s": 3_600, "quantile": "early"}, risk("capacity", eta_ms=T0 + 9 * HOUR, eta_low_ms=T0 + HOUR), True),
        ({"kind": "forecast"}, risk("ticket"), None),
        ({"kind": "burn"}, risk("slo", firing=True), True),
        ({"kind": "burn", "min_severity": "critical"}, risk("slo", firing=True), False),
        ({"kind": "burn", "budget_left_below": 0.1}, risk("slo", budget_left=0.05), True),
        ({"kind": "burn"}, risk("slo"), False),
        ({"kind": "risk", "of": "ticket"}, risk("ticket", probability=0.8), True),
        ({"kind": "risk", "of": "ticket"}, risk("ticket", probability=0.75), None),
        ({"kind": "risk", "of": "ticket"}, risk("ticket", probability=0.7), False),
        ({"kind": "risk", "of": "ticket"}, risk("ticket", probability=1.0, reason="resolved"), False),
        ({"kind": "risk", "of": "ticket"}, risk("ticket", probability=1.0, reason="acknowledged"), False),
        ({"kind": "risk", "of": "ticket"}, risk("ticket", probability=None, reason="learning"), False),
        ({"kind": "risk", "of": "incident"}, risk("ticket", probability=1.0), None),
        ({"kind": "risk", "of": "ticket", "match": ["entity=web"]}, risk("ticket", probability=1.0), None),
    ],
)
def test_rules_on_risks(body: dict[str, Any], found: Risk, holds: bool | None) -> None:
    signal = on_risk("r", rule_from(body), found)
    assert (None if signal is None else signal.active) is holds


def test_rules_on_incidents_and_outcomes() -> None:
    open_, over = incident(episodes=["a", "b"]), incident(episodes=["a"], state="closed")
    strict = rule("incident", min_findings=3)
    assert on_incident("r", strict, open_) is None
    fired, ended = on_incident("r", rule("incident"), open_), on_incident("r", rule("incident"), over)
    assert fired is not None and fired.active and fired.annotations["cause"] == "its disk is full"
    assert ended is not None and not ended.active
    said = {"change": "deploy-7", "kind": "deploy", "outcome": "confirmed", "incident": "incident-1", "probability": 0.9}
    blamed = Event("annotation", "shop", T0, "outcome-deploy-7", title="deploy 7: confirmed", attributes=said)
    cleared = Event("annotation", "shop", T0, "outcome-deploy-7", attributes=said | {"outcome": "cleared"})
    one, two = on_outcome("r", rule("outcome"), blamed), on_outcome("r", rule("outcome"), cleared)
    assert one is not None and one.active and one.until_ms == T0 + HOUR
    assert two is not None and not two.active


def test_an_outcome_ends_by_itself_and_does_not_come_back_from_a_replay() -> None:
    t = tenant({"r": rule("outcome", hold_s=600)})
    said = {"change": "deploy-7", "outcome": "confirmed"}
    t.outcome(Event("annotation", "shop", T0, "outcome-deploy-7", attributes=said))
    run(t, T0 + 10 * S)
    assert [m.kind for m in deliver(t)] == ["firing"]
    run(t, T0 + 700 * S)
    assert [m.kind for m in deliver(t)] == ["resolved"]
    t.outcome(Event("annotation", "shop", T0, "outcome-deploy-7", attributes=said))
    run(t, T0 + 800 * S)
    assert deliver(t) == [] and not t.book.alerts


def test_titles_runbooks_and_labels_are_filled() -> None:
    t = tenant({"r": rule("anomaly", title="{entity} {metric} at {value}: {title}", runbook="https://wiki/{service}", owner="shop-team",
                          labels={"team": "shop"})})  # fmt: skip
    t.episode(episode())
    (m,) = deliver(t)
    a = m.alerts[0]
    assert a.title == "svc-1 latency at 9: svc-1: latency is not as expected"
    assert a.annotations["runbook"] == "https://wiki/svc-1" == m.links["runbook"]
    assert (a.labels["team"], a.labels["owner"], a.labels["severity"]) == ("shop", "shop-team", "critical")
