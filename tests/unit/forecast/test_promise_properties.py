"""Properties of promises: burn rates and clocks against brute force, civil time through clock changes, odd windows and traffic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.contracts.business_calendar import BusinessCalendar
from kizashi.contracts.objective import Objective, decode_objective
from kizashi.contracts.slo_window import CALENDARS, Calendar
from services.forecast.burn import RULES
from services.forecast.config import HOUR_MS, MINUTE_MS
from services.forecast.ledger import Ledger

START = 1_700_000_000_000 // HOUR_MS * HOUR_MS
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "Africa/Casablanca")
Counts = list[tuple[int, int, int]]
"""(ten minutes since the start, events, failures)."""


def promise(**changes: object) -> Objective:
    body: dict[str, object] = {"name": "p", "entity": "e", "objective": 0.99, "kind": "availability", "metric": {"metric": "up"}, **changes}
    return decode_objective(body, "o", "default")


@st.composite
def traffic(draw: st.DrawFn) -> Counts:
    """Up to a hundred slices of ten minutes in eighty hours, some without events, some without failures."""
    slots = sorted(draw(st.sets(st.integers(0, 480), min_size=1, max_size=100)))
    return [(slot, total, draw(st.integers(0, total))) for slot in slots for total in [draw(st.integers(0, 1000))]]


@settings(max_examples=60, deadline=None)
@given(traffic(), st.sampled_from(["3d", "7d", "28d"]), st.integers(0, 3))
def test_burn_rates_equal_brute_force(counts: Counts, window: str, later: int) -> None:
    objective = promise(window=window, minimum_events=0)
    ledger, rows = Ledger(objective), [(START + 10 * MINUTE_MS * slot, total, bad) for slot, total, bad in counts]
    for ts, total, bad in rows:
        ledger.count(ts, total, bad)
    now = rows[-1][0] + later * 10 * MINUTE_MS
    ledger.advance(now)
    for burn in ledger.standing().burns:
        for span, rate in ((burn.rule.long_ms, burn.long), (burn.rule.short_ms, burn.short)):
            step = MINUTE_MS if span <= 6 * HOUR_MS else 10 * MINUTE_MS
            end = now // step * step + step
            seen = [(t, b) for ts, t, b in rows if end - span <= ts < end]
            total, bad = sum(t for t, _ in seen), sum(b for _, b in seen)
            assert rate == (None if total == 0 else pytest.approx(bad / total / 0.01))
        both = burn.long is not None and burn.short is not None
        young = now - rows[0][0] < burn.rule.long_ms
        if both and not young:
            assert burn.firing is (burn.rate >= burn.rule.threshold * ledger.window.length_hours / 720)
        if young:
            assert not burn.firing


@settings(max_examples=60, deadline=None)
@given(traffic())
def test_more_failures_never_leave_more_budget(counts: Counts) -> None:
    calm, worse = Ledger(promise()), Ledger(promise())
    for slot, total, bad in counts:
        calm.count(START + 10 * MINUTE_MS * slot, total, bad)
        worse.count(START + 10 * MINUTE_MS * slot, total, min(total, 2 * bad))
    a, b = calm.standing(), worse.standing()
    assert b.budget_left <= a.budget_left + 1e-9
    assert a.budget_left <= 1.0
    assert 0.0 <= a.outlook.raw <= 1.0


@pytest.mark.parametrize("window", ["1h", "72h", "28d", "day", "week", "month", "quarter"])
def test_windows_without_events_are_whole_and_silent(window: str) -> None:
    ledger = Ledger(promise(window=window, zone="Europe/Berlin" if window in CALENDARS else "UTC"))
    ledger.count(START, 0.0, 0.0)
    ledger.advance(START + 30 * HOUR_MS)
    standing = ledger.standing()
    assert standing.budget_left == 1.0
    assert all(b.long is None and b.short is None and not b.firing for b in standing.burns)
    assert len(standing.burns) == len(RULES)


def test_failures_beyond_all_events_and_below_none_are_bounded() -> None:
    ledger = Ledger(promise(minimum_events=0))
    ledger.count(START, 10.0, 25.0)
    assert ledger.standing().bad == 10.0
    ledger.count(START, 10.0, -90.0)
    assert ledger.standing().bad == 0.0


@settings(max_examples=120, deadline=None)
@given(st.integers(1_600_000_000, 1_900_000_000), st.sampled_from(CALENDARS), st.sampled_from(ZONES))
def test_civil_periods_follow_one_another_without_a_gap(second: int, unit: str, zone: str) -> None:
    calendar = Calendar(unit, zone)
    start, end = calendar.bounds(1000 * second)
    assert start <= 1000 * second < end
    assert calendar.bounds(end)[0] == end
    assert calendar.bounds(start - 1)[1] == start
    local = datetime.fromtimestamp(start / 1000, UTC).astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute) == (0, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2 * 365 * 24 * 4),
    st.integers(0, 9 * 24 * 4),
    st.sampled_from(ZONES),
    st.lists(st.tuples(st.integers(0, 47), st.integers(1, 16)), min_size=7, max_size=7),
)
def test_open_time_equals_counting_the_quarter_hours(first: int, quarters: int, zone: str, days: list[tuple[int, int]]) -> None:
    hours = tuple(((30 * a, min(1440, 30 * (a + n))),) for a, n in days)
    calendar = BusinessCalendar("c", zone, hours).checked()
    start, quarter = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * first), timedelta(minutes=15)
    counted = 0
    for k in range(quarters):
        local = (start + k * quarter).astimezone(ZoneInfo(zone))
        minute = 60 * local.hour + local.minute
        counted += any(a <= minute < b for a, b in hours[local.weekday()])
    from_ms = int(start.timestamp() * 1000)
    skipped = sum(_shift(zone, start + timedelta(days=d)) for d in range(-1, quarters // 96 + 2))
    assert calendar.open_s(from_ms, from_ms + quarters * 15 * MINUTE_MS) == pytest.approx(900 * counted, abs=60 * skipped)


def _shift(zone: str, day: datetime) -> float:
    """Minutes by which the clock is put on or back around a day: an edge that falls into such a gap may be read either way."""
    a, b = day.astimezone(ZoneInfo(zone)).utcoffset(), (day + timedelta(days=1)).astimezone(ZoneInfo(zone)).utcoffset()
    assert a is not None
    assert b is not None
    return abs((b - a).total_seconds()) / 60
