"""Would it have paged me: the production chain over a recording, compared, tuned, and faster than life."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from kizashi.contracts.findings import Feedback
from kizashi.contracts.inputs import Event
from kizashi.errors import ConfigurationError, Refused
from services.alerting.as_code import read_alerting, running_set
from services.alerting.configuration import RunningSet
from services.alerting.replay import Recorded, Truth, difference, play, truth_of
from services.alerting.rules import AnomalyRule, IncidentRule
from services.alerting.tuning import tune
from tests.unit.alerting.situation import T0, S, episode

DAY = 86_400 * S


def running(min_score: float = 1.0, **route: object) -> RunningSet:
    made = RunningSet({"odd": AnomalyRule(min_score=min_score)})
    made.take("route", "tree", {"critical_wait_s": 0, **route}, T0)
    return made


def day(count: int = 24) -> list[Recorded]:
    """One episode of half an hour each hour, of peaks 1.5, 2.5 and 3.5 in turn; that of 3.5 belong to incidents of svc-2."""
    out = []
    for k in range(count):
        at, n, peak = T0 + k * DAY // count, k % 3, 1.5 + k % 3
        out.append(Recorded(at, episode(n, at_ms=at, peak_score=peak)))
        out.append(Recorded(at + 1_800 * S, episode(n, at_ms=at, version=2, state="closed", peak_score=peak)))
    return out


def truths() -> list[Truth]:
    return [Truth(f"i{k}", "svc-2", "svc-2 is down", T0 + k * DAY // 24 + 600 * S) for k in range(24) if k % 3 == 2]


def test_pages_reminders_and_lead_times() -> None:
    played, _ = play("default", running(), day(), truths(), T0, T0 + DAY)
    assert (played.pages, played.by_rule, played.by_person) == (24, {"odd": 24}, {"nobody named": 24})
    assert len(played.caught) == 8 and not played.missed
    assert {c["lead_s"] for c in played.caught} == {600.0}


def test_a_changed_configuration_is_compared_page_by_page() -> None:
    now, _ = play("default", running(), day(), truths(), T0, T0 + DAY)
    then, _ = play("default", running(min_score=3.0), day(), truths(), T0, T0 + DAY)
    found = difference(now, then)
    assert (then.pages, len(found["gone"]), len(found["new"])) == (8, 16, 0) and len(then.caught) == 8


def test_what_was_held_back_is_counted_by_its_gate() -> None:
    hushed = running()
    hushed.take("silence", "s", {"match": ["service=svc-0"], "ends_ms": T0 + DAY, "owner": "m", "reason": "r"}, T0)
    played, _ = play("default", hushed, day(), [], T0, T0 + DAY)
    assert played.pages == 16 and played.held_back == {"silence": 8}


def test_acknowledgements_of_the_time_stop_escalations_of_the_replay() -> None:
    policy = {"steps": [{"after_s": 0, "channels": ["a"]}, {"after_s": 300, "channels": ["b"], "schedule": "s"}]}

    def escalating() -> RunningSet:
        made = running(escalation="e")
        made.take("escalation", "e", policy, T0)
        made.take("schedule", "s", {"time_zone": "UTC", "rotations": [{"people": ["mika"], "start": "2026-01-01T00:00"}]}, T0)
        return made

    played, _ = play("default", escalating(), day(1), [], T0, T0 + 3_600 * S)
    assert (played.pages, played.by_person) == (2, {"nobody named": 1, "mika": 1})
    recording = day(1)
    recording.insert(1, Recorded(T0 + 60 * S, Feedback("f", "default", f"episode-0-{T0}", "acknowledge", "mika", T0)))
    assert play("default", escalating(), recording, [], T0, T0 + 3_600 * S)[0].pages == 1


def test_what_was_open_before_the_window_is_known_and_not_counted() -> None:
    before = [Recorded(T0 - 3_600 * S, episode(1, at_ms=T0 - 3_600 * S))]
    played, t = play("default", running(), before, [], T0, T0 + 3_600 * S)
    assert played.pages == 0 and len(t.book.current) == 1


def test_the_curve_suggests_the_number_that_loses_no_incident() -> None:
    tuned = tune("default", "odd", AnomalyRule(), running(), day(), truths(), T0, T0 + DAY)
    assert [p.value for p in tuned.points] == sorted(p.value for p in tuned.points)
    assert all(a.pages_a_day >= b.pages_a_day for a, b in pairwise(tuned.points))
    best = next(p for p in tuned.points if p.value == tuned.suggested)
    assert (tuned.suggested, best.pages_a_day, best.caught, best.precision) == (3.5, 8.0, 8, 1.0)
    with pytest.raises(Refused, match="no number to tune"):
        tune("default", "i", IncidentRule(), running(), day(), [], T0, T0 + DAY)


def test_a_thousand_times_faster_than_life() -> None:
    began = time.perf_counter()
    played, _ = play("default", running(), day(2_000), truths(), T0, T0 + DAY)
    assert played.alerts > 100
    assert 86_400 / (time.perf_counter() - began) >= 1_000


def test_reported_incidents_are_one_by_their_id() -> None:
    opened = Event("incident", "shop", T0, "x", title="shop is down", attributes={"opened_ms": T0 - S})
    closed = Event("incident", "shop", T0 + S, "x", attributes={"state": "resolved", "resolved_ms": T0 + S})
    assert truth_of([opened, closed, Event("change", "shop", T0, "y")]) == [Truth("x", "shop", "shop is down", T0 - S, T0 + S)]


BAD = """\
rules:
  - id: full
    kind: threshold
    metric: disk
    above: 0.9
    clear: 0.95
  - {id: nine, kind: anomali}
  - id: twice
    kind: incident
    match: ["service=a", "broken"]
route:
  match: [a=b]
silences:
  - {id: s, match: [a=~".*"], ends_ms: 99, owner: m, reason: r}
schedules:
  - id: oc
    time_zone: Mars/Base
    rotations: []
budget: {}
"""


def test_every_mistake_of_a_file_has_its_line() -> None:
    with pytest.raises(ConfigurationError) as x:
        read_alerting(BAD, "a.yaml", T0)
    lines = sorted(int(line.split(":")[1]) for line in str(x.value).splitlines())
    assert lines == [6, 7, 10, 12, 14, 17, 19], str(x.value)


def test_a_good_file_becomes_a_running_set() -> None:
    good = "rules: [{id: odd, kind: anomaly, min_score: 2}]\nroute: {channels: [nowhere]}\n"
    made = running_set(read_alerting(good, "a.yaml", T0), T0)
    assert isinstance(made.rules["odd"], AnomalyRule) and "incident" in made.rules
    assert made.dangling() == ["route tree: there is no channel 'nowhere'"]
