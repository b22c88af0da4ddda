"""Time stamps of producers: seconds, milliseconds, microseconds or nanoseconds told apart by size, or text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
SECONDS_BELOW, MILLIS_BELOW, MICROS_BELOW = 1e11, 1e14, 1e17
"""1e11 s is the year 5138 and 1e11 ms the year 1973, so nothing people measure is read wrongly."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01: what lies behind it is a unit mix-up, not a time."""
BAD_TIME = -1


def to_ms(stamps: NDArray[np.float64]) -> NDArray[np.int64]:
    """Epoch numbers in any of the four units (n,) → milliseconds (n,); BAD_TIME where negative, not finite or behind 2100.

    >>> to_ms(np.array([1.7e9, 1.7e12, 1.7e15, 1.7e18, -5.0])).tolist()
    [1700000000000, 1700000000000, 1700000000000, 1700000000000, -1]
    """
    if ((stamps >= SECONDS_BELOW) & (stamps <= LATEST_MS)).all():  # what nearly everybody sends: a tenth of the work below
        return stamps.astype(np.int64)
    good = np.isfinite(stamps) & (stamps >= 0)
    s = np.where(good, stamps, 0.0)
    micros = np.floor(s / 1e3)
    nanos = np.floor(s / 1e6 + 1e-3)  # a double holds nanoseconds of today to 256 ns: a whole millisecond may lie just below
    ms = np.where(s < SECONDS_BELOW, np.rint(s * 1e3), np.where(s < MILLIS_BELOW, s, np.where(s < MICROS_BELOW, micros, nanos)))
    good &= ms <= LATEST_MS
    return np.where(good, ms, BAD_TIME).astype(np.int64)


def datetime_ms(when: datetime) -> int:
    """Milliseconds of a date; without a zone it is UTC.

    >>> datetime_ms(datetime(2024, 1, 1))
    1704067200000
    """
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """Inverse of ``datetime_ms``, in UTC."""
    return _EPOCH + ms * _MS


def text_ms(text: str) -> int:
    """RFC 3339, ``YYYY-MM-DD HH:MM:SS`` (UTC), a date, or a number as text; raises ValueError.

    >>> text_ms("2024-01-01T09:00:00+09:00") == text_ms("2024-01-01 00:00:00") == text_ms("1704067200")
    True
    """
    cleaned = text.strip()
    try:
        number = float(cleaned)
    except ValueError:
        return datetime_ms(datetime.fromisoformat(cleaned))
    (ms,) = to_ms(np.array([number])).tolist()
    if ms == BAD_TIME:
        raise ValueError(f"{text!r} is no time between 1970 and 2100")
    return int(ms)
