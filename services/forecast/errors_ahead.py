"""How many requests of a service will fail: a base error rate that drifts, and bursts.

A hidden two-state process, filtered hour by hour (Hamilton 1989). Quiet hours fail at a base rate, gamma-distributed and slowly forgotten;
a burst adds a log-normal excess rate. How often bursts begin, how long they last and how deep they go is learned by conjugate updates with
the filter's probabilities; until then broad priors speak, which are set by what on-call practice calls an incident, not by data.

The future is 600 paths: each draws its own parameters from what is known (so ignorance widens the answer) and lives through the hours left.
Cost: 2 µs an hour learned, 1-2 ms a question; 59 numbers of state.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kizashi.online.compile import kernel
from services.forecast.draws import gamma, normal, uniform

F64 = NDArray[np.float64]

DAY_HOURS = 24
PATHS = 600

ENTRY_SHAPE, ENTRY_HOURS = 5.0, 600.0
"""Prior: a burst about once in five days, believed as much as twenty-five days of watching."""
STAY_SHAPE, LEAVE_SHAPE = 15.0, 5.0
"""Prior: a burst lasts about four hours, believed as much as five of them."""
DEPTH_BURN, DEPTH_SIGMA, DEPTH_WEIGHT = 9.3, 1.2, 10.0
"""Prior: a burst burns at 9.3 times the sustainable rate, the geometric mean of the paging burn rates 6 and 14.4; ten hours' worth."""
BASE_SHARE, BASE_SHAPE = 0.33, 0.5
"""Prior: a third of the objective's error rate, known no better than from half an error."""
FORGET_HOURS = 72.0
"""Half-life of the base rate's evidence: three days, so that a new release shows within a day or two."""
DRIFT = 0.1 / math.sqrt(24.0)
"""Standard deviation of the base rate's logarithm over an hour: a tenth a day."""

# places in the state vector
_A, _B, _BURST, _ENTRIES, _QUIET, _STAYS, _LEAVES, _W, _WX, _WXX, _HOURS = range(11)
_TRAFFIC, _SEEN = 11, 35
SIZE = 59

_NODES, _MASS = np.polynomial.hermite_e.hermegauss(9)
_MASS = _MASS / _MASS.sum()


def new_process(objective: float) -> F64:
    """State (SIZE,) before the first hour; ``objective`` is the share of good requests, below 1."""
    s = np.zeros(SIZE)
    s[_A], s[_B] = BASE_SHAPE, BASE_SHAPE / (BASE_SHARE * (1.0 - objective))
    s[_ENTRIES], s[_QUIET], s[_STAYS], s[_LEAVES] = ENTRY_SHAPE, ENTRY_HOURS, STAY_SHAPE, LEAVE_SHAPE
    return s


@kernel
def depth_of(s: F64, allowed: float) -> tuple[float, float, float]:
    """Posterior of the log excess rate of a burst hour: mean, variance and weight. ``allowed`` = 1 - objective."""
    centre = math.log(DEPTH_BURN * allowed)
    weight = DEPTH_WEIGHT + s[_W]
    mean = (DEPTH_WEIGHT * centre + s[_WX]) / weight
    about = s[_WXX] - 2.0 * mean * s[_WX] + mean * mean * s[_W]
    variance = (DEPTH_WEIGHT * DEPTH_SIGMA**2 + max(about, 0.0) + DEPTH_WEIGHT * (centre - mean) ** 2) / weight
    return mean, variance, weight


@kernel
def learn_hour(s: F64, total: float, bad: float, allowed: float) -> float:
    """Learn one hour's requests and failures; returns the probability that it belonged to a burst. An hour without traffic says nothing."""
    phase = int(s[_HOURS]) % DAY_HOURS
    before = s[_BURST]
    s[_HOURS] += 1.0
    s[_TRAFFIC + phase] += total
    s[_SEEN + phase] += 1.0
    if total <= 0.0:
        return float(before)
    base = s[_A] / s[_B]
    quiet = (
        math.lgamma(bad + s[_A]) - math.lgamma(s[_A]) + s[_A] * math.log(s[_B] / (s[_B] + total)) + bad * math.log(total / (s[_B] + total))
    )
    mean, variance, _ = depth_of(s, allowed)
    log_burst, terms = -np.inf, np.empty(len(_NODES))
    for i in range(len(_NODES)):
        expected = total * (base + math.exp(mean + math.sqrt(variance) * _NODES[i]))
        terms[i] = bad * math.log(expected) - expected
        log_burst = max(log_burst, terms[i])
    likelihood = 0.0
    for i in range(len(_NODES)):
        likelihood += _MASS[i] * math.exp(terms[i] - log_burst)
    log_burst += math.log(likelihood)
    prior = before * s[_STAYS] / (s[_STAYS] + s[_LEAVES]) + (1.0 - before) * s[_ENTRIES] / s[_QUIET]
    odds = math.exp(min(max(log_burst - quiet, -500.0), 500.0)) * prior / (1.0 - prior)
    p = odds / (1.0 + odds)
    _learn_transition(s, before, p)
    if p > 0.02:
        x = math.log(max(bad / total - base, 0.2 * base, 1e-12))
        s[_W] += p
        s[_WX] += p * x
        s[_WXX] += p * x * x
    keep = 0.5 ** (1.0 / FORGET_HOURS)
    s[_A] = max(keep * s[_A] + (1.0 - p) * bad, 0.3)
    s[_B] = keep * s[_B] + (1.0 - p) * total
    s[_BURST] = p
    return float(p)


@kernel
def _learn_transition(s: F64, before: float, now: float) -> None:
    s[_STAYS] += before * now
    s[_LEAVES] += before * (1.0 - now)
    s[_ENTRIES] += (1.0 - before) * now
    s[_QUIET] += 1.0 - before


@kernel
def traffic_ahead(s: F64, hours: int) -> F64:
    """Expected requests in each of the next ``hours``: the mean of the same hour of the day, of all hours where that is unknown."""
    seen = total = 0.0
    for i in range(DAY_HOURS):
        seen += s[_SEEN + i]
        total += s[_TRAFFIC + i]
    out = np.empty(hours)
    for k in range(hours):
        i = (int(s[_HOURS]) + k) % DAY_HOURS
        out[k] = s[_TRAFFIC + i] / s[_SEEN + i] if s[_SEEN + i] > 0.0 else total / max(seen, 1.0)
    return out


@kernel
def live_through(s: F64, traffic: F64, allowed: float, room: float, seed: int) -> F64:
    """Paths through the next hours: for each (PATHS,) the first hour (1 … h) at whose end more than ``room`` failures came, inf for none.

    ``traffic`` (h,) is the expected number of requests, ``allowed`` = 1 - objective.
    """
    h, start = len(traffic), int(s[_HOURS])
    gone = np.full(PATHS, np.inf)
    mean, variance, weight = depth_of(s, allowed)
    for d in range(PATHS):
        base = gamma(seed, d, 1, s[_A]) / s[_B]
        entry = min(gamma(seed, d, 2, s[_ENTRIES]) / s[_QUIET], 0.5)
        stays, leaves = gamma(seed, d, 3, s[_STAYS]), gamma(seed, d, 4, s[_LEAVES])
        stay = min(stays / (stays + leaves + 1e-300), 0.999)
        sigma = math.sqrt(variance * weight / (2.0 * gamma(seed, d, 5, 0.5 * (weight + 1.0)) + 1e-3))
        mu = mean + sigma / math.sqrt(weight) * normal(seed, d, 10_000)
        burst = uniform(seed, d, 30_000) < s[_BURST]
        # counting noise: expected failures e exceed the room when e + z sqrt(e) does, that is when e exceeds ``enough``
        z = normal(seed, d, 20_000)
        enough = (0.5 * (math.sqrt(z * z + 4.0 * room) - z)) ** 2
        run = 0.0
        for k in range(h):
            at = 40_000 + 8 * (start + k)
            burst = uniform(seed, d, at) < (stay if burst else entry)
            if (start + k) % DAY_HOURS == 0:
                base *= math.exp(DRIFT * math.sqrt(24.0) * normal(seed, d, at + 1))
            rate = base
            if burst:
                rate += math.exp(min(mu + sigma * normal(seed, d, at + 2), 0.0))
            run += min(rate, 1.0) * traffic[k]
            if run > enough:
                gone[d] = k + 1.0
                break
    return gone
