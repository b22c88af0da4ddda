"""From 64-bit series ids to small row numbers, inside numba: open addressing with linear probing.

A Python dict costs 60-100 ns a look-up and cannot be used in a kernel; this table costs about 5 ns.
Ids are already hashes, so their low bits are used as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kizashi.online.compile import kernel

EMPTY = -1
GONE = -2
"""A deleted entry: probing goes on past it."""


@kernel
def find(keys: NDArray[np.uint64], rows: NDArray[np.int32], key: int) -> int:
    """Row of ``key``, or -1. ``keys`` and ``rows`` have a power of two as length and at least one EMPTY row."""
    mask = np.uint64(len(keys) - 1)
    at = np.uint64(key) & mask
    while rows[at] != EMPTY:
        if rows[at] >= 0 and keys[at] == key:
            return int(rows[at])
        at = (at + np.uint64(1)) & mask
    return EMPTY


@kernel
def rows_of(keys: NDArray[np.uint64], rows: NDArray[np.int32], ids: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Row of each id (n,), -1 for unknown ones. One call for many: the way from Python into a kernel costs more than the look-up."""
    out = np.empty(len(ids), np.int32)
    for i in range(len(ids)):
        out[i] = find(keys, rows, ids[i])
    return out


@kernel
def insert(keys: NDArray[np.uint64], rows: NDArray[np.int32], key: int, row: int) -> None:
    """Put ``key`` in the table; it must not be there yet, and there must be room."""
    mask = np.uint64(len(keys) - 1)
    at = np.uint64(key) & mask
    while rows[at] >= 0:
        at = (at + np.uint64(1)) & mask
    keys[at] = key
    rows[at] = row


@kernel
def remove(keys: NDArray[np.uint64], rows: NDArray[np.int32], key: int) -> None:
    """Take ``key`` out, if it is there."""
    mask = np.uint64(len(keys) - 1)
    at = np.uint64(key) & mask
    while rows[at] != EMPTY:
        if rows[at] >= 0 and keys[at] == key:
            rows[at] = GONE
            return
        at = (at + np.uint64(1)) & mask


def build(ids: NDArray[np.uint64], row_of: NDArray[np.int32], capacity: int) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """A fresh table for ``ids`` (n,) at rows ``row_of`` (n,) with room for ``capacity`` entries, at most half full."""
    size = 1 << max(4, int(2 * capacity - 1).bit_length())
    keys, rows = np.zeros(size, np.uint64), np.full(size, EMPTY, np.int32)
    for key, row in zip(ids, row_of, strict=True):
        insert(keys, rows, key, row)
    return keys, rows
