"""Small numbers in small places: counts of four bits, and means as 16-bit multiples of a unit that grows with them.

A series' week is 168 means and 168 counts; as 32-bit floats and bytes they were 840 of its 2,488 bytes, packed they are 420.
A mean's resolution is 1/32,000 of the largest one's distance from the series' first value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import F64, U8
from kizashi.online.compile import kernel

LARGEST = 32_000
FIRST = 16_000
"""The first mean that is kept is so many units, so that twice as large a one still fits."""


@kernel
def nibble(counts: Any, k: int) -> int:
    """Count ``k`` (0-15) of a packed array (n / 2,)."""
    return int((counts[k >> 1] >> (4 * (k & 1))) & 15)


@kernel
def set_nibble(counts: Any, k: int, n: int) -> None:
    """Set count ``k`` to ``n`` (0-15)."""
    shift = 4 * (k & 1)
    counts[k >> 1] = (counts[k >> 1] & (240 >> shift)) | (n << shift)


@kernel
def put_mean(means: Any, unit: float, k: int, value: float) -> float:
    """Keep ``value`` as mean ``k`` of ``means`` (n,) i16; returns the unit, doubled as often as the value needs."""
    if unit <= 0.0:
        unit = abs(value) / FIRST
    if unit <= 0.0 or not np.isfinite(unit):
        means[k] = 0
        return 0.0
    while abs(value) > LARGEST * unit:
        unit *= 2.0
        for j in range(len(means)):
            means[j] = means[j] // 2
    means[k] = int(np.round(value / unit))
    return unit


def nibbles(counts: U8) -> U8:
    """All counts (n,) of a packed array (n / 2,).

    >>> nibbles(np.array([0x21, 0x43], np.uint8)).tolist()
    [1, 2, 3, 4]
    """
    out: NDArray[np.uint8] = np.stack([counts & 15, counts >> 4], -1).ravel()
    return out


def means_of(means: NDArray[np.int16], unit: float) -> F64:
    """All means (n,) in the series' own unit."""
    out: F64 = means.astype(float) * unit
    return out
