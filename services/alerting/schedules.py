"""Who is on call: rotations that hand over by the wall clock, restricted to hours where wanted, and overrides that win."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from kizashi.contracts.checked import converted
from kizashi.contracts.civil_time import Hours, civil, moment, wall_time, zone
from kizashi.errors import ConfigurationError

MAX_PEOPLE = 200
HOUR_MS = 3_600_000


class Rotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """People take turns of ``every_days`` days from ``start``, a wall-clock time of the schedule's zone; the first of ``people`` begins."""

    people: list[str]
    start: str
    every_days: int = 7
    hours: list[Hours] = []
    """Only within these; empty: always."""


class Override(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename={"start": "from", "end": "to"}):
    """Somebody takes over for a while, wall-clock times of the schedule's zone."""

    person: str
    start: str
    end: str
    reason: str = ""


class Schedule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A later rotation lies over an earlier one where its hours hold; an override lies over all, the last one written wins."""

    time_zone: str
    rotations: list[Rotation]
    overrides: list[Override] = []
    title: str = ""


class Shift(msgspec.Struct, frozen=True):
    """[from, to) in ms: who is on call, empty for nobody."""

    from_ms: int
    to_ms: int
    person: str


def schedule_from(body: dict[str, Any]) -> Schedule:
    """Checked. Raises ConfigurationError with the field and the reason."""
    s = converted(body, Schedule)
    zone(s.time_zone)
    if not s.rotations:
        raise ConfigurationError("a schedule has at least one rotation - at `$.rotations`")
    for k, r in enumerate(s.rotations):
        if not 1 <= len(r.people) <= MAX_PEOPLE:
            raise ConfigurationError(f"a rotation has 1 to {MAX_PEOPLE} people - at `$.rotations[{k}].people`")
        if not 1 <= r.every_days <= 366:
            raise ConfigurationError(f"a turn lasts 1 to 366 days - at `$.rotations[{k}].every_days`")
        if not all(map(str.strip, r.people)):
            raise ConfigurationError(f"somebody has no name - at `$.rotations[{k}].people`")
        wall_time(r.start, f"rotations[{k}].start")
        for j, hours in enumerate(r.hours):
            hours.check(f"rotations[{k}].hours[{j}].")
    for k, o in enumerate(s.overrides):
        if not o.person.strip():
            raise ConfigurationError(f"somebody takes over: say who - at `$.overrides[{k}].person`")
        if wall_time(o.end, f"overrides[{k}].to") <= wall_time(o.start, f"overrides[{k}].from"):
            raise ConfigurationError(f"an override ends after it begins - at `$.overrides[{k}].to`")
    return s


def on_call(s: Schedule, at_ms: int) -> str:
    """Who is on call at the moment; empty when nobody is."""
    for o in reversed(s.overrides):
        if moment(wall_time(o.start, "from"), s.time_zone) <= at_ms < moment(wall_time(o.end, "to"), s.time_zone):
            return o.person
    for r in reversed(s.rotations):
        if (not r.hours or any(h.holds(at_ms) for h in r.hours)) and (person := _turn(r, s.time_zone, at_ms)):
            return person
    return ""


def shifts(s: Schedule, from_ms: int, to_ms: int) -> list[Shift]:
    """Everybody's turns in [from, to), joined; nobody's are listed too, so that a hole is seen."""
    edges = sorted({from_ms, to_ms, *(e for e in _edges(s, from_ms, to_ms) if from_ms < e < to_ms)})
    found: list[Shift] = []
    for start, end in pairwise(edges):
        person = on_call(s, start)
        if found and found[-1].person == person:
            found[-1] = Shift(found[-1].from_ms, end, person)
        else:
            found.append(Shift(start, end, person))
    return found


def _turn(r: Rotation, time_zone: str, at_ms: int) -> str:
    start = wall_time(r.start, "start")
    if at_ms < moment(start, time_zone):
        return ""
    k = (civil(at_ms, time_zone) - start) // timedelta(days=r.every_days)
    # near a change of clocks the count by the wall clock can be one off: the hand-over itself, on the time line, decides
    while moment(_begin(start, r, k + 1), time_zone) <= at_ms:
        k += 1
    while k > 0 and moment(_begin(start, r, k), time_zone) > at_ms:
        k -= 1
    return r.people[k % len(r.people)]


def _begin(start: datetime, r: Rotation, k: int) -> datetime:
    return start + timedelta(days=r.every_days) * k


def _edges(s: Schedule, from_ms: int, to_ms: int) -> list[int]:
    """Moments at which the answer may change: hand-overs, overrides, and each quarter of an hour where hours restrict a rotation.

    Zones are off by quarters of an hour, and the hours are checked by the minute: their own borders are added exactly.
    """
    edges: list[int] = []
    for o in s.overrides:
        edges += [moment(wall_time(o.start, "from"), s.time_zone), moment(wall_time(o.end, "to"), s.time_zone)]
    for r in s.rotations:
        start = wall_time(r.start, "start")
        k = max(0, (civil(from_ms, s.time_zone) - start) // timedelta(days=r.every_days) - 1)
        while (edge := moment(_begin(start, r, k), s.time_zone)) < to_ms:
            edges.append(edge)
            k += 1
        for hours in r.hours:
            edges += _hour_edges(hours, from_ms, to_ms)
    return edges


def _hour_edges(hours: Hours, from_ms: int, to_ms: int) -> list[int]:
    day = civil(from_ms, hours.time_zone).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    edges: list[int] = []
    while (begin := moment(day, hours.time_zone)) < to_ms:
        end = moment(day + timedelta(days=1), hours.time_zone)
        if end - begin != 24 * HOUR_MS:
            # a border in the hour that is left out takes effect at the change itself, a quarter of an hour of the day
            edges += range(begin, end, HOUR_MS // 4)
        for text in (hours.start, hours.end, "00:00"):
            hour, minute = map(int, text.split(":"))
            wall = day.replace(hour=hour, minute=minute)
            again = moment(wall, hours.time_zone)
            edges += [again, again + HOUR_MS, again - HOUR_MS, again + HOUR_MS // 2]  # an hour that happens twice has each border twice
        day += timedelta(days=1)
    return edges
