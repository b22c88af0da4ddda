"""Capacity risks: which resource runs out, when, and how sure that is."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.findings import Factor, Forecast, Risk, Severity
from kizashi.contracts.ids import finding_id, format_series_id
from kizashi.contracts.promises import Limit
from kizashi.errors import Damaged
from kizashi.online.climb import climb_of
from kizashi.online.first_passage import Passage, crossing, passage
from services.forecast.bank import TierBank
from services.forecast.config import DAY_MS
from services.forecast.limits import limit_for

HORIZON_MS = 7 * DAY_MS
"""A week: long enough to order and mount a disk, short enough to believe in."""
WORTH_TELLING = 0.01
"""Probability within the horizon below which nothing is said, unless the median is in sight."""
IN_SIGHT_MS = 90 * DAY_MS
"""A quarter, as budgets are made: beyond it, chance alone carries a series somewhere."""


class _Saved(msgspec.Struct, array_like=True):
    versions: dict[str, int]


class RunOut:
    """Looks at series that have a threshold each time they are forecast."""

    def __init__(self) -> None:
        self.limits: list[Limit] = []
        self._versions: dict[str, int] = {}
        """Version last told of each risk; negative: it was told that it is over."""
        self._known: dict[int, Limit | None] = {}

    def set_limits(self, limits: list[Limit]) -> None:
        """Replace all thresholds."""
        self.limits, self._known = list(limits), {}

    def look(self, info: SeriesInfo, bank: TierBank, row: int, forecast: Forecast) -> list[Risk]:
        """The capacity risk of a series, or none: without threshold, or with nothing in sight that was not told before."""
        if info.id not in self._known:
            self._known[info.id] = limit_for(info, self.limits)
        limit = self._known[info.id]
        if limit is None:
            return []
        tier, near = bank.tier, None
        if forecast.reliable:
            near = crossing(np.array(forecast.quantiles), np.array(forecast.levels), limit.threshold, limit.rising)
        y = bank.history(row)
        climb = climb_of(y, tier.season, rising=limit.rising)
        if climb is not None:
            near = climb.met(limit.threshold if limit.rising else -limit.threshold)
        found = passage(y, tier.season, limit.threshold, HORIZON_MS / tier.bucket_ms, rising=limit.rising, near=near)
        if found is None:
            return []
        key = finding_id("capacity", format_series_id(info.id), limit.id)
        in_sight = found.probability >= WORTH_TELLING or found.quantiles[2] * tier.bucket_ms <= IN_SIGHT_MS
        told = self._versions.get(key, 0)
        if not in_sight and told <= 0:
            return []
        version = abs(told) + 1
        self._versions[key] = version if in_sight else -version  # told once that it is over; versions go on when it comes back
        per_step = found.growth_per_step if climb is None else climb.slope if limit.rising else -climb.slope
        return [_risk(key, version, info, limit, found, per_step, forecast, float(y[-1]))]

    def dump(self) -> bytes:
        """State as bytes; the limits are the model's to keep."""
        return msgspec.msgpack.encode(_Saved(self._versions))

    @classmethod
    def load(cls, data: bytes, limits: list[Limit]) -> RunOut:
        """Inverse of ``dump``; raises Damaged."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"capacity state is not readable: {x}") from x
        out = cls()
        out.set_limits(limits)
        out._versions = saved.versions
        return out


def _risk(
    key: str, version: int, info: SeriesInfo, limit: Limit, found: Passage, per_step: float, forecast: Forecast, value: float
) -> Risk:
    step, made = forecast.step_ms, forecast.made_at_ms
    eta = [made + int(q * step) if math.isfinite(q) else None for q in found.quantiles]
    per_day = per_step * DAY_MS / step
    entity = info.labels.get("service") or info.labels.get("host") or info.metric
    return Risk(
        id=key,
        version=version,
        tenant=info.tenant,
        entity=entity,
        kind="capacity",
        made_at_ms=made,
        title=f"{info.metric} {'reaches' if limit.rising else 'falls to'} {_with_unit(limit.threshold, info.unit)}",
        horizon_s=HORIZON_MS // 1000,
        probability=found.probability,
        reason="" if eta[2] is not None and eta[2] - made <= IN_SIGHT_MS else "not in sight",
        eta_ms=eta[2],
        eta_low_ms=eta[0],
        eta_high_ms=eta[4],
        eta_inner_low_ms=eta[1],
        eta_inner_high_ms=eta[3],
        value=value,
        threshold=limit.threshold,
        direction="up" if limit.rising else "down",
        firing=eta[2] is not None and eta[2] - made <= HORIZON_MS,
        severity=_severity(eta[2], made),
        factors=[Factor("growth a day", per_day, f"{'+' if per_day >= 0 else ''}{_with_unit(per_day, info.unit)} a day")],
        series_id=format_series_id(info.id),
    )


def _with_unit(value: float, unit: str) -> str:
    """A number with its unit; a share is told in per cent."""
    return f"{100 * value:.3g}%" if unit == "1" else f"{value:.3g}{unit}"


def _severity(eta_ms: int | None, made_ms: int) -> Severity:
    """Critical within a day, warning within the horizon."""
    if eta_ms is None or eta_ms - made_ms > HORIZON_MS:
        return "info"
    return "critical" if eta_ms - made_ms <= DAY_MS else "warning"
