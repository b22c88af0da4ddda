"""Cold start: a new series borrows level by time of day, spread and boundaries from its cohort until it has its own.

A cohort is all series of a tenant with the same metric, kind and label names - the CPU of all hosts, the latency of all services. What is
lent is the median over at most ``MOST`` grown-up members, so that one odd member lends nothing. Cost: a few microseconds a new series.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.contracts.batches import SeriesInfo
from services.anomaly.adopt import LENT
from services.anomaly.state import BINS

GROWN = 1000
"""Samples after which a series may lend."""
MOST = 9
LOOKED_AT = 256
"""Members asked whether they are grown, the oldest first."""

Key = tuple[str, str, str, tuple[str, ...]]


def cohort_of(info: SeriesInfo) -> Key:
    """Whom a series resembles."""
    return info.tenant, info.metric, info.kind, tuple(sorted(info.labels))


def lend(record: Any, members: Any) -> bool:
    """Fill a new series' record from the records (k,) of its cohort; whether there was anybody to lend.

    Levels stay absolute: the first sample says how the series' own level lies to them (adopt.py).
    """
    grown = members[(members["learned"] >= GROWN) & (members["open"] == 0) & (members["weight"] > 0.0)][:MOST]
    if not len(grown):
        return False
    visited = (grown["visits"] > 0).mean(0) >= 0.5
    levels = np.where(grown["visits"] > 0, grown["anchor"][:, None] + grown["day"], np.nan)
    for k in range(BINS):
        if visited[k]:
            record["day"][k] = np.nanmedian(levels[:, k])
            record["visits"][k] = 2
    for name in ("square_rest", "square_surprise"):
        record[name] = np.median(grown[name] / grown["weight"])
    for name in ("errors", "sums_square"):
        record[name] = np.median(grown[name], axis=0)
    for name in ("point_boundary", "spike"):
        record[name] = np.median(grown[name])
    record["borrowed"] = LENT
    return True
