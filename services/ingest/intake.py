"""Samples to registered rows: time, value and series limits, with a reason for every sample that is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import F64, HISTORY, I64
from services.ingest.decode import Sample
from services.ingest.registry import REASONS, SeriesRegistry
from services.ingest.settings import IngestLimits
from services.ingest.times import BAD_TIME, datetime_ms, to_ms

Arrived = Callable[[], I64 | int]
"""When samples arrived, in ms: one time or (n,)."""


@dataclass(frozen=True)
class Rows:
    """Registered samples in order of arrival: slots (n,) i64, ts (n,) i64 ms, values (n,) f64; one flag for all."""

    slots: I64
    ts: I64
    values: F64
    flag: int = 0


@dataclass(frozen=True)
class Taken:
    """What became of some samples: the rows, and how many were refused for which reason. ``first`` is the first refused."""

    rows: Rows
    refused: Counter[str] = field(default_factory=Counter)
    first: int = -1

    @classmethod
    def nothing(cls, refused: Counter[str]) -> Taken:
        """All was refused before it was a sample."""
        return cls(Rows(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)), refused)


class Intake:
    """Checks samples and gives them their series. Holds no clock."""

    def __init__(self, registry: SeriesRegistry, limits: IngestLimits) -> None:
        self.registry, self._limits = registry, limits

    def take(self, tenant: str, samples: Sequence[Sample], arrived_ms: Arrived, now_ms: int, history: bool = False) -> Taken:
        """Rows of one tenant's samples; ``arrived_ms`` is asked when a sample has no time of its own."""
        n = len(samples)
        values = np.array([s.value for s in samples], np.float64)
        ts = _times(samples, arrived_ms)
        bad = (ts == BAD_TIME) | ~np.isfinite(values) | (ts > now_ms + self._limits.future_ms)
        if bad.any():
            kept = np.flatnonzero(~bad)
            slots = np.full(n, -99, np.int64)
            slots[kept] = self.registry.slots(tenant, [samples[k] for k in kept.tolist()], now_ms)
        else:
            slots = self.registry.slots(tenant, samples, now_ms)
        good = slots >= 0
        flag = HISTORY if history else 0
        if good.all():
            return Taken(Rows(slots, ts, values, flag))
        refused = self._reasons(slots[~good], ts[~good], values[~good])
        return Taken(Rows(slots[good], ts[good], values[good], flag), refused, int(np.argmin(good)))

    def _reasons(self, slots: I64, ts: I64, values: F64) -> Counter[str]:
        def reason(slot: int, at: int, value: float) -> str:
            if slot in REASONS:
                return REASONS[slot]
            if not np.isfinite(value):
                return "not_finite"
            return "time" if at == BAD_TIME else "future"

        return Counter(reason(*row) for row in zip(slots.tolist(), ts.tolist(), values.tolist(), strict=True))


def _times(samples: Sequence[Sample], arrived_ms: Arrived) -> NDArray[np.int64]:
    stamps = [s.ts for s in samples]
    try:
        numbers = np.array(stamps, np.float64)  # None becomes NaN
    except TypeError:  # dates among them
        is_date = np.array([isinstance(s, datetime) for s in stamps], bool)
        dates = np.array([datetime_ms(s) if isinstance(s, datetime) else BAD_TIME for s in stamps], np.int64)
        numbers = np.array([np.nan if isinstance(s, datetime) else s for s in stamps], np.float64)
        rest = _numeric(numbers, stamps, arrived_ms)
        return np.where(is_date, dates, rest)
    return _numeric(numbers, stamps, arrived_ms)


def _numeric(numbers: F64, stamps: Sequence[object], arrived_ms: Arrived) -> I64:
    ms = to_ms(numbers)
    if np.isnan(numbers).any():
        absent = np.array([s is None for s in stamps], bool)
        ms = np.where(absent, arrived_ms(), ms)
    return ms
