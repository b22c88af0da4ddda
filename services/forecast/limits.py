"""Thresholds that resources run into: set by hand or by rule, or known from the unit."""

from __future__ import annotations

import re

from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.promises import Limit

PERCENT_UNITS = frozenset({"%", "percent"})
SHARE_UNITS = frozenset({"1", "ratio"})
_USED_UP = re.compile(r"(memory|disk|filesystem|volume|storage|inode|heap|swap|pool|quota).*(utili[sz]ation|ratio|usage|used|share)")
"""Names of shares that are full at one (OpenTelemetry writes unit 1). A share of errors is full of nothing, and
processor time does not run out: it is there again in the next second."""


def limit_for(info: SeriesInfo, limits: list[Limit]) -> Limit | None:
    """The most specific limit that covers a series; 100 for a percentage, 1 for the used share of a resource; else None."""
    covering = [x for x in limits if x.covers(info)]
    if covering:
        return max(covering, key=lambda x: (len(x.labels), x.id))
    if info.unit.lower() in PERCENT_UNITS:
        return Limit("unit:%", info.metric, 100.0, info.tenant)
    if info.unit.lower() in SHARE_UNITS and _USED_UP.search(info.metric.lower()):
        return Limit("unit:1", info.metric, 1.0, info.tenant)
    return None
