"""The windows an error budget is counted over: rolling ones, and calendar ones that begin when people's days do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kizashi.errors import ConfigurationError

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LONGEST_HOURS = 2208
"""92 days: the longest quarter."""
_ROLLING = re.compile(r"(-?\d+)\s*([hdw])")
_UNIT_HOURS = {"h": 1, "d": 24, "w": 168}
CALENDARS = ("day", "week", "month", "quarter")


@dataclass(frozen=True)
class Rolling:
    """The last ``hours``."""

    hours: int

    def bounds(self, now_ms: int) -> tuple[int, int]:
        """Start and end (ms) of the window at ``now_ms``; it always ends now."""
        return now_ms - self.hours * HOUR_MS, now_ms

    @property
    def length_hours(self) -> int:
        """Typical length."""
        return self.hours


@dataclass(frozen=True)
class Calendar:
    """The civil day, week (from Monday), month or quarter in ``zone``."""

    unit: str
    zone: str

    def bounds(self, now_ms: int) -> tuple[int, int]:
        """Start and end (ms) of the period around ``now_ms``; 23 and 25 hour days are as long as they are."""
        local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(self.zone))
        day = datetime(local.year, local.month, local.day)  # civil midnight, given its zone below
        match self.unit:
            case "day":
                start, end = day, day + timedelta(days=1)
            case "week":
                start = day - timedelta(days=day.weekday())
                end = start + timedelta(days=7)
            case "month":
                start = day.replace(day=1)
                end = _months_later(start, 1)
            case _:
                start = day.replace(month=day.month - (day.month - 1) % 3, day=1)
                end = _months_later(start, 3)
        return self._utc_ms(start), self._utc_ms(end)

    def _utc_ms(self, civil: datetime) -> int:
        return int(civil.replace(tzinfo=ZoneInfo(self.zone)).timestamp() * 1000)

    @property
    def length_hours(self) -> int:
        """Typical length; burn-rate thresholds are scaled to it."""
        return {"day": 24, "week": 168, "month": 720, "quarter": 2184}[self.unit]


Window = Rolling | Calendar


def parse_window(text: str, zone: str = "UTC") -> Window:
    """``28d``, ``4w``, ``72h``, or ``day``, ``week``, ``month``, ``quarter``; raises ConfigurationError that says what to write.

    >>> parse_window("28d").length_hours
    672
    """
    if text in CALENDARS:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as x:
            raise ConfigurationError(f"no time zone is called {zone!r}; write one like Europe/Berlin or Asia/Tokyo") from x
        return Calendar(text, zone)
    found = _ROLLING.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(f"{text!r} is no window; write 28d, 4w, 72h, or one of {', '.join(CALENDARS)}")
    hours = int(found[1]) * _UNIT_HOURS[found[2]]
    if not 1 <= hours <= LONGEST_HOURS:
        raise ConfigurationError(f"a window lasts between 1 hour and {LONGEST_HOURS // 24} days, {text!r} does not")
    return Rolling(hours)


def _months_later(start: datetime, months: int) -> datetime:
    month = start.month - 1 + months
    return start.replace(year=start.year + month // 12, month=month % 12 + 1)


def whole_days(start_ms: int, end_ms: int) -> int:
    """Days between two moments, rounded: a period with a clock change still has its number of days."""
    return round((end_ms - start_ms) / DAY_MS)
