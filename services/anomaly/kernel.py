"""The hot loop: rows of a samples message in order of arrival, each against its series; nothing here is Python at run time."""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.contracts.batches import ANOMALOUS, BORROWED, DUPLICATE, HISTORY, LATE, LEARNING, QUARANTINED, UNSCORED
from kizashi.online.compile import kernel
from kizashi.online.slots import find, insert, remove
from services.anomaly.changes import settle
from services.anomaly.forecasters import day_mean, half_hour_of, hour_of, rest_of, week_mean
from services.anomaly.habits import learn_habits
from services.anomaly.heads import step
from services.anomaly.state import CLOSED, FORECASTS, NOVELTY, OPENED, POINT, RECENT, RIVER, STEP, Tuning
from services.anomaly.turns import boundary_of, change_turn, missing_turn, relax_level, ruled, turn

LARGEST = 1e37
"""Values beyond are taken as this: bands leave as 32-bit floats, which end at 3e38, and squares must not overflow."""

QUARANTINE_MS = 86_400_000
"""What has lasted a day is the new normal, label or not."""

COUNT, FREE, SCANNED = 0, 1, 2
"""Places in the ``meta`` array: rows ever used, rows on the free list, when silence was last looked for."""


@kernel
def row_of(id_: Any, ts: int, states: Any, keys: Any, rows: Any, free: Any, meta: Any) -> int:
    """Row of a series, made if it is new. The caller has seen to it that there is room."""
    row = find(keys, rows, id_)
    if row >= 0:
        return row
    if meta[FREE] > 0:
        meta[FREE] -= 1
        row = free[meta[FREE]]
    else:
        row = meta[COUNT]
        meta[COUNT] += 1
    states[row].id = id_
    states[row].alive = 1
    states[row].first_ms = ts
    states[row].boundary = 1.0
    insert(keys, rows, id_, row)
    return int(row)


@kernel
def standing_of(s: Any, ts: int, tuning: Tuning) -> int:
    """0 for a sample newer than all before, else DUPLICATE or LATE; and keeps the counts."""
    if s.learned == 0 or ts > s.last_ms:
        return 0
    for j in range(min(RECENT, s.learned)):
        if s.times[j] == ts:
            s.duplicates += 1
            return DUPLICATE
    s.late += 1
    return LATE


@kernel
def rate_of(s: Any, ts: int, x: float) -> tuple[float, bool]:
    """A counter's increase per second since its last sample, and whether there is one; a smaller value is a reset to zero."""
    if s.times[0] == 0 and s.raw == 0.0 and s.last_ms == 0:
        return 0.0, False
    seconds = max(ts - s.last_ms, 1) / 1000.0
    grown = x - s.raw if x >= s.raw else x
    return grown / seconds, True


@kernel
def note_time(s: Any, ts: int, now_ms: int, x: float) -> None:
    """Remember when the series spoke and how often it usually does."""
    if s.last_ms > 0:
        gap = float(ts - s.last_ms)
        if s.interval_ms == 0.0:
            s.interval_ms = gap
        else:
            s.interval_ms += 0.1 * (min(gap, 4.0 * s.interval_ms) - s.interval_ms)
    s.times[s.learned % RECENT] = ts
    s.last_ms = ts
    s.seen_ms = now_ms
    s.raw = x


@kernel
def in_quarantine(s: Any, ts: int) -> bool:
    """Whether values stay out of the season and the long-run squares: an episode is open, not called expected; or maintenance."""
    return bool((s.open and not s.end_now and ts - s.opened_ms < QUARANTINE_MS) or ts < s.quiet_until_ms)


@kernel
def past_score(s: Any, local_ms: int, x: float, tuning: Tuning) -> tuple[float, float, float]:
    """Score of a late sample against the profile as it stands, with expected value and half band; learns nothing."""
    day = day_mean(s, half_hour_of(local_ms))
    week = week_mean(s, hour_of(local_ms), day)
    rest = rest_of(x - s.anchor, day, week)
    if s.weight <= 0.0 or s.square_rest <= 0.0 or s.learned < tuning.warm_up:
        return 0.0, x - rest, 0.0
    half = s.point_boundary * np.sqrt(s.square_rest / s.weight)
    return abs(rest) / half, x - rest, half


@kernel
def score_rows(
    states: Any, habits: Any, keys: Any, rows: Any, free: Any, meta: Any, tuning: Tuning, now_ms: int,
    ids: Any, ts: Any, local: Any, civil: Any, values: Any, given: Any, extra: Any,
    row_out: Any, score: Any, expected: Any, lower: Any, upper: Any, point: Any, novelty: Any, flags: Any, events: Any,
) -> int:  # fmt: skip
    """Score rows (n,) in order; fills the output columns (n,) and ``events``; returns the number of events.

    ``local`` is civil time; ``civil`` the same, but a holiday's hours are those of a Sunday. ``extra`` (n,) is a configured head's score.
    """
    told = 0
    each = np.zeros(FORECASTS)
    for i in range(len(ids)):
        row = row_of(ids[i], ts[i], states, keys, rows, free, meta)
        s = states[row]
        if s.first_ms == 0:
            s.first_ms = ts[i]
        row_out[i] = row
        x = values[i]
        flag = given[i] & HISTORY
        standing = standing_of(s, ts[i], tuning)
        if not np.isfinite(x):
            flags[i] = flag | UNSCORED
            continue
        if standing == DUPLICATE:
            flags[i] = flag | DUPLICATE
            continue
        if standing == LATE:
            flags[i] = flag | LATE
            if s.last_ms - ts[i] <= tuning.late_ms and not s.counter:
                a, b, half = past_score(s, civil[i], x, tuning)
                score[i], expected[i], lower[i], upper[i] = a, b, b - half, b + half
            continue
        if s.missing:
            s.missing = 0
            missing_turn(s, row, ts[i], CLOSED, events[told])
            told += 1
        relax_level(s, float(ts[i] - s.last_ms) if s.last_ms > 0 else 0.0, tuning)
        y, known = x, True
        if s.counter:
            y, known = rate_of(s, ts[i], x)
        note_time(s, ts[i], now_ms if now_ms > 0 else ts[i], x)
        if not known:
            flags[i] = flag | LEARNING
            continue
        y = min(max(y, -LARGEST), LARGEST)
        quarantined = in_quarantine(s, ts[i])
        h = habits[row]
        learn_habits(h, s, local[i], y)
        a, raw, p, q, b, half = step(s, ts[i], civil[i], y, tuning, quarantined, each)
        low, high = max(b - half, -LARGEST), min(b + half, LARGEST)
        boundary = boundary_of(s)
        head = NOVELTY if q >= raw else POINT
        if extra[i] > raw:
            a, raw, head = extra[i], extra[i], RIVER
        a, raw = ruled(s, y, b, a / boundary), ruled(s, y, b, raw / boundary)
        score[i], expected[i], lower[i], upper[i], point[i], novelty[i] = a, b, low, high, p, q
        s.score, s.last_expected, s.last_lower, s.last_upper, s.last_point, s.last_novelty = a, b, low, high, p, q
        if s.borrowed:
            flag |= BORROWED
        elif s.learned <= tuning.warm_up:
            flag |= LEARNING
        if not flag & HISTORY:
            told = turn(s, h, hour_of(local[i]), row, ts[i], y, a, raw, b, low, high, head, events, told, tuning)
        if s.change:
            if s.change == STEP:
                h.broke_ms = s.cp_onset_ms
            if not flag & HISTORY:
                change_turn(s, row, ts[i], y, b, low, high, events[told])
                told += 1
            settle(s)
        if quarantined:
            flag |= QUARANTINED
        if s.open:
            flag |= ANOMALOUS
        flags[i] = flag
    return told


@kernel
def advance_rows(states: Any, keys: Any, rows: Any, free: Any, meta: Any, tuning: Tuning, now_ms: int, events: Any) -> int:
    """A time tick: silent series open a missing episode, long silent ones are forgotten; returns the number of events."""
    told = 0
    for row in range(meta[COUNT]):
        s = states[row]
        if not s.alive or s.seen_ms <= 0:
            continue
        silence = now_ms - s.seen_ms
        if silence > tuning.expire_ms:
            remove(keys, rows, s.id)
            s.alive = 0
            free[meta[FREE]] = row
            meta[FREE] += 1
            continue
        if s.missing or s.learned < 10 or s.interval_ms <= 0.0:
            continue
        if silence > tuning.missing_after * s.interval_ms and silence > tuning.missing_min_ms:
            s.missing = 1
            s.missing_ms = s.last_ms
            missing_turn(s, row, now_ms, OPENED, events[told])
            told += 1
    return told
