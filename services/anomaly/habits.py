"""What a series does regularly beyond day and week: phase of the hour, long trend, and hours at which it is odd by habit.

*Trend* is a recursive weighted regression of deseasonalised hourly means on time (exponential forgetting, memory a week); its standard
error is widened for serial correlation of the residuals. *Habits* count, for each hour of the local week, the weeks in a row in which an
episode began in it: the third time, the six o'clock job is not an anomaly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.online.compile import kernel
from services.anomaly.forecasters import HOUR_MS
from services.anomaly.packed import nibble, set_nibble
from services.anomaly.state import BINS, HOURS, PHASES

PHASE_MEMORY = 2000.0
TREND_FORGET = float(np.exp(-1.0 / 168.0))
"""Per hour: the memory is a week."""
HABIT_LIMIT = 2.0
"""An odd sample twice as far out as the boundary is told, habit or not."""
TIMES = 2
"""Occurrences on following days at the same hour, or in following weeks at the same hour of the week, that make a habit."""


@kernel
def learn_phase(h: Any, local_ms: int, x: float) -> None:
    """Mean by five minutes of the hour."""
    k = int((local_ms % HOUR_MS) * PHASES // HOUR_MS)
    n = min(h.phase_n[k] + 1.0, PHASE_MEMORY)
    h.phase_n[k] = int(n)
    h.phase[k] += (x - h.phase[k]) / n


@kernel
def deseasonalised(s: Any, hour: int, mean: float) -> float:
    """An hourly mean without what the time of day explains."""
    total = 0.0
    for k in range(BINS):
        total += s.day[k]
    half_hour = 2 * (hour % 24)
    return float(mean - 0.5 * (s.day[half_hour] + s.day[half_hour + 1]) + total / BINS)


@kernel
def learn_trend(h: Any, hours: float, y: float) -> None:
    """One more hourly mean ``y`` at ``hours`` since the epoch."""
    h.trend_w = TREND_FORGET * h.trend_w + 1.0
    a = 1.0 / h.trend_w
    dt, dy = hours - h.trend_t, y - h.trend_y
    e = dy - (h.trend_ty / h.trend_tt if h.trend_tt > 0.0 else 0.0) * dt
    h.trend_t += a * dt
    h.trend_y += a * dy
    keep = 1.0 - a
    h.trend_tt = keep * (h.trend_tt + a * dt * dt)
    h.trend_ty = keep * (h.trend_ty + a * dt * dy)
    h.trend_yy = keep * (h.trend_yy + a * dy * dy)
    h.trend_ee += a * (e * e - h.trend_ee)
    h.trend_lag += a * (e * h.trend_last - h.trend_lag)
    h.trend_last = e
    h.trend_n += 1


@kernel
def pass_hour(h: Any, hour: int) -> None:
    """An hour of the local week has ended: a habit that did not show loses a count."""
    times = nibble(h.odd, hour)
    if h.odd_now:
        set_nibble(h.odd, hour, min(times + 1, 15))
    elif times > 0:
        set_nibble(h.odd, hour, times - 1)
    h.odd_now = 0


@kernel
def is_habit(h: Any, hour: int) -> bool:
    """Whether the series is odd at this hour by habit: yesterday and the day before, or in the last two weeks."""
    yesterday, before = (hour - 24) % HOURS, (hour - 48) % HOURS
    return bool(nibble(h.odd, hour) >= TIMES or (nibble(h.odd, yesterday) > 0 and nibble(h.odd, before) > 0))


@kernel
def learn_habits(h: Any, s: Any, local_ms: int, value: float) -> None:
    """Fold one value in; when it begins a new hour, the hour before joins the trend."""
    if h.hour_began == 0:
        h.origin = value
    x = value - h.origin
    learn_phase(h, local_ms, x)
    began = local_ms // HOUR_MS
    if began != h.hour_began and h.hour_n > 0:
        hour = int(h.hour_began % HOURS)
        if s.seasonal:
            learn_trend(h, float(h.hour_began), deseasonalised(s, hour, h.hour_sum / h.hour_n))
        pass_hour(h, hour)
        h.hour_sum, h.hour_n = 0.0, 0
    h.hour_began = began
    h.hour_sum += x
    h.hour_n += 1
