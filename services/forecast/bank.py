"""All series of one tier: struct of arrays behind River's verbs. ``EnsembleForecaster`` is the same mathematics for one series."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.errors import Damaged
from services.forecast.config import LEVELS, Tier
from services.forecast.panel import GROUPS, MEMBERS
from services.forecast.record import columns, copy_filled, forget, grown, learn, new_records, predict, window

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

MODEL = "panel16+conformal/1"
TRUSTED_TRIALS = 4
"""Trials before a forecast may call itself reliable: with fewer the 95 % band is an extrapolation."""
TRUSTED_HITS = 0.75
"""Share of published 95 % bands that must have held lately."""
TRUSTED_ERROR = 1.5
"""Typical error of all steps over the spread of the window, above which "somewhere in its usual range" says as much."""

_BOUNDS = np.array([g[0] for g in GROUPS], np.int64)
_NORMAL = np.array([NormalDist().inv_cdf(p) for p in LEVELS])
_LEVELS = np.array(LEVELS)


@dataclass(frozen=True)
class Outlook:
    """A forecast of h steps: ``mean`` (h,), ``quantiles`` (levels, h), whether to rely on it, and the members' mean weights."""

    mean: F64
    quantiles: F64
    reliable: bool
    reason: str
    weights: dict[str, float]


class _Saved(msgspec.Struct, array_like=True):
    model: str
    horizon: int
    slots: int
    columns: list[bytes]


class TierBank:
    """Records of many series of one tier, addressed by slot.

    6.2 kB a series once its window and trials are full; learning 10-20 µs amortised, a forecast 0.5 ms.
    """

    def __init__(self, tier: Tier, slots: int = 16) -> None:
        if tier.season < 4:
            raise ValueError(f"a season of {tier.season} buckets is shorter than 4")
        self.tier = tier
        self.records = new_records(slots, tier.horizon)

    def reserve(self, slots: int) -> None:
        """Make room for at least ``slots`` series."""
        have = len(self.records.seen)
        if slots > have:
            self.records = grown(self.records, max(slots, 2 * have))

    def clear(self, slot: int) -> None:
        """Forget a series, before its slot is given to another."""
        forget(self.records, slot)

    def learn(self, slot: int, bucket: int, value: float, turn: int = 0) -> int:
        """Learn a bucket's mean; 0 when it is not newer than the last. ``turn`` spreads the trials of many series."""
        return learn(self.records, slot, bucket, value, self.tier.season, self.tier.week, _BOUNDS, turn)

    def forecast(self, slot: int) -> Outlook:
        """The next ``tier.horizon`` buckets; at least one value must have been learned."""
        out = np.empty((1 + len(LEVELS), self.tier.horizon))
        predict(self.records, slot, self.tier.season, self.tier.week, _BOUNDS, _LEVELS, _NORMAL, out)
        reliable, reason = self._reliance(slot)
        return Outlook(out[0], out[1:], reliable, reason, self.weights(slot))

    def history(self, slot: int) -> F64:
        """The values still kept, oldest first."""
        return window(self.records, slot, 0)

    def weights(self, slot: int) -> dict[str, float]:
        """Share of each member in the vote, averaged over horizon groups; empty before the first trial."""
        if self.records.trials[slot] == 0:
            return {}
        errors = self.records.errors[slot, 0].astype(np.float64)
        e = errors + 0.02 * errors.mean(0) + 1e-300
        w = (e.min(0) / e) ** 6
        share = (w / w.sum(0)).mean(1)
        return {name: round(float(v), 4) for name, v in zip(MEMBERS, share, strict=True)}

    def track_record(self, slot: int) -> dict[str, list[float]]:
        """Mean absolute error by horizon group of each member and of the published forecast (``panel``), decayed over trials."""
        errors = {name: [float(x) for x in row] for name, row in zip(MEMBERS, self.records.errors[slot, 0], strict=True)}
        return {"panel": [float(x) for x in self.records.own[slot]], **errors}

    def _reliance(self, slot: int) -> tuple[bool, str]:
        r = self.records
        need = self.tier.horizon + TRUSTED_TRIALS * (self.tier.horizon // 2)
        if r.trials[slot] < TRUSTED_TRIALS:
            return False, f"learning: {int(r.seen[slot])} of about {need} buckets seen"
        if r.hit[slot] < TRUSTED_HITS:
            return False, f"only {100 * r.hit[slot]:.0f} % of its 95 % bands held lately"
        spread = float(np.mean(np.abs(self.history(slot) - np.median(self.history(slot)))))
        steps = np.diff([*_BOUNDS.tolist(), self.tier.horizon]).clip(0)
        error = float((r.own[slot] * steps).sum() / steps.sum())
        if spread > 0 and error > TRUSTED_ERROR * spread:
            return False, f"its typical error is {error / spread:.1f} times the spread of the series"
        return True, ""

    def dump(self, slots: int) -> bytes:
        """The first ``slots`` records as bytes."""
        return msgspec.msgpack.encode(_Saved(MODEL, self.tier.horizon, slots, [a[:slots].tobytes() for a in columns(self.records)]))

    @classmethod
    def load(cls, data: bytes, tier: Tier) -> TierBank:
        """Inverse of ``dump``; raises Damaged for another model or horizon."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"forecast records are not readable: {x}") from x
        if saved.model != MODEL or saved.horizon != tier.horizon:
            raise Damaged(f"forecast records of {saved.model} with {saved.horizon} steps, this program has {MODEL} with {tier.horizon}")
        bank = cls(tier, max(16, saved.slots))
        if len(saved.columns) != len(bank.records):
            raise Damaged("forecast records have other columns")
        for column, raw in zip(columns(bank.records), saved.columns, strict=True):
            if len(raw) != saved.slots * column.nbytes // len(column):
                raise Damaged("a forecast column has another length")
            copy_filled(np.frombuffer(raw, column.dtype).reshape((saved.slots, *column.shape[1:])), column)
        return bank


class EnsembleForecaster:
    """One series in River's shape (``river.time_series.base.Forecaster``): ``learn_one`` and ``forecast``.

    >>> model = EnsembleForecaster(season=4, horizon=2)
    >>> for y in [1.0, 2.0, 3.0, 4.0] * 20:
    ...     model.learn_one(y)
    >>> [round(v, 1) for v in model.forecast(2)]
    [1.0, 2.0]
    """

    def __init__(self, season: int = 24, horizon: int = 48) -> None:
        self._bank = TierBank(Tier(1, season, horizon), 1)
        self._n = 0

    def learn_one(self, y: float) -> None:
        """Learn the next value; it must be finite."""
        self._bank.learn(0, self._n, y)
        self._n += 1

    def forecast(self, horizon: int) -> list[float]:
        """Means of the next ``horizon`` values, at most as many as the model was made for."""
        return [float(v) for v in self.outlook().mean[:horizon]]

    def outlook(self) -> Outlook:
        """Mean, quantiles and reliability of all steps."""
        return self._bank.forecast(0)
