"""When does a resource run out? First passage of a level with uncertain growth over a threshold.

Blocks of one season are averaged away from their daily shape; their growth per block has a robust mean (Theil-Sen 1968) with a
standard error and a spread. The level is taken as a Wiener process with that drift, whose first passage has the inverse Gaussian
distribution (Schrödinger 1915); the drift's own uncertainty is integrated over by 15-point Gauss-Hermite quadrature. Within the horizon
of a reliable forecast the panel's quantiles say more than the drift and are used instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from kizashi.online.climb import climb_of

F64 = NDArray[np.float64]

FARTHEST = 400.0
"""Blocks looked ahead: beyond it "not in sight" is the honest answer."""
CREST = 0.9
"""Share of the within-block deviations that count as its crest: the daily peak meets the threshold, not the daily mean."""

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
GRID = 240
"""Points in time between a hundredth of a block and the farthest, in equal ratios: 4.5 % apart, interpolated between."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Growth:
    """Per-block growth of a window: drift and its standard error, spread of the increments, level with crest now; ``block`` in values."""

    block: int
    level: float
    drift: float
    drift_error: float
    spread: float


@dataclass(frozen=True)
class Passage:
    """Steps until the threshold is met: quantiles at .1, .25, .5, .75, .9 (``inf``: not in sight), and P(met within the horizon)."""

    quantiles: tuple[float, float, float, float, float]
    probability: float
    growth_per_step: float


def growth_of(y: F64, season: int) -> Growth | None:
    """Growth of a window (n,); None with fewer than eight values. Blocks are seasons, or an eighth of a window shorter than six seasons."""
    n = len(y)
    if n < 8:
        return None
    block = season if n >= 6 * season else max(1, n // 8)
    count = n // block
    parts = y[n - count * block :].reshape(count, block)
    means = parts.mean(1)
    i, j = np.triu_indices(count, 1)
    drift = float(np.median((means[j] - means[i]) / (j - i)))
    steps = np.diff(means) - drift
    spread = float(np.sqrt(np.mean(steps**2)))
    shape = parts - means[:, None] - drift * ((np.arange(block) + 0.5) / block - 0.5)
    crest = float(np.quantile(shape, CREST)) if block > 1 else 0.0
    now = float(means[-1]) + drift * 0.5
    # an average over a block moves less than the path itself: 2/3 of the variance (Working 1960)
    spread *= math.sqrt(1.5) if block > 1 else 1.0
    return Growth(block, now + crest, drift, spread / math.sqrt(max(1, count - 1)), spread)


def passage(
    y: F64, season: int, threshold: float, horizon: float, *, rising: bool = True, growth: float = 1.0, near: F64 | None = None
) -> Passage | None:
    """First passage of window ``y`` over ``threshold`` (under it when not ``rising``); None when the window is too short.

    ``growth`` multiplies the drift ("what if it grew 30 % faster": 1.3). ``near`` (h,) is P(met by step k) as a reliable forecast
    has it, or a climb; it replaces the drift's answer for the first h steps.
    """
    sign = 1.0 if rising else -1.0
    g = growth_of(sign * y, season)
    if g is None:
        return None
    drift = g.drift * growth
    if sign * float(y[-1]) >= sign * threshold:
        return Passage((0.0, 0.0, 0.0, 0.0, 0.0), 1.0, sign * drift / g.block)
    distance = max(sign * threshold - g.level, 1e-9 * (abs(threshold) + 1.0))

    blocks = np.geomspace(0.01, FARTHEST, GRID)
    met = _met_by(blocks, distance, drift, g.drift_error, g.spread)
    steps = blocks * g.block
    if near is not None and len(near):
        met = _with_near(steps, met, near)
    found = [float(np.interp(p, met, steps)) if met[-1] >= p else math.inf for p in QUANTILES]
    return Passage(
        (found[0], found[1], found[2], found[3], found[4]), float(np.interp(horizon, steps, met, left=0.0)), sign * drift / g.block
    )


def crossing(quantiles: F64, levels: F64, threshold: float, rising: bool = True) -> F64:
    """P(met by step k), (h,), from forecast quantiles (levels, h): the running maximum of P(beyond the threshold at step k)."""
    h = quantiles.shape[1]
    beyond = np.empty(h)
    for k in range(h):
        column = np.maximum.accumulate(quantiles[:, k])
        under = float(np.interp(threshold, column, levels, left=0.0, right=1.0)) if column[-1] > column[0] else float(column[0] < threshold)
        beyond[k] = 1.0 - under if rising else under
    return np.asarray(np.maximum.accumulate(beyond))


def _with_near(steps: F64, met: F64, near: F64) -> F64:
    """The reliable forecast's probabilities for its h steps, then the drift's, given that nothing was met before."""
    h = len(near)
    at_h = float(np.interp(h, steps, met))
    beyond = near[-1] + (1.0 - near[-1]) * (met - at_h) / max(1e-9, 1.0 - at_h)
    within = np.interp(steps, np.arange(h + 1), np.r_[0.0, near])
    return np.asarray(np.maximum.accumulate(np.where(steps <= h, within, np.maximum(beyond, near[-1]))))


def _met_by(t: F64, distance: float, drift: float, error: float, spread: float) -> F64:
    """P(first passage ≤ t blocks) for every t (n,), the drift being normal with standard error ``error``."""
    mu = (drift + error * _NODES)[None, :]
    if spread <= 1e-9 * distance:
        return np.asarray(((mu > 0) & (mu * t[:, None] >= distance)) @ _WEIGHTS)
    root = spread * np.sqrt(t)[:, None]
    first = ndtr((mu * t[:, None] - distance) / root)
    second = np.exp(np.minimum(2.0 * mu * distance / spread**2 + log_ndtr(-(mu * t[:, None] + distance) / root), 0.0))
    return np.asarray(np.maximum.accumulate(np.minimum(first + second, 1.0) @ _WEIGHTS))


@dataclass(frozen=True)
class WhatIf:
    """A forecast that grows ``growth`` times as fast: its quantiles (levels, h), and when the threshold is met, before and after.

    ``before`` and ``after`` are None without a threshold or with fewer than eight values.
    """

    quantiles: F64
    growth_per_step: float
    before: Passage | None
    after: Passage | None


def what_if(
    y: F64, season: int, quantiles: F64, levels: F64, growth: float, threshold: float | None, horizon: float, *, rising: bool = True
) -> WhatIf:
    """What if a series (n,) grew ``growth`` times as fast as it does: 1.3 is 30 % faster.

    ``quantiles`` (levels, h) is its forecast as published when the last value of ``y`` was known. Only the drift is multiplied:
    season and spread stay as they are.
    """
    found, climb = growth_of(y, season), climb_of(y, season, rising=rising)
    drift = found.drift / found.block if found is not None else 0.0
    if climb is not None:
        drift = climb.slope if rising else -climb.slope
    steps = np.arange(1, quantiles.shape[1] + 1)
    grown = quantiles + (growth - 1.0) * drift * steps
    if threshold is None:
        return WhatIf(grown, growth * drift, None, None)

    def meets(q: F64, factor: float) -> Passage | None:
        near = crossing(q, levels, threshold, rising) if climb is None else climb.met(threshold if rising else -threshold, factor)
        met = passage(y, season, threshold, horizon, rising=rising, growth=factor, near=near)
        return None if met is None else replace(met, growth_per_step=factor * drift)

    return WhatIf(grown, growth * drift, meets(quantiles, 1.0), meets(grown, growth))
