"""What each sample was expected to be: short memory, day and week, and their mixture by past error.

The two residuals that both heads live on:

* ``rest``: to the day or to the week, whichever lies nearer. A sample is odd only if neither expects it: holidays and first
  Mondays make one of the two wrong, rarely both.
* ``surprise``: to the mixture of five one-step forecasts - the last value, the mean of about the last 20, the day, the day moved by how
  today differs from it, the week - each weighted by the inverse square of its mean absolute error of the last
  1,000 samples (inverse-variance combination, Bates & Granger 1969). No forecast has to be right for every series.

Values are held relative to the series' first value, so that 32-bit profiles keep six digits of what moves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.online.compile import kernel
from services.anomaly.packed import nibble, put_mean, set_nibble
from services.anomaly.state import BINS, FORECASTS, HOURS

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
SLOW_GAIN = 0.1
"""Gain of the exponential mean: about the last 20 samples."""
OFFSET_GAIN = 0.1
"""Gain of the day forecast's offset: today runs higher or lower than usual."""
ERROR_MEMORY = 1000.0
VISITS = 60.0
"""A half hour of the day is the mean of about its last 60 samples, a hour of the week of its last WEEKS weeks."""
WEEKS = 8.0


@kernel
def half_hour_of(local_ms: int) -> int:
    """Half hour of the local day, 0-47."""
    return int((local_ms % DAY_MS) * BINS // DAY_MS)


@kernel
def hour_of(local_ms: int) -> int:
    """Hour of the local week, 0-167; hour 0 is Thursday midnight, as the epoch was."""
    return int((local_ms // HOUR_MS) % HOURS)


@kernel
def day_mean(s: Any, half_hour: int) -> float:
    """What the time of day expects; the slow mean until it has been visited."""
    return float(s.day[half_hour]) if s.visits[half_hour] > 0 else float(s.slow)


@kernel
def week_mean(s: Any, hour: int, otherwise: float) -> float:
    """What the hour of the week expects, from earlier weeks only; ``otherwise`` in the first week."""
    return float(s.week[hour] * s.week_unit) if nibble(s.weeks, hour) > 0 else otherwise


@kernel
def rest_of(x: float, day: float, week: float) -> float:
    """The smaller residual of the two."""
    a, b = x - day, x - week
    return a if abs(a) <= abs(b) else b


@kernel
def forecast(s: Any, day: float, week: float, each: Any) -> float:
    """The mixture; ``each`` (5,) is filled with the single forecasts."""
    each[0] = s.slow
    each[1] = s.last
    each[2] = day
    each[3] = day + s.offset
    each[4] = week
    total, weight = 0.0, 0.0
    for k in range(FORECASTS):
        error = s.errors[k]
        if error <= 0.0:
            return float(each[k])
        w = 1.0 / (error * error)
        total += w * each[k]
        weight += w
    if not np.isfinite(weight) or weight <= 0.0:
        return float(s.last)
    return float(total / weight)


@kernel
def learn_short(s: Any, x: float, day: float, each: Any) -> None:
    """Follow the newest value with what forgets within minutes, and keep each forecast's account."""
    n = min(s.learned + 1.0, ERROR_MEMORY)
    for k in range(FORECASTS):
        s.errors[k] += (abs(x - each[k]) - s.errors[k]) / n
    s.offset += OFFSET_GAIN * (x - day - s.offset)
    s.slow += SLOW_GAIN * (x - s.slow)
    s.last = x


@kernel
def learn_season(s: Any, x: float, local_ms: int, half_hour: int, hour: int, day: float, week: float) -> None:
    """Fold one value into the day, and into this hour, which joins the week when the next begins."""
    n = min(s.visits[half_hour] + 1.0, VISITS)
    s.visits[half_hour] = int(n)
    s.day[half_hour] = day + (x - day) / n
    began = local_ms // HOUR_MS
    if began != s.hour_began:
        close_hour(s)
        s.hour_began = began
    s.hour_sum += x
    s.hour_count += 1


@kernel
def close_hour(s: Any) -> None:
    """The hour is over: its mean joins the hour of the week."""
    if s.hour_count > 0:
        hour = int(s.hour_began % HOURS)
        n = min(nibble(s.weeks, hour) + 1.0, WEEKS)
        set_nibble(s.weeks, hour, int(n))
        mean = s.week[hour] * s.week_unit
        s.week_unit = put_mean(s.week, s.week_unit, hour, mean + (s.hour_sum / s.hour_count - mean) / n)
    s.hour_sum = 0.0
    s.hour_count = 0
