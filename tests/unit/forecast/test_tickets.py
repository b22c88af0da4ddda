"""Ticket promises: calendars with clock changes, clocks that stop, calibrated risk on the simulated desk, restore."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.contracts.business_calendar import ALWAYS_OPEN, BusinessCalendar
from kizashi.contracts.inputs import Event
from kizashi.contracts.promises import Promise
from kizashi.errors import ConfigurationError, Damaged, InvalidMessage
from services.forecast.desk import simulate
from services.forecast.evaluate_tickets import desk_of_simulation, evaluate, events_of
from services.forecast.ticket import Desk, ticket_of
from services.forecast.tickets import TicketBook

HOUR = 3_600_000
BERLIN = BusinessCalendar("b", "Europe/Berlin")


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]  # year, month, day, hour …


@given(st.integers(0, 400 * 24 * 60), st.integers(1, 200 * 3600))
def test_deadline_is_the_inverse_of_open_time(minute: int, seconds: int) -> None:
    start = ms(2024, 1, 1) + minute * 60_000
    assert BERLIN.open_s(start, BERLIN.deadline_ms(start, seconds)) == pytest.approx(seconds)


def test_nights_weekends_and_holidays_do_not_count() -> None:
    week = BERLIN.open_s(ms(2024, 1, 1), ms(2024, 1, 8))
    assert week == 5 * 8 * 3600
    closed = BusinessCalendar("c", "Europe/Berlin", holidays=frozenset({"2024-01-01"}))
    assert closed.open_s(ms(2024, 1, 1), ms(2024, 1, 8)) == 4 * 8 * 3600
    assert BERLIN.open_s(ms(2024, 1, 8), ms(2024, 1, 1)) == 0


def test_clock_changes_make_short_and_long_days() -> None:
    whole = BusinessCalendar("w", "Europe/Berlin", (((0, 1440),),) * 7)
    assert whole.open_s(ms(2024, 3, 30, 23), ms(2024, 3, 31, 22)) == 23 * 3600
    assert whole.open_s(ms(2024, 10, 26, 22), ms(2024, 10, 27, 23)) == 25 * 3600


@pytest.mark.parametrize(
    "calendar",
    [BusinessCalendar("x", hours=((),) * 7), BusinessCalendar("x", zone="Mars/Base"), BusinessCalendar("x", hours=(((9, 5),),) * 7),
     BusinessCalendar("x", hours=((),) * 3), BusinessCalendar("x", holidays=frozenset({"xmas"}))],
)  # fmt: skip
def test_calendars_that_make_no_sense_are_refused(calendar: BusinessCalendar) -> None:
    with pytest.raises(ConfigurationError):
        calendar.checked()


def event(ts: int, **attributes: object) -> Event:
    return Event("ticket", "db", ts, "T1", attributes={"queue": "q", "priority": "P1", **attributes})


def test_clocks_stop_while_waiting_and_while_thought_done() -> None:
    start = ms(2024, 1, 1)
    ticket = ticket_of(event(start, state="open"))
    ticket.take(event(start + HOUR, state="pending"))
    assert ticket.counted_s(ALWAYS_OPEN, start + 5 * HOUR) == 3600
    ticket.take(event(start + 5 * HOUR, state="in_progress"))
    ticket.take(event(start + 6 * HOUR, state="resolved"))
    assert ticket.counted_s(ALWAYS_OPEN, start + 90 * HOUR) == 2 * 3600
    ticket.take(event(start + 10 * HOUR, state="open"))
    assert ticket.reopened == 1
    assert ticket.counted_s(ALWAYS_OPEN, start + 11 * HOUR) == 3 * 3600


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidMessage):
        ticket_of(event(1, opened_ms="yesterday"))


def test_promises_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        Desk([Promise("P1", 0.0)], [])
    with pytest.raises(ConfigurationError):
        Desk([Promise("P1", 60.0, calendar="none")], [])


def test_the_plain_rule_speaks_until_the_model_has_learned() -> None:
    book = TicketBook("default")
    book.configure(Desk([Promise("P1", 3600.0)], []))
    start = ms(2024, 1, 1)
    [first] = book.take(event(start, state="open"))
    assert first.probability is None
    assert not first.firing
    [late] = book.advance(start + 50 * 60_000)
    assert late.firing
    assert "80 % elapsed" in [f.name for f in late.factors]
    [broken] = book.advance(start + 70 * 60_000)
    assert broken.probability == 1.0
    assert broken.severity == "critical"
    [over] = book.take(event(start + 80 * 60_000, state="resolved"))
    assert not over.firing
    assert [r.version for r in (first, late, broken, over)] == [1, 2, 3, 4]


def test_risk_on_the_simulated_desk_is_sharp_and_calibrated() -> None:
    score = evaluate(120, 1)
    assert score.skill >= 0.30
    assert score.ece <= 0.05
    assert score.auc > 0.8


def test_a_restored_book_goes_on_alike() -> None:
    history = simulate(20, 3)
    events = sorted((e for t in history for e in events_of(t)), key=lambda e: e.ts_ms)
    book = TicketBook("default")
    book.configure(desk_of_simulation())
    for e in events[:200]:
        book.take(e)
    again = TicketBook.load(book.dump(), "default")
    again.configure(desk_of_simulation())
    for e in events[200:]:
        assert again.take(e) == book.take(e)
    assert again.dump() == book.dump()
    with pytest.raises(Damaged):
        TicketBook.load(b"x", "default")
