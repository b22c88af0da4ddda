"""Times as people write them in a URL: milliseconds, seconds, ISO 8601, ``now`` and ``now-6h``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_RELATIVE = re.compile(r"now(?:([+-])(\d{1,6})([smhdw]))?")
_NUMBER = re.compile(r"-?\d{1,16}(?:\.\d+)?")
SECONDS_BELOW = 100_000_000_000
"""A number below this is seconds (until the year 5138), at or above it milliseconds (from 1973 on)."""


class BadTime(ValueError):
    """Text that is no time; the message names the forms that are."""


@dataclass(frozen=True)
class Span:
    """Half-open stretch of time in milliseconds since the epoch."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


def parse_time(text: str, now_ms: int) -> int:
    """Milliseconds since the epoch.

    >>> parse_time("now-6h", 21_600_000)
    0
    >>> parse_time("1970-01-01T00:00:01Z", 0)
    1000
    """
    text = text.strip()
    if relative := _RELATIVE.fullmatch(text):
        sign, amount, unit = relative.groups()
        offset = int(amount) * UNIT_MS[unit] if amount else 0
        return now_ms - offset if sign == "-" else now_ms + offset
    if _NUMBER.fullmatch(text):
        number = float(text)
        return round(number * 1_000) if abs(number) < SECONDS_BELOW else round(number)
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)  # "+" arrives as a space from a careless URL
    except ValueError as x:
        raise BadTime(f"{text[:40]!r} is no time: use now-6h, epoch milliseconds or 2026-01-31T12:00:00Z") from x
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000)


def parse_span(start: str, end: str, now_ms: int, longest_ms: int) -> Span:
    """The span [start, end); raises BadTime when it is empty, backwards or longer than ``longest_ms``."""
    span = Span(parse_time(start, now_ms), parse_time(end, now_ms))
    if span.length_ms <= 0:
        raise BadTime("the range is empty: 'from' must be before 'to'")
    if span.length_ms > longest_ms:
        days = longest_ms // UNIT_MS["d"]
        raise BadTime(f"the range is {span.length_ms / UNIT_MS['d']:.1f} days long and at most {days} days can be asked at once")
    if span.start_ms < -UNIT_MS["d"] or span.end_ms > 32_503_680_000_000:
        raise BadTime("the range lies outside the years 1970 to 2999")
    return span


SHARED_MS = 10_000
"""Pages write the time of their own clock into a question for "the last day": no two are the same to the millisecond."""


def shared(span: Span, now_ms: int) -> Span:
    """A span that ends about now, widened to steps of ten seconds, so that those who ask within moments ask the same; others as they are.

    For lists of what touches a span: at its end nothing can be that is not there, at its beginning ten seconds more are looked at.

    >>> shared(Span(3_601, 7_201), 7_300)
    Span(start_ms=0, end_ms=10000)
    >>> shared(Span(3_601, 7_201), 60_000)
    Span(start_ms=3601, end_ms=7201)
    """
    if abs(span.end_ms - now_ms) > SHARED_MS:
        return span
    return Span(span.start_ms // SHARED_MS * SHARED_MS, -(-max(span.end_ms, now_ms) // SHARED_MS) * SHARED_MS)


STEPS_MS = (
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000,
    60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000,
)  # fmt: skip
"""Bucket widths; few and round, so that neighbouring zooms hit the same cache entries."""


def bucket_ms(span: Span, points: int) -> int:
    """Smallest round step that gives at most ``points`` buckets over the span."""
    need = span.length_ms / max(points, 1)
    return next((step for step in STEPS_MS if step >= need), STEPS_MS[-1])
