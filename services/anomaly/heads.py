"""The two heads: what a sample looks like to the near past (point), and to all of the past (novelty), and the one published score.

*Point*: root mean square of ``rest`` and ``surprise``, each over its own long-run root mean square - deliberately not robust: a
spiky series raises its own bar. Its boundary is held per series by a quantile controller at one alarm in ``POINT_RATE`` samples.

*Novelty*: three signals - rest, mean of the last 64, surprise - each with a slowly forgotten range of what was seen; the distance
outside, in units of the range and of the usual step beyond it, is mapped to an alarm rate exponent, and a 4-norm joins the signals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.online.compile import kernel
from services.anomaly.adopt import LENT, adopt, fade
from services.anomaly.changes import find_change
from services.anomaly.evidence import evidence_of
from services.anomaly.forecasters import (
    day_mean,
    forecast,
    half_hour_of,
    hour_of,
    learn_season,
    learn_short,
    rest_of,
    week_mean,
)
from services.anomaly.state import FORECASTS, RING, SIGNALS, Tuning
from services.anomaly.unlearn import end_of_quiet, keep_calm

POINT_MEMORY = 1.0 - 1.0 / 5000.0
POINT_UNIT = 6.0
"""The point head's own score is 1.0 at this many root mean squares: what separates labelled incidents on operational curves."""
POINT_START, POINT_LOW, POINT_HIGH = 20.0, 5.0, 30.0
"""Its boundary within the published score starts with reserve, since a young series has not shown its spikes, and moves in these limits."""
POINT_STEP = 0.1
POINT_RATE = 2000.0
"""Each alarm raises the boundary by a tenth; so many samples without one take a tenth away."""
RANGE_MEMORY = 0.5 ** (1.0 / 10_000.0)
CENTRE_MEMORY = 1000.0
STEP_MEMORY = 50.0
NOVELTY_BASE, NOVELTY_SLOPE, NOVELTY_DISTANCE = 3.57, 0.6, 0.1
"""Alarm rate exponent at a distance of a tenth of the range, and its growth per tenfold distance."""
NOVELTY_LARGEST = 6.0
NOVELTY_BOUNDARY = 3.0
"""One sample in a thousand is odder than this in at least one signal."""
POINT_REFRACTORY = 10
STILL = 3.0
"""An open episode goes on while the value is so many root mean squares from day and week, though nothing about it is new."""
RISE = 0.1
"""Within the refractory time only a score higher by this speaks again."""


@kernel
def point_of(s: Any, rest: float, surprise: float, tuning: Tuning) -> float:
    """Root mean square of both residuals in units of their long-run root mean square."""
    if (s.learned < tuning.warm_up and not s.borrowed) or s.weight <= 0.0:
        return 0.0
    total = 0.0
    if s.square_rest > 0.0:
        total += rest * rest / (s.square_rest / s.weight)
    if s.square_surprise > 0.0:
        total += surprise * surprise / (s.square_surprise / s.weight)
    return float(np.sqrt(0.5 * total))


@kernel
def learn_point(s: Any, rest: float, surprise: float) -> None:
    """Fold both residuals into their long-run squares."""
    s.square_rest = s.square_rest * POINT_MEMORY + rest * rest
    s.square_surprise = s.square_surprise * POINT_MEMORY + surprise * surprise
    s.weight = s.weight * POINT_MEMORY + 1.0


@kernel
def beyond_of(s: Any, k: int, y: float, tuning: Tuning) -> float:
    """Alarm rate exponent of signal ``k`` at ``y`` against the range seen so far; then the range learns it."""
    if s.seen[k] == 0:
        s.low[k] = s.high[k] = s.middle[k] = y
    s.seen[k] += 1
    beyond = max(y - s.high[k], s.low[k] - y, 0.0)
    width = s.high[k] - s.low[k]
    z = 0.0
    if beyond > 0.0 and s.seen[k] > tuning.warm_up:
        unit = NOVELTY_DISTANCE * (width + s.step[k])
        z = NOVELTY_LARGEST
        if unit > 0.0:
            z = min(max(NOVELTY_BASE + NOVELTY_SLOPE * np.log10(beyond / unit), 0.0), NOVELTY_LARGEST)
        s.steps[k] = int(min(s.steps[k] + 1.0, STEP_MEMORY))
        s.step[k] += (beyond - s.step[k]) / s.steps[k]
    s.middle[k] += (y - s.middle[k]) / min(s.seen[k], CENTRE_MEMORY)
    s.high[k] = max(y, s.middle[k] + (s.high[k] - s.middle[k]) * RANGE_MEMORY)
    s.low[k] = min(y, s.middle[k] + (s.low[k] - s.middle[k]) * RANGE_MEMORY)
    return float(z)


@kernel
def novelty_of(s: Any, rest: float, surprise: float, tuning: Tuning) -> float:
    """Joined exponent of the three signals; call after the ring holds the newest value."""
    if s.learned < RING:
        return 0.0
    a = beyond_of(s, 0, rest, tuning)
    b = beyond_of(s, 1, s.ring_sum / RING, tuning)
    c = beyond_of(s, 2, surprise, tuning)
    return float((a**4 + b**4 + c**4) ** 0.25)


@kernel
def push(s: Any, x: float) -> None:
    """Put the newest value into the ring; its sum is formed anew each turn, so that rounding does not add up."""
    at = s.learned % RING
    s.ring_sum -= s.ring[at]
    s.ring[at] = x
    s.ring_sum += s.ring[at]
    if at == RING - 1:
        total = 0.0
        for j in range(RING):
            total += s.ring[j]
        s.ring_sum = total


@kernel
def control_point(s: Any, score: float, tuning: Tuning) -> None:
    """Quantile controller of the point boundary (Robbins & Monro 1951, multiplicative)."""
    s.point_quiet += 1
    if score >= 1.0:
        if s.point_quiet > tuning.refractory:
            s.point_boundary = min(s.point_boundary * (1.0 + POINT_STEP), POINT_HIGH)
        s.point_quiet = 0
    if s.learned > tuning.warm_up:
        s.point_boundary = max(s.point_boundary * (1.0 - POINT_STEP / POINT_RATE), POINT_LOW)


@kernel
def speaks(score: float, held: float, since: int, refractory: int, rise: float) -> bool:
    """Whether a score is said, or held back since a higher one was said within the refractory time."""
    return score > 0.0 and (since > refractory or score > held + rise)


@kernel
def step(
    s: Any, ts: int, local_ms: int, value: float, tuning: Tuning, quarantined: bool, each: Any
) -> tuple[float, float, float, float, float, float]:
    """Judge one new value, then learn it: (published, raw, point, novelty, expected, half band).

    ``raw`` is the published score before the refractory time; ``each`` (5,) is scratch.
    """
    if s.learned == 0:
        s.anchor = value
        s.point_boundary = max(s.point_boundary, POINT_START)
        s.since = s.point_since = s.point_quiet = tuning.refractory + 1
    x = value - s.anchor
    half_hour, hour = half_hour_of(local_ms), hour_of(local_ms)
    if s.borrowed == LENT:
        adopt(s, value, half_hour)
    end_of_quiet(s, ts)
    keep_calm(s, ts)
    day = day_mean(s, half_hour)
    week = week_mean(s, hour, day)
    rest = rest_of(x, day, week)
    expected = forecast(s, day, week, each)
    surprise = x - expected
    z = point_of(s, rest, surprise, tuning)
    push(s, x)
    novelty = novelty_of(s, rest, surprise, tuning) / NOVELTY_BOUNDARY
    from_point = z / s.point_boundary
    half = s.point_boundary * np.sqrt(s.square_surprise / s.weight) if s.weight > 0.0 else 0.0
    control_point(s, from_point, tuning)
    s.still = 1 if rest * rest * s.weight > STILL * STILL * s.square_rest else 0
    s.evidence = evidence_of(s, surprise)
    learn_short(s, x, day, each)
    if not quarantined:
        learn_point(s, rest, surprise)
        learn_season(s, x, local_ms, half_hour, hour, day, week)
    s.learned += 1
    fade(s)
    s.change = find_change(s, ts, x, rest)
    raw = max(from_point, novelty)
    return publish(s, raw, tuning), raw, publish_point(s, z / POINT_UNIT), novelty, s.anchor + expected, half


@kernel
def publish(s: Any, raw: float, tuning: Tuning) -> float:
    """The joined score, said once a change."""
    s.since += 1
    if speaks(raw, s.held, s.since, tuning.refractory, RISE):
        s.held = raw
        s.since = 0
        return float(raw)
    return 0.0


@kernel
def publish_point(s: Any, score: float) -> float:
    """The point head's own score, said once a spike."""
    s.point_since += 1
    if speaks(score, s.point_held, s.point_since, POINT_REFRACTORY, 0.0):
        s.point_held = score
        s.point_since = 0
        return float(score)
    return 0.0


SIZES = (FORECASTS, SIGNALS)
