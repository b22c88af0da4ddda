"""Whose turn it is and who would be told, for what is in force and for what is only being written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.contracts.civil_time import LONGEST_CALENDAR_DAYS
from kizashi.contracts.maintenance import Calendar, maintenance_from, windows
from kizashi.errors import ConfigurationError
from services.alerting.answers import answer
from services.alerting.tenant import Tenant
from tests.unit.alerting.situation import T0, S, tenant

DAY = 86_400 * S
ROTA: dict[str, Any] = {
    "time_zone": "Asia/Tokyo",
    "rotations": [{"people": ["aiko", "ken"], "start": "2026-02-23T09:00", "every_days": 7}],
    "overrides": [{"person": "ken", "from": "2026-02-27T18:00", "to": "2026-03-02T09:00"}],
}
DAYTIME = {"from": "09:00", "to": "18:00", "time_zone": "Asia/Tokyo"}
TREE: dict[str, Any] = {
    "channels": ["topic"],
    "routes": [
        {"match": ["team=shop"], "team": "shop", "escalation": "shop", "quiet": [DAYTIME]},
        {"match": ["team=web"], "channels": ["nowhere"]},
    ],
}


def shop() -> Tenant:
    """A tenant with a rotation, an escalation over it and a tree."""
    t = tenant()
    t.config("schedule", "shop", ROTA, T0)
    t.config("escalation", "shop", {"steps": [{"after_s": 0, "schedule": "shop"}, {"after_s": 300, "channels": ["pager"]}]}, T0)
    t.config("route", "tree", TREE, T0)
    return t


def told(t: Tenant, body: dict[str, Any]) -> Any:
    (plan,) = answer(t, "POST", "route", {}, body)["plans"]
    return plan


def test_who_would_be_told_is_said_step_by_step_with_what_holds_it_back() -> None:
    t = shop()  # a Wednesday, 15:13 in Tokyo: within the quiet hours
    plan = told(t, {"labels": {"team": "shop", "severity": "warning"}})
    assert (plan["path"], plan["team"], plan["missing"]) == ("root/0", "shop", ["channel pager"])
    assert [(s["after_s"], s["channels"], s["people"]) for s in plan["told"]] == [(0, ["topic"], ["aiko"]), (300, ["pager"], [])]
    assert plan["held"] == [{"gate": "quiet hours", "by": "root/0"}]
    assert told(t, {"labels": {"team": "shop", "severity": "critical"}})["held"] == [], "critical is told at any hour"
    t.config("silence", "s", {"match": ["team=shop"], "ends_ms": T0 + DAY, "owner": "m", "reason": "r"}, T0)
    assert told(t, {"labels": {"team": "shop", "severity": "critical"}})["held"] == [{"gate": "silence", "by": "s"}]
    later = told(t, {"labels": {"team": "shop"}, "at_ms": T0 + 3 * DAY})
    assert later["told"][0]["people"] == ["ken"] and [h["gate"] for h in later["held"]] == ["quiet hours"], "the override, on Saturday"
    assert told(t, {"labels": {"team": "web"}})["missing"] == ["channel nowhere"]


def test_a_tree_that_is_not_saved_is_tried_and_changes_nothing() -> None:
    t = shop()
    tried = told(t, {"labels": {"team": "web"}, "tree": {"channels": ["chat"], "escalation": "none"}})
    assert (tried["path"], tried["missing"]) == ("root", ["channel chat", "escalation none"])
    assert told(t, {"labels": {"team": "web"}})["path"] == "root/1"
    bad: list[Any] = [{"routes": [{"match": ["no matcher"]}]}, {"match": ["a=b"]}, [], {"channels": 3}]
    for tree in bad:
        with pytest.raises(ConfigurationError, match=r"at `\$"):
            told(t, {"labels": {}, "tree": tree})


def test_a_schedule_that_is_not_saved_is_drawn() -> None:
    t, monday = tenant(), 1_772_409_600_000 - 2 * DAY  # 2026-02-28T00:00Z
    drawn = answer(t, "POST", "oncall/preview", {}, {"body": ROTA, "at_ms": monday, "days": 7})
    assert [(s["person"]) for s in drawn["shifts"]] == ["ken"], "the override joins his own week"
    assert drawn["now"] == "ken" and not t.running.schedules
    refused: list[dict[str, Any]] = [
        {},
        {"body": []},
        {"body": {**ROTA, "rotations": []}},
        {"body": ROTA, "days": 63},
        {"body": ROTA, "at_ms": "soon"},
    ]
    for body in refused:
        with pytest.raises(ConfigurationError):
            answer(t, "POST", "oncall/preview", {}, body)


def test_maintenance_lists_every_window_of_the_days_asked_for() -> None:
    t = tenant()
    t.config("maintenance", "night", {"match": ["a=b"], "start": "2026-02-01T22:00", "duration_s": 3_600, "rrule": "FREQ=DAILY"}, T0)
    for days in (1, 14, LONGEST_CALENDAR_DAYS):
        (found,) = answer(t, "GET", "maintenance", {"days": str(days)}, {})["items"]
        assert len(found["windows"]) == days
        assert found["windows"][0] == {"start_ms": found["start_ms"], "end_ms": found["end_ms"]}


@given(
    rule=st.sampled_from(["", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=DAILY;INTERVAL=3;COUNT=4", "FREQ=DAILY;BYHOUR=1,2,13"]),
    hours=st.integers(1, 30), start=st.integers(0, 40), days=st.integers(1, 40),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_windows_are_those_that_the_calendar_holds(rule: str, hours: int, start: int, days: int) -> None:
    body = {"match": ["a=b"], "start": "2026-03-20T01:00", "duration_s": hours * 3_600, "rrule": rule, "time_zone": "Europe/Berlin"}
    m = maintenance_from(body)
    calendar, from_ms = Calendar(), T0 + start * DAY
    calendar.put("m", m)
    found = windows(m, from_ms, from_ms + days * DAY, 1_000)
    for at in range(from_ms, from_ms + days * DAY, 3_600 * S):
        assert bool(calendar.covering({"a": "b"}, at)) == any(a <= at < b for a, b in found)
