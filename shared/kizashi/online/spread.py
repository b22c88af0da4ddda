"""How a fault spreads in time: the chance of seeing two services' first findings this far apart when one broke the other.

Model: the callee is hit at h; the caller is hit at h + D with D log-normal (median 30 s: one or two scrape intervals, time-outs and
queues filling; σ 0.6: nine in ten between 11 s and 80 s). Each finding about a hit service appears an exponential time (mean 30 s:
a debounce of a few samples) after the hit. The first of n findings is therefore late by Exp(30 s / n), and the gap between two first
findings has the density of D + Exp(30/n_caller) - Exp(30/n_callee), tabulated once for each pair of counts by convolution.
Cost: 40 kB a table, 0.4 µs a look-up.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HOP_MEDIAN_S = 30.0
HOP_SIGMA = 0.6
DETECT_S = 30.0
MOST_FINDINGS = 5
"""Beyond five findings the first one is late by under 6 s: no need for further tables."""
SIBLINGS = 0
"""As a number of hops: neither broke the other, both call the same silent third."""
_STEP_S = 1.0
_LOW_S, _HIGH_S = -240.0, 900.0
_FLOOR = 1e-12


@lru_cache(maxsize=64)
def _tables(hops: int, n_caller: int, n_callee: int) -> tuple[list[float], list[float]]:
    """Density per second and survival function of the gap on the grid; lists, since single look-ups in them are fastest."""
    t = np.arange(0.0, _HIGH_S - _LOW_S, _STEP_S) + _STEP_S / 2
    hop = np.exp(-0.5 * ((np.log(t) - math.log(HOP_MEDIAN_S)) / HOP_SIGMA) ** 2) / t
    hop /= hop.sum()
    late_caller, late_callee = _exponential(t, n_caller), _exponential(t, n_callee)
    gap = late_caller
    for _ in range(max(1, hops)):
        gap = np.convolve(gap, hop)[: len(t)]
    if hops == SIBLINGS:
        late_callee = np.convolve(late_callee, hop)[: len(t)]
    both = np.convolve(gap, late_callee[::-1])
    start = len(t) - 1 + int(_LOW_S / _STEP_S)
    density = both[start : start + len(t)]
    survival = density[::-1].cumsum()[::-1]
    return (density / _STEP_S).tolist(), np.minimum(1.0, survival).tolist()


def _exponential(t: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    p = np.exp(-t * n / DETECT_S)
    weights: NDArray[np.float64] = p / p.sum()
    return weights


def gap_density(gap_s: float, n_caller: int = 1, n_callee: int = 1, hops: int = 1) -> float:
    """Density (1/s) of ``first caller finding - first callee finding`` when the fault travelled ``hops`` edges. Never 0."""
    i = int((gap_s - _LOW_S) / _STEP_S)
    table = _tables(hops, min(max(n_caller, 1), MOST_FINDINGS), min(max(n_callee, 1), MOST_FINDINGS))[0]
    return table[i] + _FLOOR if 0 <= i < len(table) else _FLOOR


def still_silent(gap_s: float, n_callee: int = 1, hops: int = 1) -> float:
    """Chance that a caller that was hit has no finding yet, ``gap_s`` after the callee's first one."""
    i = int((gap_s - _LOW_S) / _STEP_S)
    if i < 0:
        return 1.0
    table = _tables(hops, 2, min(max(n_callee, 1), MOST_FINDINGS))[1]
    return table[i] if i < len(table) else 0.0


def same_hit_density(gap_s: float) -> float:
    """Density (1/s) of a further finding about a service ``gap_s`` after its first one, when both have the same cause."""
    return math.exp(-max(0.0, gap_s) / DETECT_S) / DETECT_S
