"""How far each indicator moved towards the bad side: robust statistics of a window against the time before it.

    z(t) = (x(t) - median) / scale
    scale = max(IQR / 1.349, (q99 - median) / 2.33, σ / 2, wander, 1 % of |median|, 0.1 % of the whole range)

Median and quantiles, never mean and σ (Huber 1981). The 99 % quantile on the side of the move keeps an indicator that now and then jumps
by itself from looking odd when it does; 1.349 and 2.33 make both scales 1 for a unit normal. Half of σ only matters where an indicator
is nearly always the same and now and then is not; wander, the change from one sixth of the time to the next, where it drifts. All come
from the older 80 % of the time before: when the alarm is late, the first rows of the fault sit in the last part and must not widen it.
Of a window the half with the largest z counts: neither one spike nor a recovery in the middle decides. From fewer than a hundred normal
values the spread is hardly known: z is capped at their number plus one.
Cost: two sorts of the time before, 15-20 µs an indicator for 600 rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

IQR_OF_NORMAL = 1.349
Q99_OF_NORMAL = 2.33
RELATIVE_FLOOR = 0.01
RANGE_FLOOR = 1e-3
STD_SHARE = 0.5
BLOCKS = 6
QUIET_STRETCHES, LONGEST_QUIET = 16, 30
OLDER = 0.8
FEWEST, ENOUGH = 4, 100
MOST_Z = 1e9
FIRST_S = 60.0
FIRST_SHARE = 0.3
"""Share of the first minute in z: who moved first is nearer the cause, but a late alarm has missed it."""


@dataclass(frozen=True)
class Window:
    """Indicators before and during. ``normal`` (rows, n) and ``abnormal`` (rows, n) hold NaN where nothing is known.

    ``entities[i]``, ``names[i]`` and ``ids[i]`` say whose and what column i is; ``step_s`` is the time between rows.
    """

    entities: tuple[str, ...]
    names: tuple[str, ...]
    ids: tuple[str, ...]
    normal: F64
    abnormal: F64
    step_s: float


@dataclass(frozen=True)
class Scales:
    """Of every indicator (n,): is it known, its median before, how far it goes by itself up and down (> 0), and the largest z allowed."""

    known: NDArray[np.bool_]
    middle: F64
    up: F64
    down: F64
    cap: F64


@dataclass(frozen=True)
class Shifts:
    """Of every indicator (n,): is it known, median before, mean during, robust z upwards and downwards (≥ 0, finite)."""

    known: NDArray[np.bool_]
    before: F64
    during: F64
    up: F64
    down: F64
    quiet_up: F64
    """The same of quiet stretches (k, n) of the time before."""
    quiet_down: F64


def shifts(w: Window) -> Shifts:
    """Shifts of all indicators; unknown are those with fewer than ``FEWEST`` values before or none during."""
    n = len(w.names)
    if not len(w.normal) or not len(w.abnormal):
        nothing = np.zeros(n)
        return Shifts(nothing.astype(bool), nothing, nothing, nothing, nothing, np.zeros((0, n)), np.zeros((0, n)))
    # one layout in memory, so that sums do not depend on the order of the columns
    w = replace(w, normal=np.ascontiguousarray(w.normal), abnormal=np.ascontiguousarray(w.abnormal))
    s = scales(w)
    whole, first = z_of(w.abnormal[None], s), z_of(w.abnormal[None, : max(1, int(FIRST_S // w.step_s))], s)
    up, down = ((1 - FIRST_SHARE) * x[0] + FIRST_SHARE * y[0] for x, y in zip(whole, first, strict=True))
    quiet_up, quiet_down = z_of(quiet_stretches(w), s)
    mean = np.nansum(w.abnormal, axis=0) / np.maximum((~np.isnan(w.abnormal)).sum(axis=0), 1)
    return Shifts(s.known, np.where(s.known, s.middle, 0.0), np.where(s.known, mean, 0.0), up, down, quiet_up, quiet_down)


def scales(w: Window) -> Scales:
    """Scales of all indicators from the time before."""
    before, count = _sorted(w.normal)
    during, count_during = _sorted(w.abnormal)
    middle = _quantile(before, count, 0.5)
    up, down = _scales(w, before, count, middle, _ends(during, count_during))
    return Scales((count >= FEWEST) & (count_during > 0), middle, up, down, np.where(count < ENOUGH, count + 1.0, MOST_Z))


def z_of(stretches: F64, s: Scales) -> tuple[F64, F64]:
    """Robust z up and down of each stretch: (k, rows, n) → two of (k, n), within [0, cap], 0 where unknown.

    The half of the values with the largest z upwards is the upper half of the values, downwards the lower half: one sort serves both.
    """
    k, rows, n = stretches.shape
    if not rows:
        return np.zeros((k, n)), np.zeros((k, n))
    ordered = np.sort(stretches, axis=1)
    count = (~np.isnan(ordered)).sum(axis=1)
    half = np.maximum((count + 1) // 2, 1)
    sums = np.concatenate([np.zeros((k, 1, n)), np.nan_to_num(ordered, nan=0.0).cumsum(axis=1)], axis=1)

    def upto(i: NDArray[np.int64]) -> F64:
        found: F64 = np.take_along_axis(sums, i[:, None, :], axis=1)[:, 0]
        return found

    known = s.known & (count > 0)
    high = (upto(count) - upto(np.maximum(count - half, 0))) / half
    low = upto(np.minimum(half, count)) / half
    with np.errstate(invalid="ignore"):
        up, down = np.clip((high - s.middle) / s.up, 0.0, s.cap), np.clip((s.middle - low) / s.down, 0.0, s.cap)
    return np.where(known, up, 0.0), np.where(known, down, 0.0)


def quiet_stretches(w: Window) -> F64:
    """Stretches of the time before, evenly spread, as long as the window if that fits eight times: (k, rows, n)."""
    older = int(OLDER * len(w.normal))  # the rest may hold the beginning of what is asked about
    rows = min(len(w.abnormal), older // 8, LONGEST_QUIET)
    if not rows:
        return np.empty((0, 0, len(w.names)))
    starts = np.unique(np.linspace(0, older - rows, QUIET_STRETCHES).astype(np.int64))
    return np.stack([w.normal[i : i + rows] for i in starts])


def _scales(w: Window, before: F64, count: NDArray[np.int64], middle: F64, ends: tuple[F64, F64]) -> tuple[F64, F64]:
    """How far each indicator goes by itself, upwards and downwards; never 0."""
    rows = max(FEWEST, int(OLDER * len(w.normal)))
    older, n = _sorted(w.normal[:rows])
    few = n < FEWEST
    older, n = (np.where(few, before[: len(older)], older), np.where(few, np.minimum(count, len(older)), n)) if few.any() else (older, n)
    q01, q25, q50, q75, q99 = (_quantile(older, n, q) for q in (0.01, 0.25, 0.5, 0.75, 0.99))
    low, high = _ends(before, count)
    span = np.fmax(high, ends[1]) - np.fmin(low, ends[0])
    mean = np.nansum(older, axis=0) / np.maximum(n, 1)
    sigma = np.sqrt(np.nansum((older - mean) ** 2, axis=0) / np.maximum(n, 1))
    least = np.maximum.reduce(
        [(q75 - q25) / IQR_OF_NORMAL, STD_SHARE * sigma, _wander(w.normal[:rows]), RELATIVE_FLOOR * np.abs(middle), RANGE_FLOOR * span]
    )
    least = np.where(np.isfinite(least) & (least > 0), least, np.inf)  # never moved, then or now: no shift
    return np.fmax(least, (q99 - q50) / Q99_OF_NORMAL), np.fmax(least, (q50 - q01) / Q99_OF_NORMAL)


def _sorted(x: F64) -> tuple[F64, NDArray[np.int64]]:
    """Each column in ascending order, NaN last, and its number of known values."""
    return np.sort(x, axis=0), (~np.isnan(x)).sum(axis=0)


def _quantile(ordered: F64, count: NDArray[np.int64], q: float) -> F64:
    """Quantile of each column by linear interpolation; NaN for a column without values."""
    if not len(ordered):
        return np.full(ordered.shape[1], np.nan)
    at = q * np.maximum(count - 1, 0)
    low = at.astype(np.int64)
    columns = np.arange(ordered.shape[1])
    below, above = ordered[low, columns], ordered[np.minimum(low + 1, np.maximum(count - 1, 0)), columns]
    found: F64 = below + (above - below) * (at - low)
    return found


def _ends(ordered: F64, count: NDArray[np.int64]) -> tuple[F64, F64]:
    return _quantile(ordered, count, 0.0), _quantile(ordered, count, 1.0)


def _wander(x: F64) -> F64:
    """Root mean square of the change from one sixth of the time before to the next: how far a drifting indicator goes by itself."""
    starts = np.unique(np.linspace(0, len(x), BLOCKS, endpoint=False).astype(np.int64))
    count = np.add.reduceat((~np.isnan(x)).astype(np.float64), starts, axis=0)
    means = np.add.reduceat(np.nan_to_num(x), starts, axis=0) / np.where(count > 0, count, np.nan)
    steps = np.diff(means, axis=0) ** 2
    known = (~np.isnan(steps)).sum(axis=0)
    found: F64 = np.sqrt(np.nansum(steps, axis=0) / np.maximum(known, 1))
    return found
