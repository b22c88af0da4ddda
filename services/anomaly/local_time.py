"""Civil time for kernels: the day and the week of a tenant begin when its people say so, daylight saving included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from kizashi.contracts.batches import I64

FIRST_YEAR, LAST_YEAR = 2000, 2040
"""Transitions are tabled for these years; outside them the nearest known offset is used."""


class LocalTime:
    """Milliseconds since the epoch as a wall clock in ``zone`` would count them.

    >>> int(LocalTime("Asia/Tokyo").local(np.array([0]))[0]) == 9 * 3_600_000
    True
    """

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._at, self._offset = _transitions(zone)

    def local(self, ts_ms: I64) -> I64:
        """Local milliseconds (n,) of UTC milliseconds (n,)."""
        if len(self._at) == 0:
            return ts_ms if not self._offset[0] else ts_ms + self._offset[0]
        local: I64 = ts_ms + self._offset[np.searchsorted(self._at, ts_ms, side="right")]
        return local


@lru_cache(maxsize=64)
def _transitions(zone: str) -> tuple[I64, I64]:
    """UTC milliseconds at which the offset changes (k,), and the offsets before and after them (k + 1,), in milliseconds."""
    info = ZoneInfo(zone)
    at: list[int] = []
    day = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    offsets = [_offset_ms(day, info)]
    end = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    while day < end:
        following = day + timedelta(days=7)
        if _offset_ms(following, info) != offsets[-1]:
            low, high = int(day.timestamp()), int(following.timestamp())
            while high - low > 1:
                middle = (low + high) // 2
                if _offset_ms(datetime.fromtimestamp(middle, UTC), info) == offsets[-1]:
                    low = middle
                else:
                    high = middle
            at.append(1000 * high)
            offsets.append(_offset_ms(following, info))
        day = following
    return np.array(at, np.int64), np.array(offsets, np.int64)


def _offset_ms(at: datetime, info: ZoneInfo) -> int:
    offset = at.astimezone(info).utcoffset()
    assert offset is not None
    return int(offset.total_seconds() * 1000)
