"""Folds samples into buckets: one mean per series and bucket, for the finest tier; coarser tiers fold the buckets of the finer one.

A bucket closes when a newer sample of its series arrives, so silence costs nothing and batch borders do not matter. Counters become
rates per second, with resets. Samples that are not newer than the last of their series (repeats, late
ones) are not folded. About 30 ns a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kizashi.online.compile import kernel

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
NOTHING = -(1 << 62)


@kernel
def fold_samples(
    rows: NDArray[np.int32], ts: I64, values: F64, width: int,
    last_ts: I64, last_value: F64, counter: U8, bucket: I64, total: F64, weight: F64,
    out_row: NDArray[np.int32], out_bucket: I64, out_value: F64,
) -> int:  # fmt: skip
    """Add samples (n,) to the open buckets of their rows; closed ones go to ``out_*`` (n,), in order. Returns how many closed."""
    closed = 0
    for i in range(len(rows)):
        r = rows[i]
        if r < 0 or ts[i] <= last_ts[r]:
            continue
        b = ts[i] // width
        if bucket[r] != NOTHING and b > bucket[r]:
            if weight[r] > 0.0:
                out_row[closed], out_bucket[closed], out_value[closed] = r, bucket[r], total[r] / weight[r]
                closed += 1
            total[r], weight[r] = 0.0, 0.0
        bucket[r] = b
        if counter[r] == 0:
            total[r] += values[i]
            weight[r] += 1.0
        elif last_ts[r] != NOTHING:
            rise = values[i] - last_value[r]
            total[r] += rise if rise >= 0.0 else values[i]
            weight[r] += (ts[i] - last_ts[r]) / 1000.0
        last_ts[r], last_value[r] = ts[i], values[i]
    return closed


@kernel
def fold_buckets(
    rows: NDArray[np.int32], buckets: I64, values: F64, ratio: int,
    bucket: I64, total: F64, weight: F64,
    out_row: NDArray[np.int32], out_bucket: I64, out_value: F64,
) -> int:  # fmt: skip
    """Add closed fine buckets (n,) to coarse ones of ``ratio`` fine ones, which close with their last fine one. Returns how many."""
    closed = 0
    for i in range(len(rows)):
        r, b = rows[i], buckets[i] // ratio
        if weight[r] > 0.0 and b != bucket[r]:
            out_row[closed], out_bucket[closed], out_value[closed] = r, bucket[r], total[r] / weight[r]
            closed += 1
            total[r], weight[r] = 0.0, 0.0
        bucket[r] = b
        total[r] += values[i]
        weight[r] += 1.0
        if (buckets[i] + 1) % ratio == 0:
            out_row[closed], out_bucket[closed], out_value[closed] = r, b, total[r] / weight[r]
            closed += 1
            total[r], weight[r] = 0.0, 0.0
    return closed


@dataclass(frozen=True)
class Closed:
    """Closed buckets of one tier, in order: row, number (start = number * width) and mean, (n,) each."""

    rows: NDArray[np.int32]
    buckets: I64
    values: F64


class Buckets:
    """Open buckets of all rows and tiers. ``widths_ms`` goes from fine to coarse, each a multiple of the one before."""

    def __init__(self, widths_ms: tuple[int, ...], rows: int = 16) -> None:
        self.widths_ms = widths_ms
        self.last_ts = np.full(rows, NOTHING, np.int64)
        self.last_value = np.zeros(rows)
        self.counter = np.zeros(rows, np.uint8)
        self.open = [np.full(rows, NOTHING, np.int64) for _ in widths_ms]
        self.total = [np.zeros(rows) for _ in widths_ms]
        self.weight = [np.zeros(rows) for _ in widths_ms]

    def columns(self) -> list[NDArray[np.generic]]:
        """Every array, rows first: what a snapshot holds."""
        return [self.last_ts, self.last_value, self.counter, *self.open, *self.total, *self.weight]

    def reserve(self, rows: int) -> None:
        """Make room for at least ``rows`` series."""
        have = len(self.last_ts)
        if rows > have:
            more = Buckets(self.widths_ms, max(rows - have, have))
            self.restore([np.concatenate(pair) for pair in zip(self.columns(), more.columns(), strict=True)])

    def restore(self, columns: list[NDArray[np.generic]]) -> None:
        """Inverse of ``columns``."""
        k = len(self.widths_ms)
        self.last_ts, self.last_value = columns[0].astype(np.int64), columns[1].astype(np.float64)
        self.counter = columns[2].astype(np.uint8)
        self.open = [c.astype(np.int64) for c in columns[3 : 3 + k]]
        self.total = [c.astype(np.float64) for c in columns[3 + k : 3 + 2 * k]]
        self.weight = [c.astype(np.float64) for c in columns[3 + 2 * k :]]

    def clear(self, row: int) -> None:
        """Forget a row, before it is given to another series."""
        for column, empty in zip(self.columns(), Buckets(self.widths_ms, 1).columns(), strict=True):
            column[row] = empty[0]

    def fold(self, rows: NDArray[np.int32], ts: I64, values: F64) -> list[Closed]:
        """Fold samples (n,); row -1 is left out. Closed buckets by tier."""
        closed = [self._closed(len(rows))]
        first = closed[0]
        count = fold_samples(
            rows, ts, values, self.widths_ms[0],
            self.last_ts, self.last_value, self.counter, self.open[0], self.total[0], self.weight[0],
            first.rows, first.buckets, first.values,
        )  # fmt: skip
        closed[0] = _cut(first, count)
        for k in range(1, len(self.widths_ms)):
            fine, room = closed[-1], self._closed(2 * len(closed[-1].rows))
            ratio = self.widths_ms[k] // self.widths_ms[k - 1]
            count = fold_buckets(
                fine.rows, fine.buckets, fine.values, ratio,
                self.open[k], self.total[k], self.weight[k], room.rows, room.buckets, room.values,
            )  # fmt: skip
            closed.append(_cut(room, count))
        return closed

    def _closed(self, n: int) -> Closed:
        return Closed(np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n))


def _cut(closed: Closed, n: int) -> Closed:
    return Closed(closed.rows[:n], closed.buckets[:n], closed.values[:n])
