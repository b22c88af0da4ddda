"""Change points, typed: a step of the level or a change of the spread, with p-value and back-dated onset.

*Step*: two-sided CUSUM (Page 1954) of the residual to the season, in units of its own standard deviation, clipped; *variance*: the same on
its squares. The allowance is one standard deviation, so steps of two are the smallest that grow. Serial correlation makes sums wander, so
the decision border is stretched by (1 + r) / (1 - r), r being the lag-1 autocorrelation (Johnson & Bagshaw 1974).
After a step the baseline is re-centred: the season keeps its shape at the new level.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.online.compile import kernel
from services.anomaly.state import RING, STEP, VARIANCE

ALLOWANCE = 1.0
BORDER = 14.0
"""For independent normal values about exp(2 · 14) samples between false alarms (Siegmund 1985), and 7 samples to find a step of 3."""
CLIP = 5.0
MEMORY = 1000.0
SETTLE = 100
"""Samples before the statistics are trusted, after the start and after each change."""
SPREAD_ALLOWANCE = 3.0
SPREAD_BORDER = 60.0
SPREAD_CLIP = 16.0
"""Squares in units of their mean: growth of the spread by a factor of about two and more."""
CLEAR = 4.0
"""What is left of it must be two standard deviations of the residual."""
LASTING = 300
"""Samples that a step must last before the baseline follows: an incident is over sooner, and must not become normal."""
SEASON_AFTER_MS = 2 * 86_400_000
CORRELATION_LIMIT = 0.999


@kernel
def residual_of(s: Any, ts: int, x: float, rest: float) -> float:
    """What is watched: the residual to the season once there have been two days to learn it, before that the value itself."""
    if not s.seasonal and ts - s.first_ms > SEASON_AFTER_MS:
        s.seasonal = 1
        forget_moments(s)
    return rest if s.seasonal else x


@kernel
def learn_moments(s: Any, d: float) -> None:
    """Mean, variance and lag-1 covariance of the residual since the last change."""
    s.since_change += 1
    n = min(s.since_change, MEMORY)
    before = s.cp_last
    e = d - s.cp_mean
    s.cp_mean += e / n
    s.cp_var += (e * (d - s.cp_mean) - s.cp_var) / n
    s.cp_cov += (e * before - s.cp_cov) / n
    s.cp_last = d - s.cp_mean


@kernel
def stretch_of(s: Any) -> float:
    """How much further the border lies because of serial correlation."""
    r = s.cp_cov / s.cp_var if s.cp_var > 0.0 else 0.0
    r = min(max(r, 0.0), CORRELATION_LIMIT)
    return float((1.0 + r) / (1.0 - r))


@kernel
def find_step(s: Any, d: float, ts: int) -> float:
    """Size of a step that has just been confirmed, or 0; its onset is then ``cp_onset_ms`` and its p-value ``cp_p``."""
    if s.since_change < SETTLE or s.cp_var <= 0.0:
        s.cusum_up = s.cusum_down = 0.0
        return 0.0
    u = min(max((d - s.cp_mean) / np.sqrt(s.cp_var), -CLIP), CLIP)
    if s.cusum_up <= 0.0:
        s.up_ms, s.up_n, s.up_sum = ts, 0, 0.0
    if s.cusum_down <= 0.0:
        s.down_ms, s.down_n, s.down_sum = ts, 0, 0.0
    s.cusum_up = max(s.cusum_up + u - ALLOWANCE, 0.0)
    s.cusum_down = max(s.cusum_down - u - ALLOWANCE, 0.0)
    s.up_n += 1
    s.up_sum += d - s.cp_mean
    s.down_n += 1
    s.down_sum += d - s.cp_mean
    stretch = stretch_of(s)
    if s.cusum_up > BORDER * stretch:
        s.cp_onset_ms = s.up_ms
        s.cp_p = np.exp(-2.0 * s.cusum_up / stretch)
        return float(s.up_sum / s.up_n)
    if s.cusum_down > BORDER * stretch:
        s.cp_onset_ms = s.down_ms
        s.cp_p = np.exp(-2.0 * s.cusum_down / stretch)
        return float(s.down_sum / s.down_n)
    return 0.0


@kernel
def find_spread(s: Any, d: float, ts: int) -> bool:
    """Whether the spread has just been confirmed to have grown."""
    if s.since_change < SETTLE or s.cp_var <= 0.0:
        s.cusum_spread = 0.0
        return False
    v = min((d - s.cp_mean) ** 2 / s.cp_var, SPREAD_CLIP)
    if s.cusum_spread <= 0.0:
        s.spread_ms = ts
    s.cusum_spread = max(s.cusum_spread + v - SPREAD_ALLOWANCE, 0.0)
    stretch = stretch_of(s)
    if s.cusum_spread > SPREAD_BORDER * stretch:
        s.cp_onset_ms = s.spread_ms
        s.cp_p = np.exp(-0.5 * s.cusum_spread / stretch)
        return True
    return False


@kernel
def forget_moments(s: Any) -> None:
    """Start the statistics anew after a change."""
    s.since_change = 0
    s.cp_mean = s.cp_var = s.cp_cov = s.cp_last = 0.0
    s.cusum_up = s.cusum_down = s.cusum_spread = 0.0


@kernel
def find_change(s: Any, ts: int, x: float, rest: float) -> int:
    """0, STEP or VARIANCE if one has just been confirmed; learns the sample otherwise. Size, onset and p-value stand in the record."""
    d = residual_of(s, ts, x, rest)
    s.step_size = find_step(s, d, ts)
    if s.step_size != 0.0:
        return STEP
    if find_spread(s, d, ts):
        return VARIANCE
    learn_moments(s, d)
    follow(s)
    return 0


@kernel
def recentre(s: Any, size: float) -> None:
    """Move the baseline by ``size``: day and week keep their shape, everything that follows the level keeps its absolute place."""
    s.anchor += size
    s.slow -= size
    s.last -= size
    s.offset -= size
    s.hour_sum -= size * s.hour_count
    for j in range(RING):
        s.ring[j] -= size
    s.ring_sum -= size * RING
    s.low[1] -= size
    s.high[1] -= size
    s.middle[1] -= size


@kernel
def settle(s: Any) -> None:
    """After a confirmed change the statistics start anew; whether the baseline moves is seen when the step has lasted."""
    s.moved = 1 if s.change == STEP else 0
    forget_moments(s)


@kernel
def follow(s: Any) -> None:
    """A step that lasted ``LASTING`` samples is the new normal: the baseline moves by what is left of it."""
    if s.moved and s.since_change >= LASTING:
        s.moved = 0
        if s.seasonal and s.cp_mean * s.cp_mean > CLEAR * s.cp_var:
            recentre(s, s.cp_mean)
            s.cp_mean = 0.0
