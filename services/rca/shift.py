"""How far each indicator moved towards the bad side: robust statistics of a window against the time before it.

    z(t) = (x(t) - median) / scale
    scale = max(IQR / 1.349, (q99 - median) / 2.33, σ / 2, wander, 1 % of |median|, 0.1 % of the whole range)

Median and quantiles, never mean and σ (Huber 1981). The 99 % quantile on the side of the move keeps an indicator that now and then jumps
by itself from looking odd when it does; 1.349 and 2.33 make both scales 1 for a unit normal. Half of σ only matters where an indicator
is nearly always the same and now and then is not; wander, the change from one sixth of the time to the next, where it drifts. All come
from the older 80 % of the time before: when the alarm is late, the first rows of the fault sit in the last part and must not widen it.
Of a window the half with the largest z counts: neither one spike nor a recovery in the middle decides. From fewer than a hundred normal
values the spread is hardly known: z is capped at their number plus one.
Cost: two sorts of the time before, 10 µs an indicator for 600 rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from services.rca.traffic import OLDER, without_traffic
from services.rca.window import F64, Window

IQR_OF_NORMAL = 1.349
Q99_OF_NORMAL = 2.33
RELATIVE_FLOOR = 0.01
RANGE_FLOOR = 1e-3
STD_SHARE = 0.5
BLOCKS, FARTHEST = 6, 4
QUIET_STRETCHES, LONGEST_QUIET = 16, 30
FEWEST, ENOUGH = 4, 100
MOST_Z = 1e9
BLOCK = 128
"""Indicators taken at once: 600 values of each fill a third of a megabyte, which stays near the core."""
FIRST_S = 60.0
FIRST_SHARE = 0.3
"""Share of the first minute in z: who moved first is nearer the cause, but a late alarm has missed it."""


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
    if not n or not len(w.normal) or not len(w.abnormal):
        nothing = np.zeros(n)
        return Shifts(nothing.astype(bool), nothing, nothing, nothing, nothing, np.zeros((0, n)), np.zeros((0, n)))
    found = _of_all(w.normal, w.abnormal, w.step_s)
    rest = without_traffic(w)
    if len(rest.columns):
        beside = _of_all(rest.normal, rest.abnormal, w.step_s)
        for side in ("up", "down", "quiet_up", "quiet_down"):
            mine, its = getattr(found, side), getattr(beside, side)
            mine[..., rest.columns] = np.minimum(mine[..., rest.columns], its)
    return found


def _of_all(normal: F64, abnormal: F64, step_s: float) -> Shifts:
    parts = [_shifts(normal[:, i : i + BLOCK], abnormal[:, i : i + BLOCK], step_s) for i in range(0, normal.shape[1], BLOCK)]
    return Shifts(*(np.concatenate([getattr(p, f.name) for p in parts], axis=-1) for f in fields(Shifts)))


def _shifts(before: F64, during: F64, step_s: float) -> Shifts:
    # an indicator a row: sums then do not depend on the other indicators, and sorting runs along memory
    normal, abnormal = np.ascontiguousarray(before.T), np.ascontiguousarray(during.T)
    s = scales(normal, abnormal)
    whole, first = z_of(abnormal[None], s), z_of(abnormal[None, :, : max(1, int(FIRST_S // step_s))], s)
    up, down = ((1 - FIRST_SHARE) * x[0] + FIRST_SHARE * y[0] for x, y in zip(whole, first, strict=True))
    quiet_up, quiet_down = z_of(quiet_stretches(normal, abnormal.shape[1]), s)
    mean = _sum(abnormal) / np.maximum((~np.isnan(abnormal)).sum(axis=1), 1)
    return Shifts(s.known, np.where(s.known, s.middle, 0.0), np.where(s.known, mean, 0.0), up, down, quiet_up, quiet_down)


def scales(normal: F64, abnormal: F64) -> Scales:
    """Scales of all indicators (n, rows) from the time before."""
    before, count = _sorted(normal)
    count_during = (~np.isnan(abnormal)).sum(axis=1)
    middle = _quantile(before, count, 0.5)
    up, down = _scales(normal, before, count, middle, (np.fmin.reduce(abnormal, axis=1), np.fmax.reduce(abnormal, axis=1)))
    return Scales((count >= FEWEST) & (count_during > 0), middle, up, down, np.where(count < ENOUGH, count + 1.0, MOST_Z))


def z_of(stretches: F64, s: Scales) -> tuple[F64, F64]:
    """Robust z up and down of each stretch: (k, n, rows) → two of (k, n), within [0, cap], 0 where unknown.

    The half of the values with the largest z upwards is the upper half of the values, downwards the lower half: one sort serves both.
    """
    k, n, rows = stretches.shape
    if not rows:
        return np.zeros((k, n)), np.zeros((k, n))
    ordered = np.sort(stretches, axis=2)
    missing = np.isnan(ordered[:, :, -1])  # NaN is last
    half = (rows + 1) // 2
    low, high = ordered[:, :, :half].mean(axis=2), ordered[:, :, rows - half :].mean(axis=2)
    known = np.broadcast_to(s.known, (k, n))
    if missing.any():
        some = ordered[missing]
        count = (~np.isnan(some)).sum(axis=1)
        low[missing], high[missing] = _halves(some, count)
        known = known.copy()
        known[missing] &= count > 0
    with np.errstate(invalid="ignore"):
        up, down = np.clip((high - s.middle) / s.up, 0.0, s.cap), np.clip((s.middle - low) / s.down, 0.0, s.cap)
    return np.where(known, up, 0.0), np.where(known, down, 0.0)


def _halves(ordered: F64, count: NDArray[np.int64]) -> tuple[F64, F64]:
    """Mean of the lower and of the upper half of the known values of each row, NaN last in it."""
    half = np.maximum((count + 1) // 2, 1)[:, None]
    place = np.arange(ordered.shape[1])[None]
    low, high = place < half, (place >= count[:, None] - half) & (place < count[:, None])
    means = [np.where(side & ~np.isnan(ordered), ordered, 0.0).sum(axis=1) / half[:, 0] for side in (low, high)]
    return means[0], means[1]


def quiet_stretches(normal: F64, during: int) -> F64:
    """Stretches of the time before (n, rows), evenly spread, as long as the window if that fits eight times: (k, n, rows)."""
    n, rows = normal.shape
    older = int(OLDER * rows)  # the rest may hold the beginning of what is asked about
    length = min(during, older // 8, LONGEST_QUIET)
    if not length:
        return np.empty((0, n, 0))
    starts = np.unique(np.linspace(0, older - length, QUIET_STRETCHES).astype(np.int64))
    return np.stack([normal[:, i : i + length] for i in starts])


def _scales(normal: F64, before: F64, count: NDArray[np.int64], middle: F64, ends: tuple[F64, F64]) -> tuple[F64, F64]:
    """How far each indicator goes by itself, upwards and downwards; never 0."""
    rows = max(FEWEST, int(OLDER * normal.shape[1]))
    past = normal[:, :rows]
    older, n = _sorted(past)
    if (few := n < FEWEST).any():
        size = older.shape[1]
        older, n = np.where(few[:, None], before[:, :size], older), np.where(few, np.minimum(count, size), n)
    q01, q25, q50, q75, q99 = (_quantile(older, n, q) for q in (0.01, 0.25, 0.5, 0.75, 0.99))
    low, high = _quantile(before, count, 0.0), _quantile(before, count, 1.0)
    span = np.fmax(high, ends[1]) - np.fmin(low, ends[0])
    mean = _sum(older) / np.maximum(n, 1)
    sigma = np.sqrt(_sum((older - mean[:, None]) ** 2) / np.maximum(n, 1))
    least = np.maximum.reduce(
        [(q75 - q25) / IQR_OF_NORMAL, STD_SHARE * sigma, _wander(past), RELATIVE_FLOOR * np.abs(middle), RANGE_FLOOR * span]
    )
    least = np.where(np.isfinite(least) & (least > 0), least, np.inf)  # never moved, then or now: no shift
    return np.fmax(least, (q99 - q50) / Q99_OF_NORMAL), np.fmax(least, (q50 - q01) / Q99_OF_NORMAL)


def _sum(x: F64) -> F64:
    """Sum of the known values of each row."""
    found: F64 = x.sum(axis=1)
    if np.isnan(found).any():  # a look at the sums is cheaper than one at the values
        found = np.nansum(x, axis=1)
    return found


def _sorted(x: F64) -> tuple[F64, NDArray[np.int64]]:
    """Each row in ascending order, NaN last, and its number of known values."""
    return np.sort(x, axis=1), (~np.isnan(x)).sum(axis=1)


def _quantile(ordered: F64, count: NDArray[np.int64], q: float) -> F64:
    """Quantile of each row by linear interpolation; NaN for a row without values."""
    if not ordered.shape[1]:
        return np.full(len(ordered), np.nan)
    at = q * np.maximum(count - 1, 0)
    low = at.astype(np.int64)
    rows = np.arange(len(ordered))
    below, above = ordered[rows, low], ordered[rows, np.minimum(low + 1, np.maximum(count - 1, 0))]
    found: F64 = below + (above - below) * (at - low)
    return found


def _wander(x: F64) -> F64:
    """How far a drifting indicator goes by itself: root mean square of the change from one sixth of the time before to another one, at
    the distance (one to four sixths) where it is largest. A random walk goes the farther the longer it walks, noise does not (the
    variogram, Matheron 1963); the window lies three sixths and more from the middle of what it is compared with."""
    starts = np.unique(np.linspace(0, x.shape[1], BLOCKS, endpoint=False).astype(np.int64))
    known = ~np.isnan(x)
    count = np.add.reduceat(known.astype(np.float64), starts, axis=1)
    means = np.add.reduceat(x if known.all() else np.where(known, x, 0.0), starts, axis=1) / np.where(count > 0, count, np.nan)
    found = np.zeros(len(x))
    for lag in range(1, min(FARTHEST, means.shape[1] - 1) + 1):
        steps = (means[:, lag:] - means[:, :-lag]) ** 2
        found = np.fmax(found, np.sqrt(_sum(steps) / np.maximum((~np.isnan(steps)).sum(axis=1), 1)))
    return found
