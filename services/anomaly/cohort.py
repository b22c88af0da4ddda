"""Cold start: a new series borrows level by time of day, spread and boundaries from its cohort until it has its own.

A cohort is all series of a tenant with the same metric, kind and label names - the CPU of all hosts, the latency of all services. What is
lent is the median over at most ``MOST`` grown-up members, so that one odd member lends nothing. Cost: a few microseconds a new series.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import SeriesInfo
from kizashi.online.medians import column_medians
from services.anomaly.adopt import LENT

GROWN = 1000
"""Samples after which a series may lend."""
MOST = 9
LOOKED_AT = 256
"""Members asked whether they are grown, the oldest first."""

Key = tuple[str, str, str, tuple[str, ...]]


def cohort_of(info: SeriesInfo) -> Key:
    """Whom a series resembles."""
    return info.tenant, info.metric, info.kind, tuple(sorted(info.labels))


def lend(record: Any, states: Any, rows: NDArray[np.int32]) -> bool:
    """Fill a new series' record from its cohort, whose records are ``states[rows]`` with rows (k,); whether there was anybody to lend.

    Levels stay absolute: the first sample says how the series' own level lies to them (adopt.py).
    """
    able = (states["learned"][rows] >= GROWN) & (states["open"][rows] == 0) & (states["weight"][rows] > 0.0)
    grown = states[rows[able][:MOST]]
    if not len(grown):
        return False
    visited = (grown["visits"] > 0).mean(0) >= 0.5
    levels = np.where(grown["visits"] > 0, grown["anchor"][:, None] + grown["day"], np.nan)
    record["day"][visited] = column_medians(levels[:, visited])
    record["visits"][visited] = 2
    for name in ("square_rest", "square_surprise"):
        record[name] = column_medians((grown[name] / grown["weight"])[:, None])[0]
    for name in ("errors", "sums_square"):
        record[name] = column_medians(grown[name])
    for name in ("point_boundary", "spike"):
        record[name] = column_medians(grown[name][:, None])[0]
    record["borrowed"] = LENT
    return True
