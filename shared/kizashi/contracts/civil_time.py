"""Civil time: where a wall-clock time of a zone lies on the time line, also in the nights when clocks change.

A wall-clock time that happens twice means its first time; one that is skipped means the moment the clock would have shown it, had it not
been changed: 02:30 in the hour that is left out is 03:30. Thus hand-overs and windows keep their order across every change of clocks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from kizashi.errors import ConfigurationError

LONGEST_CALENDAR_DAYS = 62
"""Two months, the longest stretch of turns or windows that may be asked for at once: the gateway and alerting refuse more alike."""
FIRST_YEAR, LAST_YEAR = 1970, 3000
"""At the ends of the calendar (years 1 and 9999) the difference to UTC leads out of it, and whoever asks for the moment fails."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1)


@lru_cache(maxsize=256)
def zone(name: str, field: str = "time_zone") -> ZoneInfo:
    """An IANA time zone; raises ConfigurationError that names the field."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as x:
        raise ConfigurationError(f"{name!r} is not an IANA time zone such as Asia/Tokyo - at `$.{field}`") from x


def civil(at_ms: int, time_zone: str) -> datetime:
    """Wall-clock time, without zone, of a moment.

    >>> civil(0, "Asia/Tokyo").isoformat()
    '1970-01-01T09:00:00'
    """
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return utc.astimezone(zone(time_zone)).replace(tzinfo=None, fold=0)


def moment(wall: datetime, time_zone: str) -> int:
    """ms since the epoch of a wall-clock time.

    >>> moment(datetime(2026, 3, 29, 2, 30), "Europe/Berlin") == moment(datetime(2026, 3, 29, 3, 30), "Europe/Berlin")
    True
    """
    aware = wall.replace(tzinfo=zone(time_zone), fold=0)
    offset = aware.utcoffset()
    assert offset is not None
    return round((wall.replace(fold=0) - offset - _EPOCH) / timedelta(milliseconds=1))


def wall_time(text: str, field: str) -> datetime:
    """``2026-01-05T09:00``, without zone. Raises ConfigurationError that names the field."""
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as x:
        raise ConfigurationError(f"{text!r} is not a time such as 2026-01-05T09:00 - at `$.{field}`") from x
    if wall.tzinfo is not None:
        raise ConfigurationError(f"{text!r}: leave the offset out, 'time_zone' says it - at `$.{field}`")
    if not FIRST_YEAR <= wall.year <= LAST_YEAR:
        raise ConfigurationError(f"{text!r} is not between the years {FIRST_YEAR} and {LAST_YEAR} - at `$.{field}`")
    return wall


class Hours(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename={"start": "from", "end": "to"}):
    """Hours of days of the week by the wall clock; ``to`` before ``from`` runs into the next day, equal to it is a whole day."""

    days: tuple[str, ...] = DAYS
    start: str = "00:00"
    end: str = "00:00"
    time_zone: str = "UTC"

    def check(self, place: str = "") -> Hours:
        """Itself; raises ConfigurationError that names the field below ``place``, such as ``quiet[0].``."""
        zone(self.time_zone, f"{place}time_zone")
        if not self.days or any(d not in DAYS for d in self.days):
            raise ConfigurationError(f"days are a list out of {', '.join(DAYS)} - at `$.{place}days`")
        for name, text in (("from", self.start), ("to", self.end)):
            try:
                _minutes(text)
            except ConfigurationError as x:
                raise ConfigurationError(f"{x} - at `$.{place}{name}`") from x
        return self

    def holds(self, at_ms: int) -> bool:
        """Whether the moment lies in the hours; the day is that on which they began."""
        wall = civil(at_ms, self.time_zone)
        minute, start, end = wall.hour * 60 + wall.minute, _minutes(self.start), _minutes(self.end)
        today, yesterday = DAYS[wall.weekday()] in self.days, DAYS[wall.weekday() - 1] in self.days
        if start < end:
            return today and start <= minute < end
        return (today and minute >= start) or (yesterday and minute < end)


@lru_cache(maxsize=4_096)
def _minutes(text: str) -> int:
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdigit() and minute.isdigit() and len(minute) == 2 and int(hour) < 24 and int(minute) < 60):
        raise ConfigurationError(f"{text!r} is not a time of day such as 22:00")
    return int(hour) * 60 + int(minute)
