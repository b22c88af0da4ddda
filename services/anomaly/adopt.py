"""Cold start: a series' first sample gives its place to what its cohort lent it (see cohort.py), scaled to the series' own level."""

from __future__ import annotations

from typing import Any

from kizashi.online.compile import kernel
from services.anomaly.state import BINS, FORECASTS

LENT, FADING = 1, 2
"""``borrowed``: lent values wait for the first sample; they are in use."""
FADE = 500
"""Samples of its own after which nothing of a series is called borrowed."""
RATIO = 20.0
"""Levels further apart than this are no matter of scale."""
AGE = 1000.0
"""A borrowed spread counts as so many samples when it is asked whether the series is young."""
WEIGHT = 200.0
"""… and as so many in the long-run squares, which then follow the series' own."""


@kernel
def ratio_of(value: float, level: float) -> float:
    """How much larger the series is than its cohort at this time of day; 1.0 when that is no matter of scale."""
    if value > 0.0 and level > 0.0:
        r = value / level
        if 1.0 / RATIO < r < RATIO:
            return r
    return 1.0


@kernel
def adopt(s: Any, value: float, half_hour: int) -> None:
    """At the first sample: lent profile and spread become the series' own. ``day`` holds the cohort's absolute levels until then."""
    s.borrowed = FADING
    known = s.visits[half_hour] > 0
    level = float(s.day[half_hour])
    ratio = ratio_of(value, level) if known else 1.0
    for k in range(BINS):
        if s.visits[k] > 0:
            s.day[k] = ratio * (s.day[k] - level) if known else 0.0
    s.square_rest *= ratio * ratio * WEIGHT
    s.square_surprise *= ratio * ratio * WEIGHT
    s.weight = WEIGHT
    for k in range(FORECASTS):
        s.errors[k] *= ratio


@kernel
def fade(s: Any) -> None:
    """What was borrowed has become the series' own."""
    if s.borrowed == FADING and s.learned >= FADE:
        s.borrowed = 0
