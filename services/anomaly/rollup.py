"""Ten-second summaries of scored samples, one message per tenant, by which rca sees a whole tenant without the store.

A bucket is told once the writer's clock has passed its end by ``GRACE_MS``: which rows a message holds follows from the log alone,
so a replay tells the same rollups from the same offsets.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import DUPLICATE, F64, HISTORY, I64, LATE, UNSCORED, RollupBatch
from kizashi.online.compile import kernel
from services.anomaly.bank import Scored
from services.anomaly.state import record

STEP_MS = 10_000
GRACE_MS = 2_000
"""Samples of a bucket arrive this much after its end at most; later ones are in the next view that recomputes from raw."""
TOLD_MS = 86_400_000
"""Samples further behind the writer's clock are an import or a replay: readers of rollups look at the present, and a curve of one value in
five minutes would be a message a sample for each of them."""
NOT_FOLDED = DUPLICATE | LATE | HISTORY | UNSCORED

CELL = record([("start", "i8"), ("row", "i4"), ("count", "u4"), ("sum", "f8"), ("low", "f8"), ("high", "f8"), ("worst", "f4")])


@kernel
def fold(cells: Any, row: Any, ts: Any, values: Any, score: Any, flags: Any, oldest: int, closed: Any) -> int:
    """Add rows not before ``oldest`` to their series' open bucket; one that a newer replaces goes to ``closed``; returns how many did."""
    told = 0
    for i in range(len(row)):
        if flags[i] & NOT_FOLDED or ts[i] < oldest:
            continue
        c = cells[row[i]]
        start = ts[i] - ts[i] % STEP_MS
        if c.count > 0 and start < c.start:
            continue
        if c.count > 0 and start > c.start:
            closed[told] = cells[row[i]]
            told += 1
            c.count = 0
        if c.count == 0:
            c.start, c.row, c.sum, c.low, c.high, c.worst = start, row[i], 0.0, values[i], values[i], 0.0
        c.count += 1
        c.sum += values[i]
        c.low = min(c.low, values[i])
        c.high = max(c.high, values[i])
        c.worst = max(c.worst, score[i])
    return told


class _Saved(msgspec.Struct, array_like=True):
    cells: bytes
    pending: bytes
    first: int
    emitted_ms: int


class Rollups:
    """Open buckets of every series of a partition, and closed ones that wait for the clock."""

    def __init__(self, topic_id: str, partition: int) -> None:
        self.topic_id, self.partition = topic_id, partition
        self.cells = np.zeros(0, CELL)
        self.pending = np.zeros(0, CELL)
        self.first = -1
        self.emitted_ms = 0

    def add(self, offset: int, now_ms: int, rows_known: int, scored: Scored, ts: I64, values: F64) -> None:
        """Fold one scored message."""
        if self.first < 0:
            self.first = offset
        if rows_known > len(self.cells):
            grown = np.zeros(2 * rows_known, CELL)
            grown[: len(self.cells)] = self.cells
            self.cells = grown
        closed = np.zeros(len(ts), CELL)
        told = fold(self.cells, scored.row, ts, values, scored.score, scored.flags, now_ms - TOLD_MS, closed)
        if told:
            self.pending = np.concatenate([self.pending, closed[:told]])

    def due(self, offset: int, now_ms: int, ids: NDArray[np.uint64], tenants: NDArray[np.int32], names: list[str]) -> list[RollupBatch]:
        """Batches whose time has come at ``now_ms``; ``ids`` and ``tenants`` are indexed by row."""
        border = now_ms - GRACE_MS
        border -= border % STEP_MS
        if now_ms <= 0 or border <= self.emitted_ms:
            return []
        self.emitted_ms = border
        ripe = np.flatnonzero((self.cells["count"] > 0) & (self.cells["start"] < border))
        cells = np.concatenate([self.pending, self.cells[ripe]])
        self.cells["count"][ripe] = 0
        self.pending = np.zeros(0, CELL)
        first, self.first = (offset if self.first < 0 else self.first), offset + 1
        return list(self._batches(cells, first, offset, ids, tenants, names))

    def forget(self, rows: NDArray[np.int32]) -> None:
        """Rows that another series will use."""
        self.cells["count"][rows[rows < len(self.cells)]] = 0

    def _batches(self, cells: Any, first: int, last: int, ids: Any, tenants: Any, names: list[str]) -> Any:
        order = np.lexsort((cells["row"], cells["start"], tenants[cells["row"]]))
        cells = cells[order]
        group = tenants[cells["row"]].astype(np.int64)
        edges = np.flatnonzero((np.diff(group) != 0) | (np.diff(cells["start"]) != 0)) + 1
        for part in np.split(cells, edges) if len(cells) else []:
            tenant, start = names[int(tenants[part["row"][0]])], int(part["start"][0])
            low, high, worst = part["low"].copy(), part["high"].copy(), part["worst"].copy()
            mean, count = part["sum"] / part["count"], part["count"].copy()
            series = ids[part["row"]]
            yield RollupBatch(tenant, self.topic_id, self.partition, first, last, start, STEP_MS, series, count, mean, low, high, worst)

    def dump(self) -> bytes:
        """Everything that waits."""
        return msgspec.msgpack.encode(_Saved(self.cells.tobytes(), self.pending.tobytes(), self.first, self.emitted_ms))

    def restore(self, data: bytes) -> None:
        """Inverse of ``dump``."""
        saved = msgspec.msgpack.decode(data, type=_Saved)
        self.cells = np.frombuffer(saved.cells, CELL).copy()
        self.pending = np.frombuffer(saved.pending, CELL).copy()
        self.first, self.emitted_ms = saved.first, saved.emitted_ms
