"""How series move: together (correlation), and through the week (season). Pure."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.gateway.native import Array

LEAST_MINUTES = 10
"""Fewer common minutes say nothing."""


def correlation(ids: list[int], series: Array, bucket: Array, mean: Array) -> list[list[float | None]]:
    """Pearson correlation of each pair over the minutes that both have, (n, n); None below ten of them or for a constant.

    ``series``, ``bucket``, ``mean`` are (rows,) in order of series.
    """
    minutes, at = np.unique(bucket, return_inverse=True)
    table: NDArray[np.float64] = np.full((len(ids), len(minutes)), np.nan)
    table[np.searchsorted(np.array(ids, np.uint64), series), at] = mean
    out: list[list[float | None]] = [[None] * len(ids) for _ in ids]
    for i in range(len(ids)):
        both = ~np.isnan(table[i]) & ~np.isnan(table)
        for j in range(i, len(ids)):
            x, y = table[i, both[j]], table[j, both[j]]
            if len(x) >= LEAST_MINUTES and (spread := float(x.std() * y.std())) > 0:
                out[i][j] = out[j][i] = round(float(np.mean((x - x.mean()) * (y - y.mean())) / spread), 4)
    return out


class Season(msgspec.Struct):
    """Hour of the week: ``day`` 1 is Monday. Columns of up to 168."""

    day: list[int]
    hour: list[int]
    value: list[float]
    lower: list[float]
    upper: list[float]
    weeks: list[int]
