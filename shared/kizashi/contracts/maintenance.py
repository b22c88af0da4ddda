"""Planned work: one window, or windows that come back by an iCalendar rule in civil time.

It mutes paging, and what happens in it teaches the models nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from dateutil.rrule import rrule, rrulestr

from kizashi.contracts.checked import converted
from kizashi.contracts.civil_time import LAST_YEAR, civil, moment, wall_time, zone
from kizashi.contracts.matchers import all_match, matchers
from kizashi.errors import ConfigurationError

LONGEST_S = 7 * 86_400.0
NEVER_MS = 1 << 62
OF_DAYS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYHOUR", "BYMINUTE", "BYSECOND", "WKST"})
"""What a rule by the day may say. dateutil walks day by day to the year 9999 for one that never comes (the 30th of February: three seconds
of CPU in which nobody is paged); by the month or the year it takes a tenth of a second."""
MOST_A_DAY = 24
"""Windows of one day: dateutil walks through every one since the start."""
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
"""Below a day dateutil would walk through millions of occurrences to find today's."""


class Maintenance(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``start`` is a wall-clock time of ``time_zone``; the window lasts ``duration_s`` of real time, also when clocks change in it."""

    match: list[str]
    start: str
    duration_s: float
    rrule: str = ""
    """RFC 5545, such as ``FREQ=MONTHLY;BYDAY=2SA``; empty: once."""
    time_zone: str = "UTC"
    owner: str = ""
    reason: str = ""


class Window(msgspec.Struct):
    """When one maintenance holds next: [start, end) in ms, and until when this answer is good."""

    start_ms: int
    end_ms: int
    good_from_ms: int
    good_until_ms: int


def maintenance_from(body: dict[str, Any]) -> Maintenance:
    """Checked. Raises ConfigurationError with the field and the reason."""
    m = converted(body, Maintenance)
    matchers(m.match)
    zone(m.time_zone)
    wall_time(m.start, "start")
    if not 0.0 < m.duration_s <= LONGEST_S:
        raise ConfigurationError("a window lasts up to 7 days - at `$.duration_s`")
    _check_rule(m)
    return m


def _check_rule(m: Maintenance) -> None:
    """A rule that would keep everybody waiting is refused: finer than a day, several rules, many windows a day, one that never comes."""
    if not m.rrule:
        return
    if any(c.isspace() for c in m.rrule):
        raise ConfigurationError("one rule without spaces, such as FREQ=MONTHLY;BYDAY=2SA - at `$.rrule`")
    # of a name that is there twice the last one counts, as in dateutil
    parts = dict(p.partition("=")[::2] for p in m.rrule.upper().removeprefix("RRULE:").split(";"))
    if parts.get("FREQ") not in FREQUENCIES:
        raise ConfigurationError(f"FREQ is one of {', '.join(FREQUENCIES)} - at `$.rrule`")
    if parts["FREQ"] == "DAILY" and (other := parts.keys() - OF_DAYS):
        raise ConfigurationError(f"a rule by the day has no {', '.join(sorted(other))}: write it by the month or year - at `$.rrule`")
    if not parts.get("INTERVAL", "1").isdecimal() or int(parts.get("INTERVAL", "1")) < 1:
        raise ConfigurationError("INTERVAL is at least 1: with 0 it would be the same day for ever - at `$.rrule`")
    if math.prod(len(parts.get(n, "").split(",")) for n in ("BYHOUR", "BYMINUTE", "BYSECOND")) > MOST_A_DAY:
        raise ConfigurationError(f"at most {MOST_A_DAY} windows a day - at `$.rrule`")
    if window_at(m, moment(wall_time(m.start, "start"), m.time_zone)).start_ms == NEVER_MS:
        raise ConfigurationError(f"{m.rrule!r} never comes - at `$.rrule`")


def recurrence(m: Maintenance) -> rrule | None:
    """The rule over wall-clock times without zone; None for a single window."""
    if not m.rrule:
        return None
    try:
        made = rrulestr(m.rrule, dtstart=wall_time(m.start, "start"), ignoretz=True)
    except (ValueError, KeyError, TypeError, AttributeError) as x:
        raise ConfigurationError(f"{m.rrule!r} is not a recurrence rule: {x} - at `$.rrule`") from x
    if not isinstance(made, rrule):
        raise ConfigurationError("one rule without dates beside it - at `$.rrule`")
    return made


def window_at(m: Maintenance, at_ms: int) -> Window:
    """The window that holds at the moment, or else the next one; an empty one far ahead when none comes any more."""
    duration, rule = round(m.duration_s * 1000), recurrence(m)
    if rule is None:
        start = moment(wall_time(m.start, "start"), m.time_zone)
        return Window(start, start + duration, 0, NEVER_MS)
    # two days of slack: a change of clocks moves a wall-clock time by an hour (once, in Samoa, by a day) against the time line
    since = civil(at_ms, m.time_zone) - timedelta(milliseconds=duration, days=2)
    good_from = at_ms
    for occurrence in rule.xafter(since, inc=True):
        if occurrence.year > LAST_YEAR:
            break
        start = moment(occurrence, m.time_zone)
        if at_ms < start + duration:
            return Window(start, start + duration, good_from, start + duration)
        good_from = start + duration
    return Window(NEVER_MS, NEVER_MS, good_from, NEVER_MS)


def windows(m: Maintenance, from_ms: int, to_ms: int, most: int) -> list[tuple[int, int]]:
    """(start, end) in ms of every window that holds at some time in [from, to), in order, ``most`` at most."""
    found: list[tuple[int, int]] = []
    at_ms = from_ms
    while len(found) < most:
        w = window_at(m, at_ms)
        if w.start_ms >= to_ms or w.end_ms <= at_ms:
            break
        found.append((w.start_ms, w.end_ms))
        at_ms = w.end_ms
    return found


class Calendar:
    """Every maintenance of a tenant, with the next window of each kept so that a second costs nothing."""

    def __init__(self) -> None:
        self.entries: dict[str, Maintenance] = {}
        self._next: dict[str, Window] = {}

    def put(self, id_: str, m: Maintenance | None) -> None:
        """Add, replace or remove."""
        self._next.pop(id_, None)
        if m is None:
            self.entries.pop(id_, None)
        else:
            self.entries[id_] = m

    def covering(self, labels: Mapping[str, str], at_ms: int) -> list[str]:
        """Ids of the windows that hold now and match."""
        return [i for i, m in self.entries.items() if self._holds(i, m, at_ms) and all_match(m.match, labels)]

    def next_window(self, id_: str, at_ms: int) -> Window:
        """The running or coming window of one entry."""
        w = self._next.get(id_)
        if w is None or not w.good_from_ms <= at_ms < w.good_until_ms:
            w = self._next[id_] = window_at(self.entries[id_], at_ms)
        return w

    def _holds(self, id_: str, m: Maintenance, at_ms: int) -> bool:
        w = self.next_window(id_, at_ms)
        return w.start_ms <= at_ms < w.end_ms
