"""Season, trend and habits of a series as a person reads them; computed for a few series a tick from what the kernels keep.

Season: energy of the harmonics of three folded profiles - 48 half hours of the day, 168 hours of the week, twelve five minutes of the
hour (periodogram, Schuster 1898, of the fold). The period is the profile's length over the greatest common divisor of its strong harmonics,
so a series that repeats every six hours is not called daily. Accepted when it explains more than 0.3 of the variance twice in a row.
"""

from __future__ import annotations

from math import gcd, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.findings import Pattern
from kizashi.contracts.ids import format_series_id
from services.anomaly.habits import TIMES
from services.anomaly.packed import means_of, nibbles

DAY_S, HOUR_S, WEEK_S = 86_400.0, 3_600.0, 604_800.0
ACCEPT = 0.3
STRONG = 0.2
"""A harmonic counts if it has this share of the strongest one's energy."""
WEEKLY_SHARE = 0.1
"""The week is told beside the day when what it adds has this share of all variance."""
BROKE_MS = 7 * 86_400_000
SIGNIFICANT = 4.0
"""Standard errors of the slope that make a trend; thousands of series are tested every hour."""
TREND_HOURS = 48
DAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
"""Of the epoch's week."""

Trend = Literal["steady", "rising", "falling", "broke", "learning"]


def season_of(s: Any, h: Any) -> tuple[float, float, list[float]]:
    """Period in seconds (0: none), share of the variance that it explains, and its profile in the series' own unit."""
    noise = float(s["square_surprise"] / s["weight"]) if s["weight"] > 0 else 0.0
    found: list[tuple[float, float, NDArray[np.float64], float]] = []
    phases = h["phase"].astype(float)
    if (h["phase_n"] >= 24).all():
        found.append(_fold(phases, HOUR_S, float(h["origin"]), noise / max(float(h["phase_n"].min()), 1.0)))
    day = s["day"].astype(float)
    full_day = bool((s["visits"] > 1).all()) and bool(s["seasonal"])
    if full_day:
        found.append(_fold(day, DAY_S, float(s["anchor"]), noise / max(float(s["visits"].min()), 1.0)))
    if (nibbles(s["weeks"]) > 0).all():
        week = means_of(s["week"], float(s["week_unit"]))
        by_hour = week.reshape(7, 24).mean(0)
        rest = week - np.tile(by_hour, 7)
        if rest.var() > WEEKLY_SHARE * (week.var() + noise):
            period, energy, _, anchor = _fold(rest, WEEK_S, float(s["anchor"]), 0.0)
            found.append((period, energy, week, anchor))
    total = sum(f[1] for f in found) + noise
    if not found or total <= 0.0:
        return 0.0, 0.0, []
    period, energy, profile, anchor = max(found, key=lambda f: f[1])
    return period, energy / total, [float(v) for v in profile + anchor]


def _fold(profile: NDArray[np.float64], length_s: float, anchor: float, noise: float) -> tuple[float, float, NDArray[np.float64], float]:
    """(period, variance, profile, anchor) of one folded profile; ``noise`` is the variance that noise alone gives its means."""
    energy = np.abs(np.fft.rfft(profile - profile.mean())) ** 2
    energy[0] = 0.0
    variance = max(float(profile.var()) - noise, 0.0)
    if variance <= 0.0:
        return length_s, 0.0, profile, anchor
    strong = np.flatnonzero(energy >= STRONG * energy.max())
    divisor = 0
    for k in strong:
        divisor = gcd(divisor, int(k))
    return length_s / max(divisor, 1), variance, profile, anchor


def trend_of(s: Any, h: Any, now_ms: int) -> tuple[Trend, float, float, float, float]:
    """State, level, slope per day and its 95 % interval."""
    level = float(h["trend_y"] + h["origin"])
    if int(h["trend_n"]) < TREND_HOURS or h["trend_tt"] <= 0.0:
        return "learning", float(s["slow"] + s["anchor"]), 0.0, 0.0, 0.0
    slope = float(h["trend_ty"] / h["trend_tt"])
    rest = max(float(h["trend_yy"]) - slope * float(h["trend_ty"]), 0.0)
    r = float(h["trend_lag"] / h["trend_ee"]) if h["trend_ee"] > 0.0 else 0.0
    r = min(max(r, 0.0), 0.99)
    error = sqrt(rest / (float(h["trend_tt"]) * max(float(h["trend_w"]) - 2.0, 1.0)) * (1.0 + r) / (1.0 - r))
    half = 1.96 * error
    state: Trend = "steady"
    if abs(slope) > SIGNIFICANT * error and slope != 0.0:
        state = "rising" if slope > 0 else "falling"
    if int(h["broke_ms"]) > 0 and now_ms - int(h["broke_ms"]) < BROKE_MS:
        state = "broke"
    return state, level, 24.0 * slope, 24.0 * (slope - half), 24.0 * (slope + half)


def shapes_of(h: Any) -> list[str]:
    """Sentences such as "every Monday 06:00 for 40 min" for the hours at which the series is odd by habit."""
    odd = nibbles(h["odd"]).reshape(7, 24)
    minutes = h["minutes"]
    out = []
    daily = (odd > 0).sum(0) >= 3
    for hour in np.flatnonzero(daily):
        out.append(f"every day {hour:02d}:00 for {int(minutes[hour]):d} min")
    for day in (4, 5, 6, 0, 1, 2, 3):
        for hour in np.flatnonzero((odd[day] >= TIMES) & ~daily):
            out.append(f"every {DAYS[day]} {hour:02d}:00 for {int(minutes[hour]):d} min")
    return out


def pattern_of(series: int, tenant: str, s: Any, h: Any, now_ms: int, version: int) -> Pattern:
    """All that is regular about a series, as known now."""
    period, strength, profile = season_of(s, h)
    accepted = period > 0.0 and strength > ACCEPT
    trend, level, slope, low, high = trend_of(s, h, now_ms)
    return Pattern(
        series_id=format_series_id(series),
        version=version,
        tenant=tenant,
        updated_ms=now_ms,
        season_s=period if accepted else 0.0,
        season_strength=round(strength, 4) if accepted else 0.0,
        profile=profile if accepted else [],
        trend=trend,
        level=level,
        slope_per_day=slope,
        slope_low=low,
        slope_high=high,
        broke_at_ms=int(h["broke_ms"]) if trend == "broke" else None,
        shapes=shapes_of(h),
    )
