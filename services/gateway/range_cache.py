"""Stretches of a range, kept: only the newest buckets and what nobody has asked before go to the store. Pure: time is given.

A stretch is 32 buckets of one width, on a fixed grid. It is settled once it lies entirely before the time until which late samples are
scored in event time, and then kept for minutes. What is younger is kept for seconds, so that the charts of a hundred people do not read the
same quarter of an hour a hundred times; a late row is seen that much later. The newest seconds are never kept: of a stretch that reaches
into them the head is, and the question is for the rest. Of a series that is followed in the log, and of which nothing came late since, what
is young is kept for longer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.gateway.times import Span

BUCKETS = 32
"""Buckets a stretch: a screen of 600 points is about twenty of them, and at most one of them more than what is unsettled is asked anew."""
SETTLED_AFTER_MS = 660_000
"""Ten minutes of lateness, and one for the pipeline: before that a bucket may still change."""
KEPT_MS = 300_000
"""Imported history may still change a settled stretch; after this it is asked again."""
YOUNG_KEPT_MS = 10_000
"""A late row is seen that much later, and with the next question of an open chart (once a minute)."""
CALM_KEPT_MS = 60_000
"""Young, but nothing came late since it was asked. Not for longer: a store that was far behind when it was asked gave too little."""
RENEWED_MS = 60_000
"""What is settled, or nothing came late for, is given for so much longer while it is asked anew: nobody waits for what hardly changed."""
NEVER = 1 << 62
NEWEST_MS = 15_000
"""Never kept. A sample lands within a second or two; a pipeline that lags by more than this is behind on every screen anyway."""
HEAD_BUCKETS = 4
"""A head ends at a multiple of so many buckets: who asks in the same moments then asks for the same rest, in one question."""
STRETCH_BYTES = 400
"""Key, dictionary slot and array header, measured with tracemalloc."""
BUCKET = 0
"""The row of a stretch that holds the beginning of each bucket, ascending."""

Stretch = NDArray[np.float64]
"""(columns, n): what a stretch holds; its owner knows the columns but the first."""
Key = tuple[str, int, int, int]
"""Tenant, series, step, number of the stretch."""


@dataclass(frozen=True)
class Plan:
    """What is at hand and what must be asked. A missing span that begins inside a stretch is the rest of a head in ``have``.

    ``ageing`` is at hand too, and to be asked anew without anybody waiting for it.
    """

    have: dict[Key, Stretch]
    missing: dict[Span, list[int]]
    ageing: dict[Span, list[int]]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Buckets of a stretch before ``known_ms``, good until ``until_ms``; the oldest of them asked at ``made_ms``.

    ``whole`` says that they hold what had come late until then.
    """

    until_ms: int
    made_ms: int
    known_ms: int
    whole: bool
    columns: Stretch

    def fresh_until_ms(self, calm_ms: int) -> int:
        return max(self.until_ms, self.made_ms + CALM_KEPT_MS) if self._calm(calm_ms) else self.until_ms

    def given_until_ms(self, calm_ms: int) -> int:
        settled = self.known_ms <= self.made_ms - SETTLED_AFTER_MS
        return self.fresh_until_ms(calm_ms) + (RENEWED_MS if settled or self._calm(calm_ms) else 0)

    def _calm(self, calm_ms: int) -> bool:
        return self.whole and self.made_ms >= calm_ms


class RangeCache:
    """Bounded in bytes; the stretch not used for longest goes first."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def plan(
        self, tenant: str, series: Iterable[int], step: int, span: Span, now_ms: int, calm_since: Callable[[int], int] = lambda _: NEVER
    ) -> Plan:
        """Split a question. Each missing span names the series it must be asked for.

        ``calm_since`` gives the time (ms) since when nothing of a series came late; NEVER when that is not known.
        """
        width = step * BUCKETS
        have: dict[Key, Stretch] = {}
        missing: dict[Span, list[int]] = {}
        ageing: dict[Span, list[int]] = {}
        numbers = range(span.start_ms // width, -(-span.end_ms // width))
        for s in series:
            gaps: list[tuple[int, int]] = []
            old: list[tuple[int, int]] = []
            calm_ms = calm_since(s)
            for n in numbers:
                found = self._get((tenant, s, step, n), now_ms, calm_ms)
                if found is None:
                    gaps.append((n * width, (n + 1) * width))
                    continue
                have[tenant, s, step, n] = found.columns
                if found.fresh_until_ms(calm_ms) <= now_ms:
                    old.append((n * width, (n + 1) * width))
                if found.known_ms < min(span.end_ms, (n + 1) * width):
                    gaps.append((found.known_ms, (n + 1) * width))
            for start, end in _runs(gaps):
                missing.setdefault(Span(start, end), []).append(s)
            for start, end in _runs(old):
                ageing.setdefault(Span(start, end), []).append(s)
        return Plan(have, missing, ageing)

    def put(self, key: Key, columns: Stretch, asked_ms: int, since_ms: int = 0, certain_ms: int | None = None, whole: bool = True) -> None:
        """Keep what was asked at ``asked_ms``: what lies before ``certain_ms``, or else all but the newest buckets.

        Rows from ``since_ms`` on continue the head that ends there. Not ``whole``: a row that had come late may not have been there yet, so
        what is young is not kept for longer.
        """
        _, _, step, number = key
        start, end = number * step * BUCKETS, (number + 1) * step * BUCKETS
        known_ms = min(end, kept_until(end, asked_ms - NEWEST_MS, step) if certain_ms is None else certain_ms)
        if known_ms <= max(start, since_ms):
            return
        until_ms, made_ms = asked_ms + (KEPT_MS if known_ms <= asked_ms - SETTLED_AFTER_MS else YOUNG_KEPT_MS), asked_ms
        if since_ms > start:
            head = self._kept.get(key)
            if head is None or head.known_ms != since_ms:
                return
            columns = np.concatenate((head.columns, columns), axis=1)
            until_ms, made_ms, whole = min(until_ms, head.until_ms), min(made_ms, head.made_ms), whole and head.whole
        if known_ms < end:
            columns = columns[:, : np.searchsorted(columns[BUCKET], known_ms)].copy()  # a view would keep the rest alive
        self._drop(key)
        self._kept[key] = _Kept(until_ms, made_ms, known_ms, whole, columns)
        self._size += _bytes(columns)
        while self._size > self._limit and self._kept:
            self._drop(next(iter(self._kept)))

    @property
    def size(self) -> int:
        """Bytes held, about."""
        return self._size

    def _get(self, key: Key, now_ms: int, calm_ms: int) -> _Kept | None:
        entry = self._kept.get(key)
        if entry is None or entry.given_until_ms(calm_ms) <= now_ms:
            self.misses += 1
            self._drop(key)
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return entry

    def _drop(self, key: Key) -> None:
        entry = self._kept.pop(key, None)
        if entry is not None:
            self._size -= _bytes(entry.columns)


def kept_until(end_ms: int, certain_ms: int, step: int) -> int:
    """How far an answer that ends at ``end_ms`` is kept when everything before ``certain_ms`` is in it."""
    grain = step * HEAD_BUCKETS
    return end_ms if end_ms <= certain_ms else min(end_ms, certain_ms // grain * grain)


def _bytes(stretch: Stretch) -> int:
    return STRETCH_BYTES + stretch.nbytes


def _runs(gaps: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending gaps, those that touch joined."""
    runs: list[tuple[int, int]] = []
    for start, end in gaps:
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs
