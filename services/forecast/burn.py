"""Burn rates: how many times faster than sustainable the error budget is used up, over two windows at once.

Multi-window, multi-burn-rate alerts (Beyer et al., The Site Reliability Workbook, 2018, chapter 5). The thresholds 14.4, 6, 3 and 1 are
shares of a 30-day budget (2, 5, 10 and 10 %) burnt in the long window; for another window they are scaled so that the shares stay. An
alert fires at the less severe of its two windows: the long one proves that it matters, the short one that it still goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.forecast.config import HOUR_MS, MINUTE_MS

F64 = NDArray[np.float64]

MONTH_HOURS = 720


@dataclass(frozen=True)
class BurnRule:
    """A pair of windows (ms) and the burn rate at which they fire for a 30-day window; ``pages`` tells waking from filing a ticket."""

    long_ms: int
    short_ms: int
    threshold: float
    pages: bool

    def scaled(self, window_hours: int) -> float:
        """The threshold for a budget of ``window_hours``: the same share of the budget in the long window."""
        return self.threshold * window_hours / MONTH_HOURS


RULES = (
    BurnRule(HOUR_MS, 5 * MINUTE_MS, 14.4, True),
    BurnRule(6 * HOUR_MS, 30 * MINUTE_MS, 6.0, True),
    BurnRule(24 * HOUR_MS, 2 * HOUR_MS, 3.0, False),
    BurnRule(72 * HOUR_MS, 6 * HOUR_MS, 1.0, False),
)


def burn_rate(total: float, bad: float, objective: float) -> float | None:
    """Error rate over the allowed error rate; None without traffic.

    >>> round(burn_rate(1000, 5, 0.999), 6)
    5.0
    """
    return None if total <= 0.0 else (bad / total) / (1.0 - objective)


class CountRing:
    """Totals and failures in the last ``size`` slices of ``step_ms``."""

    def __init__(self, step_ms: int, size: int) -> None:
        self.step_ms, self.size = step_ms, size
        self.newest = -1
        self.total, self.bad = np.zeros(size), np.zeros(size)

    def add(self, ts_ms: int, total: float, bad: float) -> None:
        """Count events at ``ts_ms``; what is older than the ring is left out."""
        at = ts_ms // self.step_ms
        self.turn(ts_ms)
        if at > self.newest - self.size:
            self.total[at % self.size] += total
            self.bad[at % self.size] += bad

    def turn(self, now_ms: int) -> None:
        """Time goes on to ``now_ms``: slices that fell out are emptied."""
        at = now_ms // self.step_ms
        if self.newest < 0:
            self.newest = at
        for k in range(max(self.newest + 1, at - self.size + 1), at + 1):
            self.total[k % self.size] = self.bad[k % self.size] = 0.0
        self.newest = max(self.newest, at)

    def sums(self, first_ms: int, end_ms: int) -> tuple[float, float]:
        """Events and failures in slices that begin in [first, end): both cut to whole slices."""
        low = max(-(-first_ms // self.step_ms), self.newest - self.size + 1)
        high = min(-(-end_ms // self.step_ms), self.newest + 1)
        if high <= low:
            return 0.0, 0.0
        k = np.arange(low, high) % self.size
        return float(self.total[k].sum()), float(self.bad[k].sum())

    def last(self, span_ms: int) -> tuple[float, float]:
        """Events and failures of the newest ``span_ms``, the running slice included."""
        end = (self.newest + 1) * self.step_ms
        return self.sums(end - span_ms, end)

    def dump(self) -> tuple[int, bytes, bytes]:
        """State: newest slice, totals, failures."""
        return self.newest, self.total.tobytes(), self.bad.tobytes()

    def restore(self, state: tuple[int, bytes, bytes]) -> None:
        """Inverse of ``dump``; raises ValueError for another size."""
        newest, total, bad = state
        if len(total) != 8 * self.size or len(bad) != 8 * self.size:
            raise ValueError(f"a ring of {self.size} slices has {8 * self.size} bytes, not {len(total)}")
        self.newest = newest
        self.total, self.bad = np.frombuffer(total).copy(), np.frombuffer(bad).copy()


@dataclass(frozen=True)
class Burn:
    """One rule judged: burn rates of both windows (None without traffic), whether it fires, and the gate that kept it from firing."""

    rule: BurnRule
    threshold: float
    long: float | None
    short: float | None
    firing: bool
    held_back_by: str

    @property
    def rate(self) -> float:
        """The less severe of both windows."""
        return min(self.long or 0.0, self.short or 0.0)


def judge(
    rule: BurnRule, long: tuple[float, float], short: tuple[float, float], objective: float, window_hours: int,
    history_ms: int, minimum_events: int, fired: bool,
) -> Burn:  # fmt: skip
    """Judge one rule. ``long`` and ``short`` are (events, failures); ``history_ms`` is how long the objective has been counted;
    ``fired`` is the last verdict, kept while there is no data."""
    threshold = rule.scaled(window_hours)
    rates = burn_rate(*long, objective), burn_rate(*short, objective)
    if history_ms < rule.long_ms:
        return Burn(rule, threshold, *rates, False, "history shorter than the long window")
    if rates[0] is None or rates[1] is None:
        return Burn(rule, threshold, *rates, fired, "no data: the last verdict stands")
    if long[0] < minimum_events:
        return Burn(rule, threshold, *rates, False, f"fewer than {minimum_events} events")
    return Burn(rule, threshold, *rates, min(rates[0], rates[1]) >= threshold, "")
