"""The strips of the overview end with the newest minute that was rolled up, not in a gap until the next turn of the tiers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest

from services.gateway.answers import Answers, Value
from services.gateway.overview import SPARK_BEHIND_MINUTES, SPARK_MINUTES, _sparks
from services.gateway.queries import Statement

NOON = 1_700_000_040
"""The beginning of a minute."""


class Rolled:
    """Answers of a store in which every minute until ``through_s`` is rolled up, with its number as its worst score."""

    def __init__(self, through_s: int) -> None:
        self._through_s = through_s

    async def rows(self, tenant: str, statement: Statement) -> list[dict[str, Any]]:
        return [{"through_s": self._through_s}]

    async def columns(self, tenant: str, statement: Statement, values: Mapping[str, Value]) -> dict[str, list[Any]]:
        first, last = (int(cast("int", values[n])) // 60 for n in ("start_s", "end_s"))
        minutes = list(range(first, min(last, self._through_s // 60)))
        return {"service": ["web"] * len(minutes), "minute": minutes, "worst": [float(m) for m in minutes]}

    async def remembered(self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], stale_s: float) -> bytes:
        return await make()


async def strip(through_s: int, now_s: int) -> list[float | None]:
    return (await _sparks(cast("Answers", Rolled(through_s)), "default", now_s * 1_000))["web"]


@pytest.mark.parametrize("seconds", [0, 1, 30, 59, 60, 119])
async def test_a_strip_is_whole_until_the_next_turn_of_the_tiers(seconds: int) -> None:
    """The tier's turn at NOON + 5 rolled up until NOON; the next may be as late as two minutes after."""
    last = NOON // 60 - 1
    assert await strip(NOON, NOON + seconds) == [float(m) for m in range(last - SPARK_MINUTES + 1, last + 1)]


async def test_a_sink_that_is_away_leaves_a_gap_that_shows() -> None:
    shown = await strip(NOON, NOON + 600)
    assert len(shown) == SPARK_MINUTES
    gap = 10 - SPARK_BEHIND_MINUTES
    assert shown[-gap:] == [None] * gap and shown[-gap - 1] == NOON // 60 - 1


async def test_a_tier_ahead_of_this_clock_shows_no_minute_that_is_not_over() -> None:
    assert (await strip(NOON + 300, NOON + 1))[-1] == NOON // 60 - 1
