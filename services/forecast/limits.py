"""Thresholds that resources run into: set by hand or by rule, or known from the unit."""

from __future__ import annotations

import msgspec

from kizashi.contracts.batches import SeriesInfo

PERCENT_UNITS = frozenset({"%", "percent"})


class Limit(msgspec.Struct, frozen=True):
    """A threshold for every series of ``tenant`` and ``metric`` whose labels contain ``labels``; ``rising`` False: running down to it."""

    id: str
    metric: str
    threshold: float
    tenant: str = "default"
    labels: dict[str, str] = {}
    rising: bool = True

    def covers(self, info: SeriesInfo) -> bool:
        """Whether this limit is about that series."""
        mine = info.tenant == self.tenant and info.metric == self.metric
        return mine and all(info.labels.get(k) == v for k, v in self.labels.items())


def limit_for(info: SeriesInfo, limits: list[Limit]) -> Limit | None:
    """The most specific limit that covers a series; 100 for a percentage without one; None when nothing is known."""
    covering = [x for x in limits if x.covers(info)]
    if covering:
        return max(covering, key=lambda x: (len(x.labels), x.id))
    if info.unit.lower() in PERCENT_UNITS:
        return Limit("unit:%", info.metric, 100.0, info.tenant)
    return None
