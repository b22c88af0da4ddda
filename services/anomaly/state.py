"""The memory of one series: a fixed record, so that thousands of them are one array that is saved and restored as bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.anomaly.config import ModelConfig

RING = 64
"""Newest values kept: the longest of the short windows."""
BINS = 48
"""Half hours of a civil day, the resolution of the profile."""
HOURS = 168
"""Hours of a civil week."""
PHASES = 12
"""Five minutes of the hour."""
FORECASTS = 5
SIGNALS = 3
SCALES = 3
RECENT = 8
"""Newest times kept, by which a repeat is told from a late sample."""


def record(fields: list[tuple[Any, ...]]) -> np.dtype[np.void]:
    """A record without holes, wide fields first: equal records are equal bytes, so snapshots can be compared and hashed."""
    wide_first = sorted(fields, key=lambda f: -np.dtype(f[1]).itemsize)
    size = np.dtype(wide_first).itemsize
    if size % 8:
        wide_first.append(("padding", "u1", (8 - size % 8,)))
    return np.dtype(wide_first, align=True)


SERIES = record(
    [
        # identity and time
        ("id", "u8"),
        ("first_ms", "i8"),
        ("last_ms", "i8"),
        ("seen_ms", "i8"),
        ("interval_ms", "f4"),
        ("learned", "i8"),
        ("duplicates", "i4"),
        ("late", "i4"),
        ("counter", "u1"),
        ("alive", "u1"),
        ("times", "i8", (RECENT,)),
        ("raw", "f8"),
        # forecasters; everything from here to the ranges is relative to the anchor
        ("anchor", "f8"),
        ("slow", "f8"),
        ("last", "f8"),
        ("offset", "f8"),
        ("errors", "f4", (FORECASTS,)),
        ("day", "f4", (BINS,)),
        ("visits", "u1", (BINS,)),
        ("week", "i2", (HOURS,)),
        ("week_unit", "f8"),
        ("weeks", "u1", (HOURS // 2,)),
        ("hour_began", "i8"),
        ("hour_sum", "f8"),
        ("hour_count", "i4"),
        ("ring", "f4", (RING,)),
        ("ring_sum", "f8"),
        # point head
        ("square_rest", "f8"),
        ("square_surprise", "f8"),
        ("weight", "f8"),
        ("point_boundary", "f8"),
        ("point_quiet", "i4"),
        ("point_held", "f4"),
        ("point_since", "i4"),
        # novelty head
        ("low", "f8", (SIGNALS,)),
        ("high", "f8", (SIGNALS,)),
        ("middle", "f8", (SIGNALS,)),
        ("seen", "i4", (SIGNALS,)),
        ("step", "f4", (SIGNALS,)),
        ("steps", "u1", (SIGNALS,)),
        ("held", "f4"),
        ("since", "i4"),
        # evidence against noise
        ("spike", "f4"),
        ("sums", "f4", (SCALES,)),
        ("sums_square", "f4", (SCALES,)),
        # change points
        ("since_change", "i4"),
        ("cp_mean", "f8"),
        ("cp_var", "f8"),
        ("cp_cov", "f4"),
        ("cp_last", "f4"),
        ("cusum_up", "f4"),
        ("cusum_down", "f4"),
        ("cusum_spread", "f4"),
        ("up_ms", "i8"),
        ("down_ms", "i8"),
        ("spread_ms", "i8"),
        ("up_n", "i4"),
        ("down_n", "i4"),
        ("up_sum", "f4"),
        ("down_sum", "f4"),
        ("cp_onset_ms", "i8"),
        ("cp_p", "f4"),
        ("step_size", "f8"),
        ("change", "u1"),
        ("moved", "u1"),
        # calibration and rules
        ("boundary", "f4"),
        ("min_deviation", "f8"),
        ("min_relative", "f4"),
        ("direction", "i1"),
        ("feedback", "i2"),
        ("end_now", "u1"),
        ("level", "f4"),
        ("episodes", "i4"),
        ("alarm_ms", "f4"),
        ("quiet_until_ms", "i8"),
        ("in_quiet", "u1"),
        ("borrowed", "u1"),
        # what an incident would spoil, as it was before the first odd sample
        ("kept_until_ms", "i8"),
        ("kept_low", "f4", (SIGNALS,)),
        ("kept_high", "f4", (SIGNALS,)),
        ("kept_middle", "f4", (SIGNALS,)),
        ("kept_step", "f4", (SIGNALS,)),
        ("kept_squares", "f8", (3,)),
        ("kept_boundary", "f4"),
        ("kept_spike", "f4"),
        ("kept_slow", "f4"),
        ("kept_offset", "f4"),
        ("unlearn", "u1"),
        # episode
        ("open", "u1"),
        ("hits", "u8"),
        ("candidate", "i4"),
        ("candidate_head", "u1"),
        ("seasonal", "u1"),
        ("still", "u1"),
        ("evidence", "f4"),
        ("quiet", "i4"),
        ("opened_ms", "i8"),
        ("over_ms", "i8"),
        ("peak", "f4"),
        ("peak_ms", "i8"),
        ("peak_value", "f4"),
        ("area", "f4"),
        ("odd", "i4"),
        ("told", "i4"),
        ("told_peak", "f4"),
        ("version", "i4"),
        ("up", "i2"),
        ("down", "i2"),
        ("head", "u1"),
        ("flapping", "u1"),
        ("flaps", "f4"),
        ("flap_ms", "i8"),
        ("missing", "u1"),
        ("missing_ms", "i8"),
        ("score", "f4"),
        ("last_expected", "f4"),
        ("last_lower", "f4"),
        ("last_upper", "f4"),
        ("last_point", "f4"),
        ("last_novelty", "f4"),
    ]
)

EVENT = record(
    [
        ("row", "i4"),
        ("what", "u1"),
        ("kind", "u1"),
        ("head", "u1"),
        ("flapping", "u1"),
        ("direction", "i1"),
        ("version", "i4"),
        ("samples", "i4"),
        ("ts", "i8"),
        ("opened_ms", "i8"),
        ("peak_ms", "i8"),
        ("score", "f8"),
        ("peak", "f8"),
        ("peak_value", "f8"),
        ("value", "f8"),
        ("expected", "f8"),
        ("lower", "f8"),
        ("upper", "f8"),
        ("area", "f8"),
        ("p_value", "f8"),
    ]
)
"""A turn in an episode's life, with a copy of what the series knew at that very row."""

HABITS = record(
    [
        ("origin", "f8"),
        ("hour_began", "i8"),
        ("hour_sum", "f8"),
        ("hour_n", "i4"),
        ("opened_hour", "u1"),
        ("phase", "f4", (PHASES,)),
        ("phase_n", "u2", (PHASES,)),
        ("trend_w", "f8"),
        ("trend_t", "f8"),
        ("trend_y", "f8"),
        ("trend_tt", "f8"),
        ("trend_ty", "f8"),
        ("trend_yy", "f8"),
        ("trend_ee", "f8"),
        ("trend_lag", "f8"),
        ("trend_last", "f8"),
        ("trend_n", "i4"),
        ("odd", "u1", (HOURS // 2,)),
        ("odd_now", "u1"),
        ("minutes", "u1", (24,)),
        ("broke_ms", "i8"),
        # what was told last
        ("told_version", "i4"),
        ("told_mark", "u8"),
        ("accepted_s", "f4"),
        ("told_season_s", "f4"),
        ("told_trend", "i1"),
    ]
)
"""What patterns are read from; beside the series record, since scoring does not need it."""

OPENED, GREW, CLOSED = 1, 2, 3
"""``what`` of an event."""
KINDS = ("anomaly", "step", "trend", "variance", "season", "missing")
"""``kind`` of an event is an index into this."""
ANOMALY, STEP, TREND, VARIANCE, SEASON, MISSING = range(6)
HEADS = ("", "point", "novelty", "change_point", "missing", "river")
"""``head`` is an index into this."""
POINT, NOVELTY, CHANGE_POINT, SILENCE, RIVER = range(1, 6)


DIRECTIONS = {"both": 0, "up": 1, "down": -1}
"""``direction`` of a record, by the word of the configuration."""


class Tuning(NamedTuple):
    """``ModelConfig`` as the kernels take it: numbers only."""

    warm_up: int
    refractory: int
    open_n: int
    open_m: int
    close_score: float
    close_after: int
    close_after_ms: int
    flap_count: int
    flap_ms: float
    missing_after: float
    missing_min_ms: int
    expire_ms: int
    late_ms: int
    alarm_ms: float


def tuning_of(c: ModelConfig) -> Tuning:
    """The numbers of a configuration; times in milliseconds."""
    return Tuning(
        c.warm_up,
        c.refractory,
        c.open_n,
        c.open_m,
        c.close_score,
        c.close_after,
        int(1000 * c.close_after_s),
        c.flap_count,
        1000.0 * c.flap_s,
        c.missing_after,
        int(1000 * c.missing_min_s),
        int(1000 * c.expire_s),
        c.late_ms,
        86_400_000.0 * c.alarm_days,
    )


def new_series(capacity: int) -> NDArray[Any]:
    """Empty records (capacity,)."""
    return np.zeros(capacity, SERIES)
