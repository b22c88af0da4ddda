"""The panel: which members vote, with which settings, and how their votes become one forecast with bands.

Votes are joined by the weighted *median*, not the mean: it is the minimiser of the absolute error that forecasts are judged by, and one
member that has lost its way on a spike cannot pull it (measured on both sets, see docs/decisions/0020-forecast-panel.md).
Bands are conformal: quantiles of the panel's own past errors, pooled over steps after scaling by each step's typical error.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kizashi.online.compile import kernel
from services.forecast import members as m_

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

MEMBERS: tuple[str, ...] = (
    "last_value",
    "seasonal_naive",
    "seasonal_mean",
    "linear_regression",
    "holt_winters",
    "theta",
    "ar_season",
    "ar_season_week",
    "ar_season_difference",
    "ar_week_difference",
    "ar_short",
    "ar_octaves",
    "analogue",
    "phase_median",
    "median_short",
    "median_long",
)
"""Names in the order of the rows that ``vote`` writes."""

GROUPS: tuple[tuple[int, int], ...] = ((0, 6), (6, 24), (24, 1 << 30))
"""Steps ahead that share a weight: what is best an hour ahead is rarely best two days ahead."""

POWER = 6.0
"""Weight = error ** -POWER. Between averaging all (0) and the champion alone (∞); flat between 4 and 8 on both public sets."""
MEMORY = 0.9
"""A track record forgets a tenth with each trial: about ten trials, ten days of hourly values."""
BAND_MEMORY = 0.95
TRIALS = 20
"""Past trials whose errors make the bands."""

_LONG = np.array([1, 2, 3, 4, 5, 6], np.int64)
_AROUND = np.array([-2, -1, 0, 1, 2], np.int64)
_SHORT = np.arange(1, 13)
_OCTAVES = np.array([1, 2, 3, 6, 12, 24, 48, 96], np.int64)
FOR_EVER = 1e9


@kernel
def _week_lags(m: int, week: int) -> I64:
    """1…6, around one season, two and (when the window holds two weeks and a bit) 3…6 seasons and around the week."""
    out = np.empty(23, np.int64)
    out[:6] = _LONG
    out[6:11] = _AROUND + m
    out[11:14] = _AROUND[1:4] + 2 * m
    if week == 0:
        return out[:14].copy()
    for j in range(4):
        out[14 + j] = (3 + j) * m
    out[18:23] = _AROUND + week
    return out


@kernel
def vote(y: F64, h: int, m: int, week: int, out: F64) -> None:
    """All members' next ``h`` values after the window ``y`` (n ≥ 1, centred and scaled) into ``out`` (len(MEMBERS), h).

    ``m`` is the season and ``week`` seven of them, in values. About 0.3 ms for 840 values on one 2020s core.
    """
    n = len(y)
    two_weeks = n >= 2 * week + 60
    w = week if n >= 2 * week else m
    m_.last_value(y, h, out[0])
    m_.seasonal_naive(y, h, m, out[1])
    m_.seasonal_mean(y, h, m, 0.6, 0.5, out[2])
    m_.linear_regression(y, h, m, 6, out[3])
    m_.holt_winters(y, h, m, out[4])
    m_.theta(y, h, m, 0.9, 0.1, out[5])
    near = np.array([1, 2, 3, m - 1, m, m + 1])
    m_.autoregression(y, h, near, 0, 1.0, 400.0, out[6])
    m_.autoregression(y, h, _week_lags(m, week if two_weeks else 0), 0, 1.0, FOR_EVER, out[7])
    m_.autoregression(y, h, np.array([1, 2, 3, m]), m, 1.0, 400.0, out[8])
    m_.autoregression(y, h, np.array([1, 2, 3, m, m + 1]), w, 1.0, 400.0, out[9])
    m_.autoregression(y, h, _SHORT, 0, 1.0, FOR_EVER, out[10])
    m_.autoregression(y, h, _OCTAVES, 0, 1.0, FOR_EVER, out[11])
    m_.analogue(y, h, m, 3, out[12])
    m_.phase_median(y, h, w, m // 96, out[13])
    m_.recent_median(y, h, 24, out[14])
    m_.recent_median(y, h, 288, out[15])


@kernel
def join(votes: F64, weights: F64, bounds: I64, out: F64) -> None:
    """Weighted median of the members, step by step. votes (K, h); weights (K, groups); ``bounds`` is the first step of each group."""
    K, h = votes.shape
    group = 0
    for k in range(h):
        while group + 1 < len(bounds) and k >= bounds[group + 1]:
            group += 1
        order = np.argsort(votes[:, k])
        total = np.sum(weights[:, group])
        before, position, value = 0.0, 0.0, votes[order[0], k]
        for r in range(K):
            w = weights[order[r], group]
            here = before + 0.5 * w
            v = votes[order[r], k]
            if here >= 0.5 * total:
                share = (0.5 * total - position) / (here - position) if r > 0 and here > position else 1.0
                value = value + share * (v - value)
                break
            before += w
            position, value = here, v
        out[k] = value


@kernel
def weigh(errors: F64, out: F64) -> None:
    """Weights (K, groups) from mean absolute errors (K, groups): error ** -POWER, 1 for the best of a group."""
    K, groups = errors.shape
    for g in range(groups):
        mean = np.mean(errors[:, g])
        least = np.min(errors[:, g]) + 0.02 * mean + 1e-300
        for i in range(K):
            out[i, g] = (least / (errors[i, g] + 0.02 * mean + 1e-300)) ** POWER


@kernel
def band_quantiles(trials: F64, levels: F64, out: F64) -> None:
    """Error quantiles by step from past trials: trials (R, h), oldest first; out (levels, h).

    Each step's typical error is a decayed mean over trials, smoothed over seven steps; the scaled errors of all steps are pooled. Levels
    are widened by half a trial over their effective number: the finite-sample correction of conformal prediction (Vovk et al. 2005),
    halved, since the steps within a trial add information.
    """
    R, h = trials.shape
    weight = BAND_MEMORY ** np.arange(R - 1, -1, -1.0)
    weight /= np.sum(weight)
    raw, step = np.zeros(h), np.zeros(h)
    for r in range(R):
        for k in range(h):
            raw[k] += weight[r] * abs(trials[r, k])
    for k in range(h):
        low, high = max(0, k - 3), min(h, k + 4)
        step[k] = np.mean(raw[low:high]) + 1e-300
    scaled, mass = np.empty(R * h), np.empty(R * h)
    for r in range(R):
        for k in range(h):
            scaled[r * h + k] = trials[r, k] / step[k]
            mass[r * h + k] = weight[r] / h
    order = np.argsort(scaled)
    ordered, place, run = scaled[order], np.empty(R * h), 0.0
    for i in range(R * h):
        run += mass[order[i]]
        place[i] = run - 0.5 * mass[order[i]]
    effective = 1.0 / np.sum(weight * weight)
    for i in range(len(levels)):
        off = (levels[i] - 0.5) * (effective + 0.5) / effective
        z = np.interp(0.5 + min(max(off, -0.5), 0.5), place, ordered)
        for k in range(h):
            out[i, k] = z * step[k]
