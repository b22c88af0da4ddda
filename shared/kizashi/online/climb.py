"""A climb of hours: a leak, a runaway log, a queue that nobody empties. Weeks of history do not know it, and daily means see it too late.

The last twelve values, less the median day before, are a line when a Theil-Sen slope (Sen 1968) stands out of their scatter, holds in
both halves, and has carried the series further than it ever went in twelve values before. That last test is what keeps mornings,
Mondays and nightly jobs out: a series that often rises like this does not "climb" when it does so again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

F64 = NDArray[np.float64]

SPAN = 12
"""Values that must lie on a line: with fewer, one morning in a hundred looked like a leak."""
SEASONS = 7
"""Days that the usual day is the median of; the last two are left out, they may hold the climb."""
OUTSTANDING = 6.0
"""The climb over the span against the scatter about it."""
FURTHER = 1.5
"""How much further than ever before: at 1, the steepest part of a Saturday was a leak in 1.5 % of windows, at 1.5 in two of 2,800."""
SLOPE_DOUBT = 0.1
"""No slope of twelve values is trusted better than to a tenth."""
AHEAD = 168
_I, _J = np.triu_indices(SPAN, 1)
_HALF_I, _HALF_J = np.triu_indices(SPAN // 2, 1)


@dataclass(frozen=True)
class Climb:
    """``slope`` per value, ``slope_error`` its standard error, ``now`` the height over the usual day, ``day`` (season,) the usual day from
    the next value on, ``scatter`` about the line, ``step`` spread of its increments. Upwards is towards the threshold."""

    slope: float
    slope_error: float
    now: float
    day: F64
    scatter: float
    step: float

    def met(self, threshold: float, growth: float = 1.0) -> F64:
        """P(met by step k) (AHEAD,) when the climb goes on ``growth`` times as fast."""
        k = np.arange(1, AHEAD + 1)
        path = self.day[(k - 1) % len(self.day)] + self.now + growth * self.slope * k
        deviation = np.sqrt((growth * self.slope_error * k) ** 2 + 0.5 * self.step**2 * k + self.scatter**2)
        return np.asarray(np.maximum.accumulate(ndtr((path - threshold) / deviation)))


def climb_of(y: F64, season: int, *, rising: bool = True) -> Climb | None:
    """The climb at the end of a window (n,), falling when not ``rising`` (mirrored: give ``met`` the negative threshold); None without one.

    None for windows shorter than five seasons. Cost: 60 µs.
    """
    sign, n = (1.0 if rising else -1.0), len(y)
    if n < 5 * season or season < SPAN:
        return None
    phase = (np.arange(n) - n) % season
    first, last = max(0, n - (SEASONS + 2) * season), n - 2 * season
    day = np.array([np.median(sign * y[first:last][phase[first:last] == p]) for p in range(season)])
    height = sign * y - day[phase]
    recent = height[-SPAN:]
    slopes = (recent[_J] - recent[_I]) / (_J - _I)
    slope = float(np.median(slopes))
    start = float(np.median(recent - slope * np.arange(SPAN)))
    scatter = 1.4826 * float(np.median(np.abs(recent - slope * np.arange(SPAN) - start))) + 1e-12
    halves = [float(np.median((x[_HALF_J] - x[_HALF_I]) / (_HALF_J - _HALF_I))) for x in (recent[: SPAN // 2], recent[SPAN // 2 :])]
    before = height[: -2 * season]
    farthest = float(np.abs(before[SPAN:] - before[:-SPAN]).max())
    if slope <= 0.0 or slope * SPAN < max(OUTSTANDING * scatter, FURTHER * farthest) or min(halves) < 0.5 * slope:
        return None
    error = float(np.std(slopes)) / SPAN**0.5 + SLOPE_DOUBT * slope
    return Climb(slope, error, start + slope * (SPAN - 1), day, scatter, float(np.std(np.diff(recent))))
