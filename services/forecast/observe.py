"""What became of a forecast: each value that comes is laid beside what was forecast for it.

One forecast a series and tier is under observation at a time.
"""

from __future__ import annotations

import msgspec
import numpy as np

from kizashi.contracts.findings import Forecast
from kizashi.errors import Damaged
from services.forecast.bank import TierBank

Scored = tuple[int, float, float, float]
MOST = 64
"""Rows kept for the next published forecast; a tier publishes long before."""
HIT_MEMORY = 0.98
"""The share of bands that held forgets 2 % with each value: about 50 values, a forecast's length."""
_LEVELS = (0.5, 0.025, 0.975)


class _Saved(msgspec.Struct, array_like=True):
    tiers: list[dict[int, list[tuple[Scored, float]]]]
    made: list[dict[int, list[int]]] = []
    kept: list[dict[int, int]] = []


class Observer:
    """Rows of (time, actual, mean, inside the 95 % band) and pinball losses that wait to be published, by tier and row."""

    def __init__(self, tiers: int) -> None:
        self._waiting: list[dict[int, list[tuple[Scored, float]]]] = [{} for _ in range(tiers)]
        self._made: list[dict[int, list[int]]] = [{} for _ in range(tiers)]
        self._kept: list[dict[int, int]] = [{} for _ in range(tiers)]

    def observe(self, tier: int, bank: TierBank, row: int, bucket: int, value: float) -> None:
        """Lay the value just learned beside the forecast under observation, if it spoke of it."""
        r, made = bank.records, int(bank.records.kept_at[row])
        if made < 0:
            return
        step, h = int(r.seen[row]) - 1 - made, bank.tier.horizon
        if step < h:
            mean, low, high = (float(r.anchor[row]) + float(x) for x in r.kept[row, :, step])
            inside = float(low <= value <= high)
            r.hit[row] = HIT_MEMORY * r.hit[row] + (1 - HIT_MEMORY) * inside
            loss = sum(max(p * (value - q), (p - 1) * (value - q)) for p, q in zip(_LEVELS, (mean, low, high), strict=True)) / 3
            rows = self._waiting[tier].setdefault(row, [])
            rows.append((((bucket + 1) * bank.tier.bucket_ms, value, mean, inside), loss))
            times = self._made[tier].setdefault(row, [])
            times.append(self._kept[tier].get(row, 0))
            del rows[:-MOST], times[:-MOST]
        if step >= h - 1:
            r.kept_at[row] = -1

    def keep(self, tier: int, bank: TierBank, row: int, forecast: Forecast) -> None:
        """Put a forecast under observation, unless an earlier one still is."""
        r = bank.records
        if r.kept_at[row] < 0:
            anchor = float(r.anchor[row])
            low, high = np.array(forecast.quantiles[0]), np.array(forecast.quantiles[-1])
            grain = 1e-6 * np.abs(np.array([low - anchor, high - anchor])).max()  # float32 must not push a value out of its own band
            r.kept[row] = np.array([np.array(forecast.mean) - anchor, low - grain - anchor, high + grain - anchor])
            r.kept_at[row] = r.seen[row]
            self._kept[tier][row] = forecast.made_at_ms

    def take(self, tier: int, row: int) -> tuple[list[Scored], list[float], list[int]]:
        """Scored rows of a series since the last time, their pinball losses, and when what they were laid beside was forecast."""
        waiting = self._waiting[tier].pop(row, [])
        return [scored for scored, _ in waiting], [loss for _, loss in waiting], self._made[tier].pop(row, [])

    def forget(self, row: int) -> None:
        """Drop what waits for a row that is given to another series."""
        for waiting, made, kept in zip(self._waiting, self._made, self._kept, strict=True):
            waiting.pop(row, None)
            made.pop(row, None)
            kept.pop(row, None)

    def dump(self) -> bytes:
        """State as bytes."""
        return msgspec.msgpack.encode(_Saved(self._waiting, self._made, self._kept))

    @classmethod
    def load(cls, data: bytes, tiers: int) -> Observer:
        """Inverse of ``dump``; raises Damaged."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"observed forecasts are not readable: {x}") from x
        if len(saved.tiers) != tiers:
            raise Damaged(f"observed forecasts of {len(saved.tiers)} tiers, this program has {tiers}")
        observer = cls(tiers)
        observer._waiting = saved.tiers
        if len(saved.made) == len(saved.kept) == tiers:
            observer._made, observer._kept = saved.made, saved.kept
        else:  # state of a version that did not know: what waits has no time of making
            observer._made = [{row: [0] * len(rows) for row, rows in waiting.items()} for waiting in saved.tiers]
        return observer
