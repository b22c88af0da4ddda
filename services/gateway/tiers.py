"""From which table a range is answered: rows while they are kept, minutes and hours beyond, and up to which time those are whole. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from services.gateway.times import UNIT_MS, Span

MINUTE_MS, HOUR_MS, DAY_MS = UNIT_MS["m"], UNIT_MS["h"], UNIT_MS["d"]
ROWS_KEPT_MS = 14 * DAY_MS
"""Rows expire by landing day (migration 0001)."""
MINUTES_KEPT_MS = 90 * DAY_MS
LONGEST_BY_MINUTE_MS = 31 * DAY_MS
"""Beyond this a span is drawn from hours, whatever its age."""
LATE_MS = 120_000
"""A minute is whole when what was stored until two minutes after it has been rolled up; later rows come with the next roll."""
LATE_MINUTES_MS = 300_000


class Tier(Enum):
    """Finest table that a question needs; coarser ones are used where they are whole."""

    ROWS = 1
    MINUTES = MINUTE_MS
    HOURS = HOUR_MS


@dataclass(frozen=True)
class Edges:
    """Until when (ms) minutes and hours are whole; 0 when there are none yet."""

    minutes_end: int = 0
    hours_end: int = 0


def choose(span: Span, step: int, now_ms: int) -> tuple[Tier, int]:
    """Tier of a question, and its bucket width, widened where only coarser rows are left.

    >>> choose(Span(0, 3_600_000), 10_000, 3_600_000)
    (<Tier.ROWS: 1>, 10000)
    """
    age_ms = now_ms - span.start_ms
    if span.length_ms > LONGEST_BY_MINUTE_MS or age_ms > MINUTES_KEPT_MS:
        return Tier.HOURS, max(step, HOUR_MS)
    if step >= MINUTE_MS or age_ms > ROWS_KEPT_MS:
        return Tier.MINUTES, max(step, MINUTE_MS)
    return Tier.ROWS, step


def edges(through_s: Mapping[str, int]) -> Edges:
    """Edges from the times until which the tiers hold everything that was stored (seconds, by table)."""
    minutes_end = (through_s.get("samples_1m", 0) * 1_000 - LATE_MS) // MINUTE_MS * MINUTE_MS
    hours_end = (through_s.get("samples_1h", 0) * 1_000 - LATE_MINUTES_MS) // HOUR_MS * HOUR_MS
    return Edges(max(0, minutes_end), max(0, min(hours_end, minutes_end)))
