"""The memory of one series in one tier, as arrays over all series, and the kernels that change it.

Values are kept as float32 differences to an ``anchor`` (float64), so that 1e12 + 3 keeps its 3; errors of past trials as int16 in a
unit of their own. With 48 steps a series costs 6.2 kB, less than five weeks of hourly float64 values (6.7 kB).
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from kizashi.online.compile import kernel
from services.forecast.config import WINDOW
from services.forecast.panel import GROUPS, MEMBERS, MEMORY, TRIALS, band_quantiles, join, vote, weigh

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

COPY_ROWS = 256
"""Rows looked at together: half a megabyte of trials."""
FEWEST = 24
"""Values before the origin of the first trial: with less no member says more than the last value."""


class Records(NamedTuple):
    """Columns over slots (S): see the field comments. K members, G horizon groups, T trials, h steps."""

    ring: NDArray[np.float32]  # (S, WINDOW) values minus the anchor, value number i at i % WINDOW
    anchor: F64  # (S,)
    seen: I64  # (S,) values learned
    bucket: I64  # (S,) number of the newest bucket
    errors: NDArray[np.float32]  # (S, 2, K, G) mean absolute errors by member: now, and one trial ago
    own: NDArray[np.float32]  # (S, G) the same of the published forecast
    trial: NDArray[np.int16]  # (S, T, h) signed errors of past trials in units of ``unit``, trial number i at i % T
    unit: F64  # (S,)
    trials: I64  # (S,)
    kept: NDArray[np.float32]  # (S, 3, h) the forecast under observation: mean, lower and upper 95 %, minus the anchor
    kept_at: I64  # (S,) ``seen`` when it was made, -1 when there is none
    hit: NDArray[np.float32]  # (S,) decayed share of values inside the published 95 % band


def new_records(slots: int, horizon: int) -> Records:
    """Empty records for ``slots`` series with ``horizon`` steps."""
    K, G = len(MEMBERS), len(GROUPS)
    return Records(
        np.zeros((slots, WINDOW), np.float32),
        np.zeros(slots),
        np.zeros(slots, np.int64),
        np.full(slots, -1, np.int64),
        np.zeros((slots, 2, K, G), np.float32),
        np.zeros((slots, G), np.float32),
        np.zeros((slots, TRIALS, horizon), np.int16),
        np.ones(slots),
        np.zeros(slots, np.int64),
        np.zeros((slots, 3, horizon), np.float32),
        np.full(slots, -1, np.int64),
        np.full(slots, 0.95, np.float32),
    )


def columns(records: Records) -> list[NDArray[Any]]:
    """The arrays, for what treats them all alike."""
    return list(cast("tuple[NDArray[Any], ...]", records))


def grown(records: Records, slots: int) -> Records:
    """The same records with room for ``slots`` series. A slot nobody has used costs no memory, only addresses."""
    fresh = new_records(slots, records.kept.shape[2])
    for old, new in zip(columns(records), columns(fresh), strict=True):
        copy_filled(old, new)
    return fresh


def copy_filled(old: NDArray[Any], new: NDArray[Any]) -> None:
    """Copy ``old`` (n, …) to the first n rows of ``new``, bit for bit, without writing zeros over zeros.

    The system gives a page of fresh zeros memory at its first write: series too young for a trial do without the room for 20 of them.
    """
    for at in range(0, len(old), COPY_ROWS):
        ours, theirs = old[at : at + COPY_ROWS], new[at : at + min(COPY_ROWS, len(old) - at)]
        if ours.view(np.uint8).any() or theirs.view(np.uint8).any():  # bytes, since -0.0 is a value
            theirs[...] = ours


def bytes_per_series(records: Records) -> int:
    """Bytes that one series takes."""
    return sum(a.nbytes for a in columns(records)) // len(records.seen)


@kernel
def window(r: Records, s: int, drop: int) -> F64:
    """Newest values of slot ``s`` without the last ``drop``, oldest first, as float64."""
    n = r.seen[s]
    size = min(n, WINDOW) - drop
    out = np.empty(size)
    for i in range(size):
        out[i] = r.anchor[s] + r.ring[s, (n - drop - size + i) % WINDOW]
    return out


@kernel
def learn(r: Records, s: int, bucket: int, value: float, m: int, week: int, bounds: I64, turn: int) -> int:
    """Learn the mean of one bucket; gaps are bridged by the season. Returns the number of values learned, 0 for a repeat or late one.

    A trial (forecast from h values ago, judged by what came since) takes place every h/2 values, shifted by ``turn``.
    """
    h = r.kept.shape[2]
    if r.seen[s] > 0 and bucket <= r.bucket[s]:
        return 0
    gap = bucket - r.bucket[s] - 1 if r.seen[s] > 0 else 0
    if gap > WINDOW // 4:
        forget(r, s)
        gap = 0
    for _ in range(gap):
        n = r.seen[s]
        back = m if n >= m else 1
        _push(r, s, r.anchor[s] + r.ring[s, (n - back) % WINDOW])
    _push(r, s, value)
    r.bucket[s] = bucket
    every = max(1, h // 2)
    for i in range(gap + 1):
        if (r.seen[s] - i + turn) % every == 0 and r.seen[s] >= h + FEWEST:
            _trial(r, s, m, week, bounds)
            break
    return gap + 1


@kernel
def forget(r: Records, s: int) -> None:
    """Start the series anew."""
    r.seen[s], r.trials[s], r.kept_at[s], r.unit[s], r.hit[s], r.bucket[s] = 0, 0, -1, 1.0, 0.95, -1
    r.errors[s] = 0.0
    r.own[s] = 0.0


@kernel
def _push(r: Records, s: int, value: float) -> None:
    n = r.seen[s]
    if n == 0:
        r.anchor[s] = value
    r.ring[s, n % WINDOW] = value - r.anchor[s]
    r.seen[s] = n + 1
    if (n + 1) % WINDOW == 0:
        _drop_anchor(r, s)


@kernel
def _drop_anchor(r: Records, s: int) -> None:
    """Move the anchor to the mean of a full window, once a window: a series that has wandered off keeps its digits."""
    shift = 0.0
    for i in range(WINDOW):
        shift += r.ring[s, i] / WINDOW
    r.anchor[s] += shift
    for i in range(WINDOW):
        r.ring[s, i] = r.ring[s, i] - shift
    for k in range(r.kept.shape[2]):
        for j in range(3):
            r.kept[s, j, k] = r.kept[s, j, k] - shift


@kernel
def votes_of(y: F64, h: int, m: int, week: int) -> F64:
    """All members' forecasts (K, h) after ``y``, in its own units. A constant window is continued by all."""
    votes = np.empty((len(MEMBERS), h))
    centre, scale = np.mean(y), np.std(y)
    if not scale > 1e-12 * abs(centre):
        votes[:] = y[-1]
        return votes
    vote((y - centre) / scale, h, m, week, votes)
    for i in range(votes.shape[0]):
        for k in range(h):
            v = centre + scale * votes[i, k]
            votes[i, k] = v if np.isfinite(v) else y[-1]
    return votes


@kernel
def joined(r: Records, s: int, votes: F64, age: int, bounds: I64, floor: float) -> F64:
    """The panel's forecast (h,) with the weights of now (``age`` 0) or of one trial ago (1), not below ``floor``."""
    K, G = votes.shape[0], len(bounds)
    weights, out = np.ones((K, G)), np.empty(votes.shape[1])
    if r.trials[s] > age:
        weigh(r.errors[s, age].astype(np.float64), weights)
    join(votes, weights, bounds, out)
    for k in range(len(out)):
        out[k] = max(out[k], floor)
    return out


@kernel
def floor_of(y: F64) -> float:
    """0 for values that never were negative, else none: a rate or a size does not fall below zero."""
    return 0.0 if np.min(y) >= 0.0 else -np.inf


@kernel
def _trial(r: Records, s: int, m: int, week: int, bounds: I64) -> None:
    """Forecast from h values ago with the weights known then, and learn from what came."""
    h, K, G = r.kept.shape[2], r.errors.shape[2], len(bounds)
    y = window(r, s, h)
    votes = votes_of(y, h, m, week)
    mine = joined(r, s, votes, 1, bounds, floor_of(y))
    n, first = r.seen[s], r.trials[s] == 0
    sums, own, size = np.zeros((K, G)), np.zeros(G), np.zeros(G)
    errors = np.empty(h)
    for k in range(h):
        g = 0
        while g + 1 < G and k >= bounds[g + 1]:
            g += 1
        actual = r.anchor[s] + r.ring[s, (n - h + k) % WINDOW]
        errors[k] = actual - mine[k]
        size[g] += 1.0
        own[g] += abs(errors[k])
        for i in range(K):
            sums[i, g] += abs(actual - votes[i, k])
    for g in range(G):
        if size[g] == 0.0:
            continue
        r.own[s, g] = own[g] / size[g] if first else MEMORY * r.own[s, g] + (1.0 - MEMORY) * own[g] / size[g]
        for i in range(K):
            e = sums[i, g] / size[g]
            r.errors[s, 1, i, g] = r.errors[s, 0, i, g]
            r.errors[s, 0, i, g] = e if first else MEMORY * r.errors[s, 0, i, g] + (1.0 - MEMORY) * e
    _store_trial(r, s, errors)


@kernel
def _store_trial(r: Records, s: int, errors: F64) -> None:
    """Keep the signed errors as int16; the unit follows the largest error kept."""
    T, h = r.trial.shape[1], r.trial.shape[2]
    top = np.max(np.abs(errors))
    used = min(r.trials[s], T)
    if top > 32000.0 * r.unit[s] or r.trials[s] == 0 or r.trials[s] % T == 0:
        old, largest = r.unit[s], top
        for t in range(used):
            for k in range(h):
                largest = max(largest, abs(old * r.trial[s, t, k]))
        r.unit[s] = largest / 32000.0 if largest > 0.0 else 1e-300
        for t in range(used):
            for k in range(h):
                r.trial[s, t, k] = np.int16(np.rint(old * r.trial[s, t, k] / r.unit[s]))
    at = r.trials[s] % T
    for k in range(h):
        r.trial[s, at, k] = np.int16(np.rint(errors[k] / r.unit[s]))
    r.trials[s] += 1


@kernel
def predict(r: Records, s: int, m: int, week: int, bounds: I64, levels: F64, normal: F64, out: F64) -> None:
    """Mean and quantiles of the next h values into ``out`` (1 + levels, h).

    Bands are rounded outward to the resolution of what is stored, so that a value that repeats exactly lies inside its own band.
    Before the first trial the bands are those of a random walk with the window's one-step differences; ``normal`` holds the normal
    quantiles of ``levels``.
    """
    h, T = r.kept.shape[2], r.trial.shape[1]
    y = window(r, s, 0)
    floor = floor_of(y)
    mine = joined(r, s, votes_of(y, h, m, week), 0, bounds, floor)
    used = min(r.trials[s], T)
    bands = np.empty((len(levels), h))
    if used > 0:
        past = np.empty((used, h))
        for t in range(used):
            at = (r.trials[s] - used + t) % T
            for k in range(h):
                past[t, k] = r.unit[s] * r.trial[s, at, k]
        band_quantiles(past, levels, bands)
    else:
        sd = np.std(np.diff(y)) if len(y) > 2 else 0.0
        for i in range(len(levels)):
            for k in range(h):
                bands[i, k] = normal[i] * sd * np.sqrt(k + 1.0)
    grain = (r.unit[s] if used > 0 else 0.0) + 1.2e-7 * np.max(np.abs(y - r.anchor[s]))
    for k in range(h):
        out[0, k] = mine[k]
        for i in range(len(levels)):
            out[1 + i, k] = max(mine[k] + bands[i, k] + np.sign(normal[i]) * grain, floor)
