"""What keeps an alert from being said, each against a brute-force oracle: inhibition, silences, maintenance, hours, routes, the budget."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.contracts.civil_time import moment, wall_time
from kizashi.contracts.maintenance import Calendar, maintenance_from, windows
from kizashi.errors import ConfigurationError
from services.alerting.budget import HELD, Budget, Ledger, Precision, worth_of
from services.alerting.inhibition import Inhibition, Inhibitor
from services.alerting.routing import Route, plans, route_from
from services.alerting.silences import hiding, preview, silence_from
from tests.unit.alerting.situation import T0, S

DAY = 86_400 * S
LABELS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2"]), max_size=3)
MATCHERS = st.lists(st.sampled_from(['a="1"', "a!=1", "b=~1|2", "b!~2", "c=", "c!=", "a=2"]), min_size=1, max_size=2)


def holds(matcher: str, labels: dict[str, str]) -> bool:
    """The meaning of the few matchers above, written out."""
    a, b, c = (labels.get(n, "") for n in "abc")
    return {
        'a="1"': a == "1", "a!=1": a != "1", "a=2": a == "2", "b=~1|2": b in ("1", "2"), "b!~2": b != "2", "c=": c == "", "c!=": c != "",
    }[matcher]  # fmt: skip


def both(texts: list[str], labels: dict[str, str]) -> bool:
    return all(holds(t, labels) for t in texts)


@given(
    rules=st.lists(st.tuples(MATCHERS, MATCHERS, st.lists(st.sampled_from("abc"), max_size=2, unique=True)), max_size=3),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=30),
    labels=st.lists(LABELS, min_size=6, max_size=6),
)
@settings(max_examples=200, deadline=None)
def test_inhibition_is_what_its_definition_says(
    rules: list[tuple[list[str], list[str], list[str]]], steps: list[tuple[bool, int]], labels: list[dict[str, str]]
) -> None:
    tried = Inhibitor({f"r{k}": Inhibition(source=s, target=t, equal=e) for k, (s, t, e) in enumerate(rules)})
    firing: set[int] = set()
    for starts, n in steps:
        if starts:
            tried.fire(str(n), labels[n])
            firing.add(n)
        else:
            tried.end(str(n))
            firing.discard(n)
        for k in range(6):
            expected = any(
                both(target, labels[k]) and both(source, labels[f]) and f != k
                and all(labels[f].get(e, "") == labels[k].get(e, "") for e in equal)
                and not (both(source, labels[k]) and both(target, labels[f]))
                for source, target, equal in rules for f in firing
            )  # fmt: skip
            assert bool(tried.by(str(k), labels[k])) == expected


@given(texts=MATCHERS, start=st.integers(0, 50), length=st.integers(1, 50), at=st.integers(0, 120), labels=LABELS)
@settings(max_examples=200, deadline=None)
def test_silences_hide_what_matches_while_they_last(texts: list[str], start: int, length: int, at: int, labels: dict[str, str]) -> None:
    body = {"match": texts, "starts_ms": T0 + start * S, "ends_ms": T0 + (start + length) * S, "owner": "m", "reason": "r"}
    if both(texts, {}):
        with pytest.raises(ConfigurationError, match="hide everything"):
            silence_from(body, T0)
        return
    found = hiding({"s": silence_from(body, T0)}, labels, T0 + at * S)
    assert bool(found) == (start <= at < start + length and both(texts, labels))
    assert bool(preview(texts, [("x", labels)])) == both(texts, labels)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ends_ms": T0 - 1}, "ends after it starts"), ({"ends_ms": T0 + 91 * DAY}, "90 days"), ({"owner": " "}, "'owner' is empty"),
        ({"reason": ""}, "'reason' is empty"), ({"match": []}, "hide everything"), ({"match": ["a=~.*"]}, "hide everything"),
        ({"match": ["a=~(x+)+y"]}, "repeated group"), ({"match": ["a~b"]}, "not a matcher"), ({"until": 1}, "unknown field"),
    ],
)  # fmt: skip
def test_bad_silences_are_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        silence_from({"match": ["a=b"], "ends_ms": T0 + DAY, "owner": "m", "reason": "r"} | changed, T0)


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    rule=st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU,WE", "FREQ=MONTHLY;BYDAY=-1SU", "FREQ=DAILY;INTERVAL=3;COUNT=20", ""]),
    hour=st.integers(0, 23), hours=st.integers(1, 40), days=st.integers(0, 300), minutes=st.integers(0, 1_439),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_maintenance_covers_what_its_rule_says_in_civil_time(zone: str, rule: str, hour: int, hours: int, days: int, minutes: int) -> None:
    start = f"2026-02-01T{hour:02}:30"
    m = maintenance_from({"match": ["a=1"], "start": start, "duration_s": hours * 3_600.0, "rrule": rule, "time_zone": zone})
    first = wall_time(start, "start")
    at_ms = round((datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=days, minutes=minutes)).timestamp() * 1000)
    walls = rrulestr(rule, dtstart=first).between(first, first + timedelta(days=330), inc=True) if rule else [first]
    begins = [moment(w, zone) for w in walls]
    expected = any(b <= at_ms < b + hours * 3_600 * S for b in begins)
    calendar = Calendar()
    calendar.put("m", m)
    earlier = min(at_ms, at_ms - (minutes * 60 * S))
    calendar.covering({"a": "1"}, earlier)  # what was kept from an earlier question must not change the answer
    assert bool(calendar.covering({"a": "1"}, at_ms)) == expected
    assert not calendar.covering({"a": "2"}, at_ms)


TREE = {
    "channels": ["all"], "group_by": ["x"],
    "routes": [
        {"match": ["a=1"], "team": "one", "continue": True, "routes": [{"match": ["b=1"], "channels": ["deep"]}]},
        {"match": ["a=~1|2"], "team": "two", "group_wait_s": 0},
        {"match": ["c=1"], "team": "never after two"},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({}, [("root", "", ("all",))]), ({"a": "1"}, [("root/0", "one", ("all",)), ("root/1", "two", ("all",))]),
        ({"a": "1", "b": "1"}, [("root/0/0", "one", ("deep",)), ("root/1", "two", ("all",))]),
        ({"a": "2", "c": "1"}, [("root/1", "two", ("all",))]), ({"c": "1"}, [("root/2", "never after two", ("all",))]),
    ],
)  # fmt: skip
def test_the_tree_is_walked_as_alertmanager_walks_it(labels: dict[str, str], found: list[tuple[str, str, tuple[str, ...]]]) -> None:
    assert [(p.path, p.team, p.channels) for p in plans(route_from(TREE), labels)] == found


def test_quiet_hours_and_business_hours() -> None:
    (plan,) = plans(route_from({"quiet": [{"from": "22:00", "to": "07:00", "time_zone": "Asia/Tokyo"}]}), {})
    tokyo = [plan.muted(round(datetime(2026, 2, 25, h - 9 if h >= 9 else h + 15, tzinfo=UTC).timestamp() * 1000)) for h in (6, 7, 21, 22)]
    assert tokyo == [True, False, False, True]
    (office,) = plans(route_from({"business": [{"days": ["mon"], "from": "09:00", "to": "17:00"}]}), {})
    monday = round(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp() * 1000)
    assert (office.muted(monday), office.muted(monday + DAY)) == (False, True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"match": ["a=b"]}, "root takes everything"), ({"routes": [{"match": ["a"]}]}, r"routes\[0\]"),
        ({"group_interval_s": 0}, "at least a second"), ({"routes": [{"group_wait_s": -1}]}, r"routes\[0\].group_wait_s"),
        ({"quiet": [{"from": "7"}]}, r"\$\.quiet\[0]\.from"),
        ({"routes": [{"match": ["a=b"], "business": [{"time_zone": "Mars"}]}]}, r"\$\.routes\[0]\.business\[0]\.time_zone"),
        ({"routes": [{"match": ["a"]}]}, r"\$\.routes\[0]\.match"),
    ],
)  # fmt: skip
def test_bad_trees_are_refused(body: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        route_from(body)
    assert plans(Route(), {})[0].path == "root"


def days_of(ledger: Ledger, budget: Budget, seed: int, days: int, a_day: int, critical: float = 0.0) -> list[list[tuple[float, bool]]]:
    """Candidates of random worth at random times; per day what was asked and whether it paged."""
    chance, out = random.Random(seed), []
    for d in range(days):
        asked = []
        for at in sorted(chance.randrange(DAY) for _ in range(a_day)):
            loud, worth = chance.random() < critical, chance.random()
            asked.append((worth, ledger.ask(budget, "critical" if loud else "warning", worth, f"g{d}-{at}", T0 + d * DAY + at)))
        out.append(asked)
    return out


def test_the_budget_is_held_and_used_and_the_worthiest_pass() -> None:
    ledger, budget = Ledger(), Budget(pages_a_day=5)
    days = days_of(ledger, budget, seed=7, days=28, a_day=40)
    paged = [sum(p for _, p in d) for d in days[7:]]
    hours = range(T0 + 20 * DAY, T0 + 27 * DAY, 3_600 * S)
    assert max(sum(c.outcome not in HELD and a <= c.at_ms < a + DAY for c in ledger.kept) for a in hours) <= 5
    assert 3.5 <= sum(paged) / len(paged) <= 5.0, paged
    worths = [(w, p) for d in days[7:] for w, p in d]
    passed, held = [w for w, p in worths if p], [w for w, p in worths if not p]
    assert sum(passed) / len(passed) > 0.85 > 0.5 > sum(held) / len(held) - 0.05


def test_critical_pages_always_pass_and_count() -> None:
    ledger, budget = Ledger(), Budget(pages_a_day=1)
    assert all(ledger.ask(budget, "critical", 0.1, f"c{k}", T0 + k * S) for k in range(50))
    assert not ledger.ask(budget, "warning", 0.99, "w", T0 + 60 * S)
    report = ledger.report(budget, T0 + 61 * S)
    assert (report["critical_24h"], report["held_back_24h"], report["paged_24h"]) == (50, 1, 0)


def test_few_candidates_all_pass_and_a_group_that_asks_again_counts_once() -> None:
    ledger, budget = Ledger(), Budget(pages_a_day=5)
    assert all(p for d in days_of(ledger, budget, seed=3, days=10, a_day=2) for _, p in d)
    stingy = Ledger()
    for k in range(20):
        stingy.ask(Budget(pages_a_day=0), "warning", 0.5, "same", T0 + k * 300 * S)
    assert stingy.report(Budget(pages_a_day=0), T0 + DAY // 2)["held_back_24h"] == 1


def test_worth_rises_with_severity_score_and_precision() -> None:
    good, bad = Precision(right=20), Precision(wrong=20)
    assert worth_of("critical", 1, good) > worth_of("warning", 1, good) > worth_of("warning", 1, Precision()) > worth_of("warning", 1, bad)
    assert worth_of("warning", 3, good) > worth_of("warning", 1, good)
    assert all(0 <= worth_of(s, x, p) <= 1 for s in ("info", "critical") for x in (-1.0, 0.0, 1e9) for p in (good, bad))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "by the month"),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
        ("FREQ=DAILY;UNTIL=19990101T000000", "never comes"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", "never comes"),
        ("FREQ=DAILY;FREQ=SECONDLY", "FREQ is one of"),
        ("RRULE:FREQ=DAILY\nRRULE:FREQ=SECONDLY", "one rule"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4;BYMINUTE=0,1,2,3,4,5", "windows a day"),
        ("nonsense", "FREQ"),
        ("FREQ=DAILY;BYDAY=XX", "not a recurrence"),
    ],
)
def test_rules_that_would_keep_paging_waiting_are_refused(rule: str, said: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigurationError, match=said):
        maintenance_from({"match": ["a=1"], "start": "2026-12-31T23:00", "duration_s": 60, "rrule": rule, "time_zone": "America/Lima"})
    assert time.process_time() - began < 2.0, "seconds of CPU in which nobody would be paged"


def test_rare_and_counted_rules_come_when_they_come_and_then_no_more() -> None:
    body = {"match": ["a=1"], "start": "2027-01-01T00:00", "duration_s": 60}
    leap = maintenance_from({**body, "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO"})
    first = moment(wall_time("2044-02-29T00:00", ""), "UTC")
    assert windows(leap, T0, first + DAY, 9) == [(first, first + 60 * S)]
    thrice = maintenance_from({**body, "rrule": "FREQ=DAILY;COUNT=3"})
    begin = moment(wall_time("2027-01-01T00:00", ""), "UTC")
    assert [s for s, _ in windows(thrice, T0, begin + 60 * DAY, 9)] == [begin, begin + DAY, begin + 2 * DAY]
