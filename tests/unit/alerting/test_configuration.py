"""The running set: what is refused, what dangles, what a person's word and a budget do to a tenant."""

from __future__ import annotations

from typing import Any

import pytest

from kizashi.contracts.findings import Feedback, Risk
from kizashi.errors import ConfigurationError
from services.alerting import configuration, outbox, states
from services.alerting.configuration import RunningSet, checked
from services.alerting.escalation import escalation_from, step_at
from services.alerting.rules import AnomalyRule, ProbabilityRule
from tests.unit.alerting.situation import T0, S, deliver, episode, run, tenant

STEP = {"after_s": 0, "channels": ["a"]}


@pytest.mark.parametrize(
    ("kind", "id_", "body", "said"),
    [
        ("user", "x", {}, "no kind of alerting's"), ("route", "mine", {}, "one routing tree"),
        ("channel", "topic", {"type": "slack"}, "built-in"),
        ("channel", "x", {"type": "pigeon"}, "pigeon"), ("budget", "b", {"pages_a_day": -1}, "pages_a_day"),
        ("budget", "b", {"pages": 1}, "pages"), ("inhibition", "i", {"source": [], "target": ["a=b"]}, r"\$.source"),
        ("inhibition", "i", {"source": ["a=b"], "target": []}, r"\$.target"), ("inhibition", "i", {"source": ["a=b"]}, "target"),
        ("escalation", "e", {"steps": []}, r"\$.steps"), ("escalation", "e", {"steps": [{"after_s": 5}]}, "at once"),
        ("escalation", "e", {"steps": [STEP, STEP]}, "later"), ("escalation", "e", {"steps": [STEP], "rounds": 0}, "rounds"),
        ("escalation", "e", {"steps": [STEP, {"after_s": 9_000}], "rounds": 2}, "round"), ("escalation", "e", {"step": 1}, "step"),
        ("maintenance", "m", {"match": ["a=b"], "start": "soon", "duration_s": 1}, "start"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused(kind: str, id_: str, body: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        checked(kind, id_, body, T0)


def test_objects_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "MAX_OBJECTS", 1)
    made = RunningSet({})
    assert made.take("rule", "a", {"kind": "incident"}, T0) and made.take("rule", "a", {"kind": "anomaly"}, T0)
    assert not made.take("rule", "b", {"kind": "incident"}, T0) and "delete some" in made.problems["rule", "b"]


def test_silences_that_are_over_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "MAX_OBJECTS", 2)
    made = RunningSet({})
    body = {"match": ["a=b"], "owner": "mika", "reason": "deploy"}
    assert made.take("silence", "short", body | {"ends_ms": T0 + 10 * S}, T0)
    assert made.take("silence", "long", body | {"ends_ms": T0 + 90 * S}, T0)
    assert not made.take("silence", "more", body | {"ends_ms": T0 + 60 * S}, T0 + 9 * S), "both of them still hide"
    assert made.take("silence", "more", body | {"ends_ms": T0 + 60 * S}, T0 + 10 * S) and set(made.silences) == {"long", "more"}


def test_names_that_lead_nowhere_are_told() -> None:
    made = RunningSet({})
    made.take("route", "tree", {"channels": ["x"], "routes": [{"match": ["a=b"], "escalation": "gone"}]}, T0)
    made.take("escalation", "e", {"steps": [{"after_s": 0, "channels": ["y", "topic"], "schedule": "s"}]}, T0)
    assert sorted(made.dangling()) == [
        "escalation e: there is no channel 'y'", "escalation e: there is no schedule 's'",
        "route tree.routes[0]: there is no escalation 'gone'", "route tree: there is no channel 'x'",
    ]  # fmt: skip
    assert made.people("s", T0) == [] and made.fallback("x") == ""


def test_rounds_go_through_the_steps_again() -> None:
    e = escalation_from({"steps": [STEP, {"after_s": 600}], "rounds": 2, "round_s": 1_800})
    assert [step_at(e, T0, T0 + s * S) for s in (0, 599, 600, 1_799, 1_800, 2_399, 2_400, 99_999)] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_verdicts_count_once_and_can_be_taken_back() -> None:
    t = tenant({"odd": AnomalyRule()})
    t.episode(episode(1))
    (alert,) = t.book.alerts.values()
    for k, (target, verdict, undo) in enumerate(
        [(alert.id, "true", False), (alert.id, "true", False), (episode(1).id, "false", False), (alert.group, "expected", True)]
    ):
        f = Feedback(f"f{k % 3}" if k != 1 else "f0", "default", target, verdict, "m", T0, undo=undo)  # type: ignore[arg-type]
        t.feedback(f)
    assert (t.precision["odd"].right, t.precision["odd"].wrong) == (1, 0)
    t.episode(episode(1, version=2, state="closed"))
    run(t, T0 + 600 * S)
    deliver(t)
    t.feedback(Feedback("late", "default", alert.id, "false", "m", T0))
    assert t.precision["odd"].wrong == 1, "a verdict after the end still counts"


def test_a_budget_holds_back_and_the_alert_says_so_and_asks_again() -> None:
    t = tenant({"odd": AnomalyRule(severity="warning")}, route={"group_wait_s": 0, "group_interval_s": 60})
    t.config("budget", "all", {"pages_a_day": 1}, T0)
    for n in range(3):
        t.advance(T0 + n * 10 * S)
        t.episode(episode(n, at_ms=T0 + n * 10 * S))
    run(t, T0 + 300 * S)
    assert len(deliver(t)) == 1
    assert sorted(a.held_back_by for a in t.book.alerts.values()) == ["", "budget", "budget"]
    run(t, T0 + 25 * 3_600 * S, 60 * S)
    assert len(deliver(t)) >= 1, "the next day has room again"


def test_a_risk_fires_and_clears_below_its_mark() -> None:
    t = tenant({"late": ProbabilityRule(of="ticket", at_least=0.8)})

    def risk(version: int, p: float) -> Risk:
        return Risk("risk-1", version, "default", "desk", "ticket", T0, "P1 desk", probability=p, eta_ms=T0 + 3_600 * S, severity="warning")

    for version, p, count in ((1, 0.85, 1), (2, 0.75, 0), (3, 0.5, 1)):
        t.risk(risk(version, p))
        run(t, t.now_ms + 400 * S, 5 * S)
        assert len(deliver(t)) == count, p


def test_too_many_alerts_and_messages_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "MAX_ALERTS", 2)
    t = tenant({"odd": AnomalyRule()}, route={"critical_wait_s": 0, "repeat_interval_s": 60, "group_interval_s": 60})
    for n in range(4):
        t.episode(episode(n))
    assert len(t.book.current) == 2 and t.book.refused == 2
    monkeypatch.setattr(outbox, "MAX_PENDING", 4)
    run(t, T0 + 1_200 * S, 5 * S)
    assert len(t.outbox.pending) <= 4 and t.outbox.crowded_out > 0
    assert sum(m.repeat == 0 for m in t.outbox.waiting()) == 2, "what tells a state never gives way"


def test_delivered_keys_are_forgotten_after_three_days() -> None:
    t = tenant({"odd": AnomalyRule()})
    t.episode(episode())
    deliver(t)
    assert t.outbox.delivered
    run(t, T0 + 73 * 3_600 * S, 60 * S)
    assert all(at > t.now_ms - outbox.REMEMBER_MS for at in t.outbox.delivered.values())
