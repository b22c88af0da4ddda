"""An episode's life as a state machine inside numba: hysteresis, N of M, flapping; a turn is written as an event."""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.online.compile import kernel
from services.anomaly.habits import HABIT_LIMIT, is_habit
from services.anomaly.state import ANOMALY, CLOSED, GREW, MISSING, OPENED, RIVER, VARIANCE, Tuning
from services.anomaly.unlearn import LABEL_MS, resume

FEEDBACK_STEP = 1.12
"""One step of feedback moves a series' boundary by this factor; a false alarm is two steps up, a true one is one step down."""
FEEDBACK_LIMIT = 8
"""People cannot move a boundary by more than this many steps (a factor of 2.5) either way."""

UNDER = 0.99
LEVEL_LOW, LEVEL_HIGH, LEVEL_STEP = 1.0, 3.0, 0.1
"""An episode needs a score of at least 1.0; a series that opens more than one in ``alarm_days`` needs more, up to three times."""
CANDIDATE = 16
"""Samples for which an odd sample waits for evidence: a step shows in the following ones."""
GROWTH = 2
"""A growing episode is told again when its samples doubled …"""
PEAK_GROWTH = 1.5
"""… or its peak grew by half: a handful of versions an episode, however long."""


@kernel
def relax_level(s: Any, gap_ms: float, tuning: Tuning) -> None:
    """Quantile controller of the level that an episode needs: each one raises it, the chosen time without one takes that back."""
    if s.level > LEVEL_LOW:
        alarm_ms = s.alarm_ms if s.alarm_ms > 0.0 else tuning.alarm_ms
        s.level = max(s.level * (1.0 - LEVEL_STEP * min(gap_ms / alarm_ms, 1.0)), LEVEL_LOW)


@kernel
def boundary_of(s: Any) -> float:
    """What a score is divided by: the calibrated boundary, moved by people's feedback."""
    return float(s.boundary * FEEDBACK_STEP ** min(max(s.feedback, -FEEDBACK_LIMIT), FEEDBACK_LIMIT))


@kernel
def write_event(e: Any, s: Any, row: int, what: int, kind: int, ts: int, x: float, expected: float, lower: float, upper: float) -> None:
    """Copy the episode of ``s`` as it stands into ``e``."""
    e.row = row
    e.what = what
    e.kind = kind
    e.head = s.head
    e.flapping = s.flapping
    e.direction = 0 if (s.up > 0 and s.down > 0) else (1 if s.up > 0 else -1)
    e.version = s.version
    e.samples = s.odd
    e.ts = ts
    e.opened_ms = s.opened_ms
    e.peak_ms = s.peak_ms
    e.score = s.score
    e.peak = s.peak
    e.peak_value = s.peak_value
    e.value = x
    e.expected = expected
    e.lower = lower
    e.upper = upper
    e.area = s.area
    e.p_value = np.nan
    s.version += 1


@kernel
def count_bits(word: int, last: int) -> int:
    """How many of the ``last`` low bits of ``word`` are set."""
    n = 0
    for j in range(last):
        n += (word >> j) & 1
    return n


@kernel
def open_episode(s: Any, ts: int, tuning: Tuning) -> None:
    """Start an episode; the decayed count of recent episodes decides whether the series flaps."""
    s.open = 1
    s.episodes += 1
    s.level = min(max(s.level, LEVEL_LOW) * (1.0 + LEVEL_STEP), LEVEL_HIGH)
    s.opened_ms = ts
    s.over_ms = ts
    s.quiet = 0
    s.peak = 0.0
    s.area = 0.0
    s.odd = 0
    s.told = 1
    s.told_peak = 0.0
    s.version = 1
    s.up = 0
    s.down = 0
    s.flaps = s.flaps * np.exp(-(ts - s.flap_ms) / tuning.flap_ms) + 1.0
    s.flap_ms = ts
    s.flapping = 1 if s.flaps > tuning.flap_count - 0.5 else 0


@kernel
def extend(s: Any, ts: int, score: float, x: float, expected: float, head: int) -> None:
    """Fold one odd sample into the open episode."""
    if score > s.peak:
        s.peak = score
        s.peak_ms = ts
        s.peak_value = x
        s.head = head
    s.area += max(score - 1.0, 0.0) * max(ts - s.over_ms, 0) / 1000.0
    s.over_ms = ts
    s.odd += 1
    if x >= expected:
        s.up = min(s.up + 1, 30_000)
    else:
        s.down = min(s.down + 1, 30_000)


@kernel
def ruled(s: Any, x: float, expected: float, score: float) -> float:
    """The score after the series' own rules: too small a deviation, or one in a direction nobody minds, stays under the boundary."""
    away = x - expected
    least = max(s.min_deviation, s.min_relative * abs(expected))
    if (least > 0.0 and abs(away) < least) or (s.direction > 0 and away < 0.0) or (s.direction < 0 and away > 0.0):
        return min(score, UNDER)
    return score


@kernel
def may_open(s: Any, score: float, head: int, tuning: Tuning) -> bool:
    """N of M scores at the boundary make a candidate; it becomes an episode once there is evidence that it is not noise.

    A head that a person configured speaks for itself: it was asked for.
    """
    s.candidate -= 1
    if score >= 1.0 and count_bits(s.hits, tuning.open_m) >= tuning.open_n:
        s.candidate = CANDIDATE
        s.candidate_head = head
    return bool(s.candidate > 0 and (s.evidence >= 1.0 or s.candidate_head == RIVER))


@kernel
def suppressed(h: Any, hour: int, strength: float) -> bool:
    """Whether an episode stays closed because the series is odd at this hour by habit; the hour is counted either way."""
    habit = is_habit(h, hour)
    h.odd_now = 1
    h.opened_hour = hour % 24
    return bool(habit and strength < HABIT_LIMIT)


@kernel
def turn(
    s: Any,
    h: Any,
    hour: int,
    row: int,
    ts: int,
    x: float,
    score: float,
    raw: float,
    expected: float,
    lower: float,
    upper: float,
    head: int,
    events: Any,
    n: int,
    tuning: Tuning,
) -> int:
    """Move the episode of ``s`` on by one scored sample; returns the number of events after it."""
    s.hits = (s.hits << np.uint64(1)) | np.uint64(1 if score >= 1.0 else 0)
    if not s.open:
        if not may_open(s, score, head, tuning):
            return n
        strength = max(s.held / boundary_of(s), raw)
        if suppressed(h, hour, strength) or strength < s.level or ts < s.quiet_until_ms:
            s.candidate = 0
            return n
        open_episode(s, ts, tuning)
        extend(s, ts, strength, x, expected, s.candidate_head)
        s.told_peak = s.peak
        write_event(events[n], s, row, OPENED, ANOMALY, ts, x, expected, lower, upper)
        return n + 1
    if (raw >= tuning.close_score or s.still) and not s.end_now:
        s.quiet = 0
        extend(s, ts, raw, x, expected, head)
        if s.odd >= GROWTH * s.told or s.peak >= PEAK_GROWTH * s.told_peak:
            s.told = s.odd
            s.told_peak = s.peak
            write_event(events[n], s, row, GREW, ANOMALY, ts, x, expected, lower, upper)
            return n + 1
        return n
    s.quiet += 1
    if s.end_now or (s.quiet >= tuning.close_after and ts - s.over_ms >= tuning.close_after_ms):
        s.open = 0
        s.end_now = 0
        s.hits = np.uint64(0)
        s.kept_until_ms = ts + LABEL_MS
        if s.unlearn:
            resume(s)
        minutes = (s.over_ms - s.opened_ms) / 60_000.0
        usual = float(h.minutes[h.opened_hour])
        h.minutes[h.opened_hour] = int(min(usual + 0.5 * (minutes - usual), 255.0) + 0.5)
        write_event(events[n], s, row, CLOSED, ANOMALY, ts, x, expected, lower, upper)
        return n + 1
    return n


@kernel
def change_turn(s: Any, row: int, ts: int, x: float, expected: float, lower: float, upper: float, e: Any) -> None:
    """Write a confirmed change point of ``s`` into ``e``: an episode that is closed as it is told, opened at its onset."""
    e.row = row
    e.what = CLOSED
    e.kind = s.change
    e.head = 3
    e.flapping = 0
    e.direction = 1 if s.change == VARIANCE or s.step_size > 0.0 else -1
    e.version = 1
    e.samples = s.up_n if s.step_size > 0.0 else s.down_n
    e.ts = ts
    e.opened_ms = s.cp_onset_ms
    e.peak_ms = s.cp_onset_ms
    e.score = 1.0
    e.peak = 1.0
    e.peak_value = x
    e.value = x
    e.expected = expected
    e.lower = lower
    e.upper = upper
    e.area = abs(s.step_size)
    e.p_value = s.cp_p


@kernel
def missing_turn(s: Any, row: int, now_ms: int, what: int, e: Any) -> None:
    """Write the opening or the closing of a missing-data episode of ``s`` into ``e``."""
    e.row = row
    e.what = what
    e.kind = MISSING
    e.head = 4
    e.flapping = 0
    e.direction = -1
    e.version = 1 if what == OPENED else 2
    e.samples = 0
    e.ts = now_ms
    e.opened_ms = s.missing_ms
    e.peak_ms = s.missing_ms
    silence = max(now_ms - s.last_ms, 1)
    e.score = silence / max(s.interval_ms, 1.0)
    e.peak = e.score
    e.peak_value = 0.0
    e.value = s.raw
    e.expected = s.last_expected
    e.lower = s.last_lower
    e.upper = s.last_upper
    e.area = silence / 1000.0
    e.p_value = np.nan
