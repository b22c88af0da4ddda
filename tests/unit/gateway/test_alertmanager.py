"""Our alerts and silences in Alertmanager's words, by the rules of its OpenAPI document, written out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.contracts.findings import Alert
from kizashi.contracts.matchers import matcher
from kizashi.errors import ConfigurationError
from services.gateway import alertmanager as am

NOW_MS = 1_764_000_000_000
H = 3_600_000


def alert(**change: Any) -> Alert:
    body: dict[str, Any] = {
        "id": "alert-f8dc359457c30cba", "version": 2, "tenant": "t", "state": "firing", "rule": "latency", "severity": "critical",
        "title": "checkout is slow", "started_ms": NOW_MS - H, "updated_ms": NOW_MS - 1_000, "group": "g1",
        "labels": {"service": "checkout"}, "annotations": {"cause": "deploy"},
    }  # fmt: skip
    return Alert(**(body | change))


def silence(**change: Any) -> am.StandingSilence:
    body = {"match": ['service="checkout"'], "starts_ms": NOW_MS - H, "ends_ms": NOW_MS + H, "owner": "aiko", "reason": "deploy"}
    found = am.standing("s1", body | change, NOW_MS - H)
    assert found is not None
    return found


def check_alert(a: dict[str, Any]) -> None:
    """``gettableAlert``: required fields and their types."""
    assert {"receivers", "fingerprint", "startsAt", "updatedAt", "endsAt", "annotations", "status", "labels"} <= a.keys()
    assert all(isinstance(v, str) for held in (a["labels"], a["annotations"]) for v in held.values())
    assert all(isinstance(r["name"], str) for r in a["receivers"]) and isinstance(a["fingerprint"], str)
    for name in ("startsAt", "updatedAt", "endsAt"):
        assert datetime.fromisoformat(a[name]).tzinfo is not None
    status = a["status"]
    assert status["state"] in ("unprocessed", "active", "suppressed")
    assert all(isinstance(i, str) for name in ("silencedBy", "inhibitedBy") for i in status[name])


def check_silence(s: dict[str, Any]) -> None:
    """``gettableSilence``."""
    assert {"id", "status", "updatedAt", "matchers", "startsAt", "endsAt", "createdBy", "comment"} <= s.keys()
    assert s["status"]["state"] in ("expired", "active", "pending") and len(s["matchers"]) >= 1
    assert all(set(m) == {"name", "value", "isRegex", "isEqual"} for m in s["matchers"])
    assert datetime.fromisoformat(s["startsAt"]) <= datetime.fromisoformat(s["endsAt"])


@pytest.mark.parametrize(
    ("change", "state", "silenced", "inhibited"),
    [
        ({}, "suppressed", ["s1"], []),
        ({"labels": {"service": "cart"}}, "active", [], []),
        ({"labels": {"service": "cart"}, "held_back_by": "parent"}, "suppressed", [], ["parent"]),
        ({"labels": {"service": "cart"}, "held_back_by": "maintenance"}, "suppressed", [], []),
        ({"labels": {"service": "cart"}, "held_back_by": "budget"}, "active", [], []),
        ({"labels": {"service": "cart"}, "state": "resolved", "ended_ms": NOW_MS}, "active", [], []),
    ],
)
def test_an_alert_is_told_with_what_holds_it_back(change: dict[str, Any], state: str, silenced: list[str], inhibited: list[str]) -> None:
    shown = am.gettable_alert(alert(**change), [silence()], NOW_MS, "https://k.test")
    check_alert(shown)
    status = shown["status"]
    assert (status["state"], status["silencedBy"], status["inhibitedBy"]) == (state, silenced, inhibited)
    assert shown["labels"]["alertname"] == "latency" and shown["annotations"]["summary"] == "checkout is slow"


def test_queries_choose_as_alertmanager_chooses() -> None:
    free = am.gettable_alert(alert(labels={"service": "cart"}), [], NOW_MS, "")
    quiet = am.gettable_alert(alert(), [silence()], NOW_MS, "")
    below = am.gettable_alert(alert(held_back_by="inhibition"), [], NOW_MS, "")
    cases: list[tuple[am.Wanted, tuple[bool, bool, bool]]] = [
        (am.Wanted([]), (True, True, True)),
        (am.Wanted([], active=False), (False, True, True)),
        (am.Wanted([], silenced=False), (True, False, True)),
        (am.Wanted([], inhibited=False), (True, True, False)),
        (am.Wanted(['service="cart"']), (True, False, False)),
        (am.Wanted(['service=~"c.*"', "severity=critical"]), (True, True, True)),
        (am.Wanted(["service!=cart"]), (False, True, True)),
        (am.Wanted([], receiver="kiz.*"), (True, True, True)),
        (am.Wanted([], receiver="other"), (False, False, False)),
    ]
    for wanted, taken in cases:
        assert tuple(wanted.takes(a) for a in (free, quiet, below)) == taken, wanted
    for wanted in (am.Wanted(["service"]), am.Wanted(["a=~("]), am.Wanted([], receiver="(a+)+")):
        with pytest.raises(ConfigurationError):
            wanted.takes(free)


def test_groups_share_labels() -> None:
    one, two = (am.gettable_alert(alert(labels={"service": "cart", "host": h}), [], NOW_MS, "") for h in ("a", "b"))
    (first, second) = am.groups([("g1", one), ("g2", two), ("g1", two)])
    assert first["labels"] == {"alertname": "latency", "service": "cart", "severity": "critical"} and len(first["alerts"]) == 2
    assert second["labels"]["host"] == "b" and {"labels", "receiver", "alerts"} == second.keys()


@pytest.mark.parametrize(
    ("change", "state"),
    [({}, "active"), ({"starts_ms": NOW_MS + 1}, "pending"), ({"ends_ms": NOW_MS}, "expired"), ({"starts_ms": 0}, "active")],
)
def test_silences_have_their_state(change: dict[str, Any], state: str) -> None:
    shown = am.gettable_silence(silence(**change), NOW_MS)
    check_silence(shown)
    assert shown["status"]["state"] == state
    gone = am.standing("s1", {"match": ["a=b"], "ends_ms": NOW_MS + H, "owner": "a", "reason": "b"}, NOW_MS - H, deleted=True)
    assert gone is not None
    check_silence(am.gettable_silence(gone, NOW_MS))
    assert gone.state(NOW_MS) == "expired" and not gone.hides({"a": "b"}, NOW_MS)
    assert am.standing("s1", {"matchers": []}, 0) is None and am.standing("s1", {"match": ["("], "ends_ms": 1}, 0) is None


names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,20}", fullmatch=True)


@given(names, st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.booleans())
def test_matchers_survive_the_way_there_and_back(name: str, value: str, equal: bool) -> None:
    text = am.matcher_text(am.MatcherBody(name, value, False, equal))
    assert am.matcher_body(text) == {"name": name, "value": value, "isRegex": False, "isEqual": equal}
    assert matcher(text).matches({name: value}) == equal


def posted(**change: Any) -> bytes:
    body = {
        "matchers": [{"name": "service", "value": "web|api", "isRegex": True, "isEqual": True}], "startsAt": "2025-11-24T16:00:00Z",
        "endsAt": "2025-11-24T18:00:00.000+00:00", "createdBy": "aiko", "comment": "deploy",
    }  # fmt: skip
    return json.dumps(body | change).encode()


def test_a_posted_silence_is_kept_as_ours() -> None:
    object_id, kept = am.wanted_silence(posted(), NOW_MS)
    assert object_id == "" and kept == {
        "match": ['service=~"web|api"'], "starts_ms": NOW_MS, "ends_ms": NOW_MS + 2 * H, "owner": "aiko", "reason": "deploy",
    }  # fmt: skip
    found = am.standing("x", kept, NOW_MS)
    assert found and found.hides({"service": "api"}, NOW_MS) and not found.hides({"service": "db"}, NOW_MS)
    assert am.about(found, ['service="web|api"']) and not am.about(found, ["service=web"]) and am.about(found, [])
    assert am.wanted_silence(posted(id="abc"), NOW_MS)[0] == "abc"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"matchers": []}, "needs a matcher"),
        ({"matchers": [{"name": "a", "value": "", "isRegex": False}]}, "hides everything"),
        ({"matchers": [{"name": "a", "value": ".*", "isRegex": True}]}, "hides everything"),
        ({"matchers": [{"name": "a", "value": "(", "isRegex": True}]}, "regular expression"),
        ({"matchers": [{"name": "a b", "value": "c", "isRegex": False}]}, "not a matcher"),
        ({"matchers": [{"name": "a", "value": "b"}]}, "isRegex"),
        ({"endsAt": "2025-11-24T15:00:00Z"}, "end after it starts"),
        ({"endsAt": "2026-11-24T15:00:00Z"}, "90 days"),
        ({"endsAt": "soon"}, "endsAt"),
        ({"comment": " "}, "who silences and why"),
        ({"createdBy": ""}, "who silences and why"),
    ],
)
def test_a_bad_silence_is_refused_with_its_reason(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        am.wanted_silence(posted(**change), NOW_MS)


def test_the_status_has_all_that_is_required() -> None:
    found = am.status("1.0", NOW_MS)
    assert found["cluster"]["status"] == "disabled" and found["config"]["original"] and datetime.fromisoformat(found["uptime"])
    assert found["versionInfo"].keys() == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}


@pytest.mark.parametrize("change", [{"starts_ms": "soon"}, {"starts_ms": [1]}, {"ends_ms": 1 << 60}, {"starts_ms": -1}, {"match": "a=b"}])
def test_a_body_that_is_no_silence_is_left_out_and_spoils_no_list(change: dict[str, Any]) -> None:
    assert am.standing("s1", {"match": ["a=b"], "starts_ms": NOW_MS, "ends_ms": NOW_MS + H} | change, NOW_MS) is None
