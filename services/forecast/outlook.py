"""Will the error budget last? Probability that it is gone by the end of the window, and when.

The published probability is latched at one half: it says "more likely than not" at 70 %, and takes that back only below 15 %. In between
it stays on its side of one half. A decision at 0.5 then neither flaps nor cries early (docs/decisions/0022-budget-outlook.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.forecast.errors_ahead import SIZE, learn_hour, live_through, new_process, traffic_ahead

F64 = NDArray[np.float64]

SAY, TAKE_BACK = 0.7, 0.15
"""Probabilities at which "it will be missed" is said and taken back."""
JUST_UNDER_HALF = 0.499
SEED = 7
"""Every outlook lives through the same 600 fates; see ``draws``."""


@dataclass(frozen=True)
class Exhaustion:
    """``probability`` as published, ``raw`` before the latch, hours until it is gone at .1, .25, .5, .75, .9 (inf: not by the end)."""

    probability: float
    raw: float
    hours: tuple[float, float, float, float, float]


class BudgetOutlook:
    """The error process of one objective, learned hour by hour."""

    def __init__(self, objective: float) -> None:
        if not 0.0 < objective < 1.0:
            raise ValueError(f"an objective lies between 0 and 1, {objective} does not")
        self.allowed = 1.0 - objective
        self.state = new_process(objective)
        self.said = False

    def learn_hour(self, total: float, bad: float) -> None:
        """Requests and failures of the next hour."""
        learn_hour(self.state, total, bad, self.allowed)

    def traffic_ahead(self, hours: int) -> F64:
        """Expected requests of each of the next ``hours``."""
        return traffic_ahead(self.state, hours)

    def exhaustion(self, total: float, bad: float, hours: int) -> Exhaustion:
        """Outlook for a window that holds ``total`` requests and ``bad`` failures so far and goes on for ``hours``."""
        traffic = self.traffic_ahead(hours)
        room = self.allowed * (total + float(traffic.sum())) - bad
        if room < 0.0 or hours == 0:
            raw = float(room < 0.0)
            at = 0.0 if room < 0.0 else math.inf
            return Exhaustion(self._latch(raw), raw, (at, at, at, at, at))
        gone = live_through(self.state, traffic, self.allowed, room, SEED)
        raw = float(np.isfinite(gone).mean())
        q = np.sort(gone)
        hours_to = [float(q[min(len(q) - 1, int(p * len(q)))]) for p in (0.1, 0.25, 0.5, 0.75, 0.9)]
        return Exhaustion(self._latch(raw), raw, (hours_to[0], hours_to[1], hours_to[2], hours_to[3], hours_to[4]))

    def _latch(self, raw: float) -> float:
        self.said = raw >= (TAKE_BACK if self.said else SAY)
        return max(raw, 0.5) if self.said else min(raw, JUST_UNDER_HALF)

    def dump(self) -> bytes:
        """State as bytes."""
        return bytes(np.r_[self.state, float(self.said)].tobytes())

    @classmethod
    def load(cls, data: bytes, objective: float) -> BudgetOutlook:
        """Inverse of ``dump``; raises ValueError for another length."""
        numbers = np.frombuffer(data)
        if len(numbers) != SIZE + 1:
            raise ValueError(f"an outlook has {SIZE + 1} numbers, not {len(numbers)}")
        out = cls(objective)
        out.state, out.said = numbers[:SIZE].copy(), bool(numbers[SIZE])
        return out
