"""Closed stretches of a range, kept: only the newest buckets and what nobody has asked before go to the store. Pure: time is given.

A stretch is 32 buckets of one width, on a fixed grid. It is closed once it lies entirely before the time until which late samples are
scored in event time; what is younger is asked anew each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.gateway.times import Span

BUCKETS = 32
"""Buckets a stretch: a screen of 600 points is about twenty of them, and at most one of them more than what is unsettled is asked anew."""
SETTLED_AFTER_MS = 660_000
"""Ten minutes of lateness, and one for the pipeline: before that a bucket may still change."""
KEPT_MS = 300_000
"""Imported history may still change a closed stretch; after this it is asked again."""
STRETCH_BYTES = 400
"""Key, dictionary slot and array header, measured with tracemalloc."""

Stretch = NDArray[np.float64]
"""(columns, n): what a stretch holds; its owner knows the columns."""
Key = tuple[str, int, int, int]
"""Tenant, series, step, number of the stretch."""


@dataclass(frozen=True)
class Plan:
    """What is at hand and what must be asked: spans in ascending order, aligned to stretches, without overlap."""

    have: dict[Key, Stretch]
    missing: dict[Span, list[int]]


class RangeCache:
    """Bounded in bytes; the stretch not used for longest goes first."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Key, tuple[int, Stretch]] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def plan(self, tenant: str, series: Iterable[int], step: int, span: Span, now_ms: int) -> Plan:
        """Split a question. Each missing span names the series it must be asked for."""
        width = step * BUCKETS
        have: dict[Key, Stretch] = {}
        gaps: dict[tuple[int, ...], list[int]] = {}
        numbers = range(span.start_ms // width, -(-span.end_ms // width))
        for s in series:
            absent = []
            for n in numbers:
                found = self._get((tenant, s, step, n), now_ms) if closed(n, width, now_ms) else None
                if found is None:
                    absent.append(n)
                else:
                    have[tenant, s, step, n] = found
            if absent:
                gaps.setdefault(tuple(absent), []).append(s)
        missing: dict[Span, list[int]] = {}
        for absent_numbers, wanted in gaps.items():
            for first, last in _runs(absent_numbers):
                missing.setdefault(Span(first * width, (last + 1) * width), []).extend(wanted)
        return Plan(have, missing)

    def put(self, tenant: str, series: int, step: int, number: int, columns: Stretch, now_ms: int) -> None:
        """Keep a stretch that is closed; others are ignored."""
        if not closed(number, step * BUCKETS, now_ms):
            return
        key = (tenant, series, step, number)
        self._drop(key)
        self._kept[key] = (now_ms + KEPT_MS, columns)
        self._size += _bytes(columns)
        while self._size > self._limit and self._kept:
            self._drop(next(iter(self._kept)))

    @property
    def size(self) -> int:
        """Bytes held, about."""
        return self._size

    def _get(self, key: Key, now_ms: int) -> Stretch | None:
        entry = self._kept.get(key)
        if entry is None or entry[0] <= now_ms:
            self.misses += 1
            self._drop(key)
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return entry[1]

    def _drop(self, key: Key) -> None:
        entry = self._kept.pop(key, None)
        if entry is not None:
            self._size -= _bytes(entry[1])


def closed(number: int, width: int, now_ms: int) -> bool:
    """Whether a stretch lies entirely in settled time."""
    return (number + 1) * width <= now_ms - SETTLED_AFTER_MS


def _bytes(stretch: Stretch) -> int:
    return STRETCH_BYTES + stretch.nbytes


def _runs(numbers: tuple[int, ...]) -> list[tuple[int, int]]:
    """Ascending numbers as runs (first, last)."""
    runs: list[tuple[int, int]] = []
    for n in numbers:
        if runs and runs[-1][1] == n - 1:
            runs[-1] = (runs[-1][0], n)
        else:
            runs.append((n, n))
    return runs
