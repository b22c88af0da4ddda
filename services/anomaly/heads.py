"""The two heads: what a sample looks like to the near past (point) and to all of the past (novelty)."""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.online.compile import kernel
from services.anomaly.state import BINS, RING, Tuning

DAY_MS = 86_400_000
FORGET_POINT = 1.0 - 1.0 / 5000.0
FAST = 0.1
FORGET_RANGE = 0.5 ** (1.0 / 10_000.0)
POINT_BOUNDARY = 6.0
NOVELTY_BOUNDARY = 3.6


@kernel
def score_point(s: Any, x: float, base: float, tuning: Tuning) -> float:
    """Residuals to the fast mean and to the profile over their own long-run root mean square."""
    if s.learned < tuning.warm_up or s.weight <= 0.0:
        return 0.0
    score = 0.0
    if s.square_fast > 0.0:
        score += (x - s.level) ** 2 / (s.square_fast / s.weight)
    if s.square_profile > 0.0:
        score += (x - base) ** 2 / (s.square_profile / s.weight)
    return float(np.sqrt(0.5 * score))


@kernel
def learn_point(s: Any, x: float, base: float) -> None:
    """Fold one value into the means and squares of the point head."""
    e, r = x - s.level, x - base
    s.square_fast = s.square_fast * FORGET_POINT + e * e
    s.square_profile = s.square_profile * FORGET_POINT + r * r
    s.weight = s.weight * FORGET_POINT + 1.0
    s.level += FAST * e


@kernel
def novelty_of(s: Any, k: int, y: float, tuning: Tuning) -> float:
    """Alarm rate exponent of signal ``k`` at ``y``, and the range that learns it."""
    if s.seen[k] == 0:
        s.low[k] = s.high[k] = s.middle[k] = y
    s.seen[k] += 1
    beyond = max(y - s.high[k], s.low[k] - y, 0.0)
    width = s.high[k] - s.low[k]
    z = 0.0
    if beyond > 0.0 and width > 0.0 and s.learned >= tuning.warm_up + RING:
        z = max(0.0, 3.57 + 0.6 * np.log10(beyond / width / 0.1))
    s.middle[k] += (y - s.middle[k]) / min(s.seen[k], 1000.0)
    s.high[k] = max(y, s.middle[k] + (s.high[k] - s.middle[k]) * FORGET_RANGE)
    s.low[k] = min(y, s.middle[k] + (s.low[k] - s.middle[k]) * FORGET_RANGE)
    return z


@kernel
def push(s: Any, x: float, rest: float) -> None:
    """Put the newest value and its rest to the profile into the rings."""
    at = s.learned % RING
    s.ring[at] = x
    s.rest[at] = rest


@kernel
def score_novelty(s: Any, x: float, rest: float, tuning: Tuning) -> float:
    """Joined novelty of the six signals; call after ``push``."""
    mean16, rest16, slope = 0.0, 0.0, 0.0
    for j in range(16):
        at = (s.learned - j) % RING
        mean16 += s.ring[at]
        rest16 += s.rest[at]
        slope += (7.5 - j) * s.ring[at]
    total, square = 0.0, 0.0
    first = s.ring[0]
    for j in range(RING):
        d = s.ring[j] - first
        total += d
        square += d * d
    mean = total / RING
    var = max(square / RING - mean * mean, 0.0)
    power = novelty_of(s, 0, x, tuning) ** 4 + novelty_of(s, 2, rest, tuning) ** 4
    if s.learned >= 16:
        power += novelty_of(s, 1, mean16 / 16, tuning) ** 4 + novelty_of(s, 3, rest16 / 16, tuning) ** 4
        power += novelty_of(s, 4, slope / 340, tuning) ** 4
    if s.learned >= RING:
        spread = np.sqrt(var) + 1e-9 * abs(first) + 1e-300
        power += novelty_of(s, 5, np.log(spread), tuning) ** 4
    return float(power**0.25)


@kernel
def hold_back(s: Any, z: float, tuning: Tuning) -> float:
    """Refractory: within ``refractory`` samples after a spoken novelty only a larger one speaks."""
    s.held_for += 1
    if s.held_for > tuning.refractory:
        s.held = 0.0
    if z > s.held and z > 0.0:
        s.held = z
        s.held_for = 0
        return float(z)
    return 0.0


@kernel
def step(s: Any, ts: int, local_ms: int, x: float, tuning: Tuning) -> tuple[float, float, float, float, float, float]:
    """Judge one new value, then learn it: (score, expected, lower, upper, point, novelty)."""
    bin_ = int((local_ms % DAY_MS) * BINS // DAY_MS)
    if s.learned == 0:
        s.level = x
    base = s.profile[bin_] if s.visits[bin_] > 0 else s.level
    raw_point = score_point(s, x, base, tuning)
    near = np.sqrt(s.square_fast / s.weight) if s.weight > 0 else 0.0
    expected = s.level
    point = raw_point / POINT_BOUNDARY
    learn_point(s, x, base)
    push(s, x, x - base)
    novelty = hold_back(s, score_novelty(s, x, x - base, tuning), tuning) / NOVELTY_BOUNDARY
    s.visits[bin_] = min(s.visits[bin_] + 1, 60)
    s.profile[bin_] = base + (x - base) / s.visits[bin_]
    s.learned += 1
    band = POINT_BOUNDARY * near
    return max(point, novelty), expected, expected - band, expected + band, point, novelty
