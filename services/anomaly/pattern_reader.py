"""Reads patterns of a few series a tick, round and round, and tells those that changed in a way a person would notice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Any, Literal

import numpy as np

from kizashi.contracts.findings import Pattern
from services.anomaly.bank import Bank
from services.anomaly.patterns import pattern_of

EVERY_MS = 1000
FULL_ROUND_MS = 3_600_000
"""Every series is looked at about once an hour."""
LEAST = 1
"""Series a tick at least, so that a small partition does not wait."""
MOST = 16
"""Series a tick at most: a look costs about 150 µs."""


@dataclass(frozen=True)
class PatternChange:
    """A pattern of a series that has become another one, seen at ``at_ms``.

    ``season``: its period in seconds was ``before`` and is ``after``, 0 for none. ``trend``: its slope per day was taken for ``before`` = 0
    and is ``after``, significant with ``p_value``.
    """

    series: int
    kind: Literal["season", "trend"]
    at_ms: int
    before: float
    after: float
    p_value: float | None = None


INTERVAL = 1.96
"""Half width of a slope's interval in standard errors."""
TINY = 1e-300


class PatternReader:
    """Walks over the rows of a bank by the log's clock; its place is part of the snapshot."""

    def __init__(self, row: int = 0, read_ms: int = 0) -> None:
        self.row, self.read_ms = row, read_ms
        self.changes: list[PatternChange] = []
        """Seasons and trends that have changed, until somebody takes them."""

    def state(self) -> tuple[int, int]:
        """What ``PatternReader(*state)`` continues from."""
        return self.row, self.read_ms

    def read(self, bank: Bank, now_ms: int) -> list[Pattern]:
        """Patterns that changed among the rows whose turn it is at ``now_ms``."""
        used = bank.rows_used
        if used == 0 or now_ms - self.read_ms < EVERY_MS:
            return []
        passed = min(now_ms - self.read_ms, 60 * EVERY_MS) if self.read_ms else EVERY_MS
        self.read_ms = now_ms
        turns = min(max(LEAST, round(used * passed / FULL_ROUND_MS)), MOST, used)
        told = []
        for _ in range(turns):
            self.row = (self.row + 1) % used
            pattern = look(bank, self.row, now_ms, self.changes)
            if pattern is not None:
                told.append(pattern)
        return told


def look(bank: Bank, row: int, now_ms: int, changes: list[PatternChange] | None = None) -> Pattern | None:
    """The pattern of one row if it changed since it was last told; a season or trend that has become another one is added to ``changes``.

    A season is told once two looks in a row agree on it: one look can be fooled by an incident.
    """
    s, h = bank.states[row], bank.habits[row]
    if not s["alive"] or s["learned"] == 0:
        return None
    series = int(s["id"])
    pattern = pattern_of(series, bank.info(series).tenant, s, h, now_ms, int(h["told_version"]) + 1)
    agreed = np.float32(pattern.season_s) == h["accepted_s"]
    before = float(h["told_season_s"])
    bank.habits[row]["accepted_s"] = pattern.season_s
    mark = _mark(pattern)
    if not agreed or mark == int(h["told_mark"]):
        return None
    if changes is not None:
        changes += _changes(series, before, h, pattern)
    bank.habits[row]["told_trend"] = _direction(pattern, int(h["told_trend"]))
    bank.habits[row]["told_season_s"] = pattern.season_s
    bank.habits[row]["told_mark"] = np.uint64(mark)
    bank.habits[row]["told_version"] += 1
    return pattern


def _changes(series: int, season_s: float, h: Any, p: Pattern) -> list[PatternChange]:
    """What a person would call a change: another season than the one that was told, a trend where there was none or the other one."""
    out = []
    if season_s > 0.0 and season_s != np.float32(p.season_s):
        out.append(PatternChange(series, "season", p.updated_ms, season_s, p.season_s))
    before, after = int(h["told_trend"]), _direction(p, int(h["told_trend"]))
    if after != 0 and after != before:
        error = max((p.slope_high - p.slope_low) / (2.0 * INTERVAL), TINY)
        out.append(PatternChange(series, "trend", p.updated_ms, 0.0, p.slope_per_day, erfc(abs(p.slope_per_day) / error / sqrt(2.0))))
    return out


def _direction(p: Pattern, before: int) -> int:
    """1 rising, -1 falling, 0 neither; a step does not end a trend, an interval that holds zero does: so it is told once."""
    if p.trend in ("rising", "falling"):
        return 1 if p.trend == "rising" else -1
    lasting = p.trend == "broke" or (p.trend == "steady" and p.slope_low * p.slope_high > 0.0)
    return before if lasting else 0


def _mark(p: Pattern) -> int:
    """A number that differs when a person would say the pattern differs."""
    text = f"{p.season_s}|{round(p.season_strength, 1)}|{p.trend}|{p.broke_at_ms}|{p.shapes}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
