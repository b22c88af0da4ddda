"""Working time: promises about tickets count hours in which somebody is there to keep them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from kizashi.errors import ConfigurationError

DAY_MINUTES = 1440
LOOK_AHEAD_DAYS = 750
"""A deadline further than two years away is no deadline."""


class BusinessCalendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open hours in a time zone: ``hours[weekday]`` (Monday is 0) lists (from, to) in minutes after midnight; ``holidays`` are closed.

    Clock changes are honoured: an open span that holds one is an hour shorter or longer.
    """

    id: str
    zone: str = "UTC"
    hours: tuple[tuple[tuple[int, int], ...], ...] = (((540, 1020),),) * 5 + ((),) * 2
    holidays: frozenset[str] = frozenset()

    def checked(self) -> BusinessCalendar:
        """Itself, if it makes sense; raises ConfigurationError that says what to change."""
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as x:
            raise ConfigurationError(f"no time zone is called {self.zone!r}; write one like Asia/Tokyo - at `$.zone`") from x
        if len(self.hours) != 7:
            raise ConfigurationError(f"calendar {self.id!r} needs hours for seven weekdays, it has {len(self.hours)} - at `$.hours`")
        for spans in self.hours:
            edges = [edge for span in spans for edge in span]
            if edges != sorted(set(edges)) or any(not 0 <= e <= DAY_MINUTES for e in edges):
                raise ConfigurationError(f"hours of calendar {self.id!r} must be rising minutes between 0 and {DAY_MINUTES} - at `$.hours`")
        if not any(self.hours):
            raise ConfigurationError(f"calendar {self.id!r} has no open hours: no deadline would ever come - at `$.hours`")
        try:
            for day in self.holidays:
                date.fromisoformat(day)
        except ValueError as x:
            raise ConfigurationError(f"a holiday of calendar {self.id!r} is no date: {x}; write 2025-12-25 - at `$.holidays`") from x
        return self

    def open_s(self, start_ms: int, end_ms: int) -> float:
        """Open seconds in [start, end); 0 when the end is not after the start."""
        total, day, last = 0, self._day(start_ms), self._day(end_ms)
        while day <= last and start_ms < end_ms:
            for first, end in _open_spans(self, day):
                total += max(0, min(end, end_ms) - max(first, start_ms))
            day += timedelta(days=1)
        return total / 1000.0

    def deadline_ms(self, start_ms: int, open_seconds: float) -> int:
        """The moment at which ``open_seconds`` of open time have passed since ``start``; raises ConfigurationError beyond two years."""
        left, day = round(1000 * open_seconds), self._day(start_ms)
        for _ in range(LOOK_AHEAD_DAYS):
            for first, end in _open_spans(self, day):
                span = end - max(first, start_ms)
                if span >= left and span > 0:
                    return max(first, start_ms) + left
                left -= max(0, span)
            day += timedelta(days=1)
        raise ConfigurationError(f"calendar {self.id!r} is not open for {open_seconds / 3600:g} hours within two years")

    def _day(self, ms: int) -> date:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(self.zone)).date()


ALWAYS_OPEN = BusinessCalendar("always", "UTC", (((0, DAY_MINUTES),),) * 7)


@lru_cache(maxsize=20_000)
def _open_spans(calendar: BusinessCalendar, day: date) -> tuple[tuple[int, int], ...]:
    """Open spans (ms) of one civil day."""
    if day.isoformat() in calendar.holidays:
        return ()
    zone = ZoneInfo(calendar.zone)

    def at(minutes: int) -> int:
        civil = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
        return int(civil.replace(tzinfo=zone).timestamp() * 1000)

    return tuple((at(a), at(b)) for a, b in calendar.hours[day.weekday()])
