"""Registered rows to columnar messages: one or more a partition, series announced in front of their first samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kizashi.contracts.batches import F64, I64, U8, SamplesBatch, SeriesInfo
from services.ingest.intake import Rows
from services.ingest.registry import SeriesRegistry

_NO_IDS = np.zeros(0, np.uint64)
_NO_TS = np.zeros(0, np.int64)
_NO_VALUES = np.zeros(0, np.float64)
_NO_FLAGS = np.zeros(0, np.uint8)


def tick(now_ms: int) -> SamplesBatch:
    """A batch without rows: time passes."""
    return SamplesBatch(now_ms, _NO_IDS, _NO_TS, _NO_VALUES, _NO_FLAGS)


def announce(registry: SeriesRegistry, slots: I64) -> list[int]:
    """Slots among these that were not announced since the start; from now on they were."""
    fresh = np.unique(slots[~registry.announced[slots]])
    registry.announced[fresh] = True
    return [int(s) for s in fresh]


def info(registry: SeriesRegistry, slot: int) -> SeriesInfo:
    """Description of a slot in use."""
    found = registry.infos[slot]
    assert found is not None, "a slot in use has a description"
    return found


def cut(registry: SeriesRegistry, rows: Sequence[Rows], now_ms: int, rows_a_message: int) -> Iterator[tuple[int, SamplesBatch]]:
    """(partition, batch) of everything in ``rows``; the order of arrival within a partition is kept."""
    if not rows:
        return
    slots, ts, values, flags = _joined(rows)
    if not len(slots):
        return
    fresh: dict[int, list[SeriesInfo]] = {}
    for slot in announce(registry, slots):
        fresh.setdefault(int(registry.partitions[slot]), []).append(info(registry, slot))
    partitions = registry.partitions[slots]
    order = np.argsort(partitions.astype(np.uint16), kind="stable")  # of 16 bits it is a radix sort: an eighth of the time
    ids, ts, values, flags = registry.ids[slots][order], ts[order], values[order], flags[order]
    counts = np.bincount(partitions)
    start = 0
    for partition in np.flatnonzero(counts).tolist():
        end = start + int(counts[partition])
        for k in range(start, end, rows_a_message):
            part = slice(k, min(k + rows_a_message, end))
            yield partition, SamplesBatch(now_ms, ids[part], ts[part], values[part], flags[part], fresh.pop(partition, []))
        start = end


def _joined(rows: Sequence[Rows]) -> tuple[I64, I64, F64, U8]:
    slots = np.concatenate([r.slots for r in rows])
    ts = np.concatenate([r.ts for r in rows])
    values = np.concatenate([r.values for r in rows])
    flags = np.concatenate([np.full(len(r.slots), r.flag, np.uint8) for r in rows])
    return slots, ts, values, flags
