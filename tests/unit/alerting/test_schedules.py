"""Who is on call, against a brute-force oracle, across every kind of change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kizashi.contracts.civil_time import FIRST_YEAR, LAST_YEAR
from kizashi.errors import ConfigurationError
from services.alerting.schedules import Schedule, on_call, schedule_from, shifts

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "America/St_Johns", "Pacific/Apia", "UTC")
CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"), "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"), "America/St_Johns": ("2026-03-08", "2026-11-01"),
    "Pacific/Apia": ("2011-12-29", "2011-12-30"), "Asia/Tokyo": ("2026-06-01",), "UTC": ("2026-06-01",),
}  # fmt: skip


def ms(text: str, zone: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def wall(at_ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def minute_of(local: datetime, zone: str) -> int:
    """The moment of a wall-clock time by looking at every minute around it: its first time, or, when the clock skips it, the moment at
    which an unchanged clock would show it."""
    middle = round(local.replace(tzinfo=UTC).timestamp() * 1000)
    for at in range(middle - 26 * HOUR, middle + 26 * HOUR, MINUTE):
        if wall(at, zone) == local:
            return at
    before = next(at for at in range(middle - 26 * HOUR, middle + 26 * HOUR, MINUTE) if wall(at + MINUTE, zone) > local)
    return before + round((local - wall(before, zone)) / timedelta(milliseconds=1))


def oracle(people: list[str], start: datetime, every: int, zone: str, at_ms: int) -> str:
    """Walks every hand-over from the first."""
    k, now = -1, minute_of(start, zone)
    while now <= at_ms:
        k += 1
        now = minute_of(start + timedelta(days=every * (k + 1)), zone)
    return people[k % len(people)] if k >= 0 else ""


@given(
    zone=st.sampled_from(ZONES), which=st.integers(0, 1), before_days=st.integers(0, 9), hour=st.integers(0, 23),
    minute=st.sampled_from([0, 15, 30, 45]), every=st.integers(1, 8), people=st.integers(1, 4), offset=st.integers(-60 * 60, 60 * 60),
)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_hand_overs_are_those_of_the_wall_clock(
    zone: str, which: int, before_days: int, hour: int, minute: int, every: int, people: int, offset: int
) -> None:
    change = datetime.fromisoformat(CHANGES[zone][which % len(CHANGES[zone])])
    start = change.replace(hour=hour, minute=minute) - timedelta(days=before_days)
    names = [f"p{k}" for k in range(people)]
    s = schedule_from({"time_zone": zone, "rotations": [{"people": names, "start": start.isoformat(), "every_days": every}]})
    at_ms = ms(change.isoformat(), zone) + offset * MINUTE
    assert on_call(s, at_ms) == oracle(names, start, every, zone, at_ms)


@given(
    zone=st.sampled_from(ZONES), which=st.integers(0, 1), first=st.integers(0, 23), last=st.integers(0, 23),
    days=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1), over=st.booleans(),
)  # fmt: skip
@example(
    zone="Europe/Berlin", which=0, first=2, last=0, days={"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, over=False
)  # 02:30 is left out
@settings(max_examples=60, deadline=None)
def test_turns_cover_the_time_and_agree_with_every_quarter_of_an_hour(
    zone: str, which: int, first: int, last: int, days: set[str], over: bool
) -> None:
    change = datetime.fromisoformat(CHANGES[zone][which % len(CHANGES[zone])])
    begin = (change - timedelta(days=10)).isoformat()
    body: dict[str, object] = {
        "time_zone": zone,
        "rotations": [
            {"people": ["night"], "start": begin},
            {"people": ["a", "b"], "start": begin, "every_days": 1, "hours": [
                {"days": sorted(days), "from": f"{first:02}:30", "to": f"{last:02}:00", "time_zone": zone}]},
        ],
    }  # fmt: skip
    if over:
        body["overrides"] = [{"person": "c", "from": f"{change.date()}T01:00", "to": f"{change.date()}T04:00"}]
    s = schedule_from(body)
    from_ms = ms(change.isoformat(), zone) - DAY
    to_ms = from_ms + 3 * DAY
    turns = shifts(s, from_ms, to_ms)
    assert turns[0].from_ms == from_ms and turns[-1].to_ms == to_ms
    assert all(a.to_ms == b.from_ms and a.person != b.person for a, b in pairwise(turns))
    for at in range(from_ms, to_ms, 15 * MINUTE):
        turn = next(t for t in turns if t.from_ms <= at < t.to_ms)
        assert on_call(s, at) == turn.person
    for t in turns:
        assert on_call(s, t.to_ms - 1) == t.person == on_call(s, t.from_ms)


def test_the_hour_that_happens_twice_belongs_to_one_person() -> None:
    """Berlin, 25 October 2026: 02:00 to 03:00 comes twice; a hand-over at 02:30 happens at its first time, and not back again."""
    rota = {"people": ["a", "b"], "start": "2026-10-24T02:30", "every_days": 1}
    s = schedule_from({"time_zone": "Europe/Berlin", "rotations": [rota]})
    turns = shifts(s, ms("2026-10-25T00:00", "Europe/Berlin"), ms("2026-10-25T12:00", "Europe/Berlin"))
    assert [(t.person, (t.to_ms - t.from_ms) // MINUTE) for t in turns] == [("a", 150), ("b", 10 * 60 + 30)]


def test_overrides_win_and_holes_are_seen() -> None:
    s = schedule_from({
        "time_zone": "UTC",
        "rotations": [{"people": ["a"], "start": "2026-03-02T00:00", "hours": [{"days": ["mon"], "from": "09:00", "to": "17:00"}]}],
        "overrides": [{"person": "b", "from": "2026-03-02T16:00", "to": "2026-03-02T18:00"}],
    })  # fmt: skip
    turns = shifts(s, ms("2026-03-02T00:00", "UTC"), ms("2026-03-03T00:00", "UTC"))
    assert [(t.person, (t.to_ms - t.from_ms) // HOUR) for t in turns] == [("", 9), ("a", 7), ("b", 2), ("", 6)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"time_zone": "Mars", "rotations": [{"people": ["a"], "start": "2026-01-01T00:00"}]}, "time zone"),
        ({"time_zone": "UTC", "rotations": []}, "$.rotations"),
        ({"time_zone": "UTC", "rotations": [{"people": [], "start": "2026-01-01T00:00"}]}, "$.rotations[0].people"),
        ({"time_zone": "UTC", "rotations": [{"people": ["a"], "start": "soon"}]}, "$.rotations[0].start"),
        ({"time_zone": "UTC", "rotations": [{"people": ["a"], "start": "2026-01-01T00:00+02:00"}]}, "offset"),
        ({"time_zone": "UTC", "rotations": [{"people": ["a"], "start": "2026-01-01T00:00", "every_days": 0}]}, "every_days"),
        (
            {"time_zone": "UTC", "rotations": [{"people": ["a"], "start": "2026-01-01T00:00", "hours": [{"from": "25:00"}]}]},
            "$.rotations[0].hours[0].from",
        ),
        ({"time_zone": "Asia/Tokyo", "rotations": [{"people": ["a"], "start": "0001-01-01T00:00"}]}, "$.rotations[0].start"),
        ({"time_zone": "America/Lima", "rotations": [{"people": ["a"], "start": "9999-12-31T23:59"}]}, "$.rotations[0].start"),
        ({"time_zone": "UTC", "rotations": [{"people": ["a", " "], "start": "2026-01-01T00:00"}]}, "$.rotations[0].people"),
        (
            {
                "time_zone": "UTC",
                "rotations": [{"people": ["a"], "start": "2026-01-01T00:00"}],
                "overrides": [{"person": "", "from": "2026-01-01T00:00", "to": "2026-01-02T00:00"}],
            },
            "$.overrides[0].person",
        ),
        ({"time_zone": "UTC", "rotations": [{"people": ["a"], "start": "2026-01-01T00:00", "colour": 1}]}, "colour"),
    ],
)
def test_bad_schedules_are_refused_with_the_place(body: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("$", r"\$").replace("[", r"\[")):
        schedule_from(body)


def test_a_schedule_is_what_was_written() -> None:
    assert isinstance(schedule_from({"time_zone": "UTC", "rotations": [{"people": ["a"], "start": "2026-01-01T00:00"}]}), Schedule)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "America/Lima"])
@pytest.mark.parametrize("start", [f"{FIRST_YEAR}-01-01T00:00", f"{LAST_YEAR}-12-31T23:59"])
def test_the_first_and_the_last_time_that_is_taken_can_be_asked_for(zone: str, start: str) -> None:
    s = schedule_from({"time_zone": zone, "rotations": [{"people": ["a", "b"], "start": start, "every_days": 366}]})
    for at_ms in (0, 1 << 45):
        assert on_call(s, at_ms) in ("", "a", "b") and shifts(s, at_ms, at_ms + 62 * DAY)
