"""The last minutes of every series, in buckets of ten seconds, folded from the rows that pass by: no chart asks the store for them.

The store keeps its newest rows in many small parts, and each costs a question about as much as a large one. What is answered from here must
be what the store would say, so a series is left out for as long as a row is in reach that may not count there: one that came late, which
may be a repeat, was imported, could not be scored, or is ahead of the clock. Flagged repeats are left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizashi.clock import Clock
from kizashi.contracts.batches import DUPLICATE, F64, HISTORY, I64, LATE, U64, UNSCORED, ScoresBatch, thousandths
from kizashi.contracts.ids import series_partition
from kizashi.observe.logs import logger
from services.gateway.live.hot import AHEAD_MS, BEHIND_MS
from services.gateway.live.rows import newest_row, shorten
from services.gateway.native import Array
from services.gateway.range_cache import NEVER
from services.gateway.times import Span

WIDTH_MS = 10_000
"""The buckets of an hour's chart; those of three, six, twelve and twenty-four hours are multiples of it."""
BUCKETS = 60
"""Ten minutes: the minutes' table is three behind, and of a chart of rows the store is the better asked for less the newer its rows are."""
MOST_SERIES = 20_000
"""Of all tenants together, 4 kB each. At more it begins anew; when as many come again within ten minutes nothing is kept any more."""
GROW = 64
PLACES = 600
PLACE_EVERY_MS = 1_000
NOT_PLAIN = HISTORY | LATE | UNSCORED

_BAND = ("expected", "lower", "upper")
_EMPTY: dict[str, float] = {"low": np.inf, "high": -np.inf, "first": NEVER}
_COLUMNS: dict[str, type[np.generic]] = {
    "rows": np.int32, "scored": np.int32, "first": np.int64, "low": np.float64, "high": np.float64, "worst": np.uint32, "flags": np.uint8,
    **dict.fromkeys(("value", *_BAND), np.float64),
}  # fmt: skip
"""``scored`` counts the rows that have an expectation."""
_LAST: dict[str, type[np.generic]] = {
    "ts": np.int64, "value": np.float64, "worst": np.uint32, "flags": np.uint8, **dict.fromkeys(_BAND, np.float32),
}  # fmt: skip


@dataclass
class _Part:
    """One partition. ``ids`` ascend and are at ``places`` in the tables, each (BUCKETS, room), whose rows hold the buckets ``held``."""

    ids: U64 = field(default_factory=lambda: np.empty(0, np.uint64))
    places: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    held: I64 = field(default_factory=lambda: np.full(BUCKETS, -1, np.int64))
    tables: dict[str, NDArray[Any]] = field(default_factory=lambda: {n: _blank(n, 0) for n in _COLUMNS})
    whole_ms: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    """By place, from which time on the rows of the series are as the store has them."""
    last: dict[str, NDArray[Any]] = field(default_factory=lambda: {n: np.zeros(0, kind) for n, kind in _LAST.items()})
    """By place, the newest row that counts for certain; its ``ts`` is 0 while there is none."""
    since_ms: int | None = None
    batch_ms: int = 0
    passed: deque[tuple[int, str, int]] = field(default_factory=lambda: deque(maxlen=PLACES))
    """When (ms) which samples message's scores had passed by, about one a second."""
    fence: dict[tuple[str, int], int] = field(default_factory=dict)
    """Offset of the newest samples message whose scores were folded: a scorer that starts again repeats itself."""

    def places_of(self, ids: U64) -> NDArray[np.intp]:
        """Where the series are; those that are new get a place."""
        at = np.searchsorted(self.ids, ids)
        known = self.ids[np.minimum(at, len(self.ids) - 1)] == ids if len(self.ids) else np.zeros(len(ids), np.bool_)
        if not known.all():
            self._add(np.unique(ids[~known]))
            at = np.searchsorted(self.ids, ids)
        return self.places[at]

    def _add(self, new: U64) -> None:
        count, room = len(self.ids), self.tables["rows"].shape[1]
        if count + len(new) > room:
            more = max(GROW, len(new), room // 4)
            self.tables = {n: np.concatenate((table, _blank(n, more)), axis=1) for n, table in self.tables.items()}
            self.whole_ms = np.concatenate((self.whole_ms, np.zeros(more, np.int64)))
            self.last = {n: np.concatenate((column, np.zeros(more, column.dtype))) for n, column in self.last.items()}
        order = np.argsort(ids := np.concatenate((self.ids, new)))
        self.ids = ids[order]
        self.places = np.concatenate((self.places, np.arange(count, count + len(new))))[order]

    def fold(self, bucket: int, at: NDArray[np.intp], rows: dict[str, NDArray[Any]]) -> None:
        """Add rows (n,) of one bucket at these places."""
        row = bucket % BUCKETS
        if self.held[row] < bucket:
            self.held[row] = bucket
            for name, kept in self.tables.items():
                kept[row] = _EMPTY.get(name, 0)
        table = {name: kept[row] for name, kept in self.tables.items()}
        np.add.at(table["rows"], at, 1)
        np.minimum.at(table["first"], at, rows["ts"])
        np.minimum.at(table["low"], at, rows["value"])
        np.maximum.at(table["high"], at, rows["value"])
        np.maximum.at(table["worst"], at, rows["worst"])
        np.bitwise_or.at(table["flags"], at, rows["flags"])
        np.add.at(table["value"], at, rows["value"])
        scored = ~np.isnan(rows["expected"])
        if not scored.all():
            at, rows = at[scored], {name: column[scored] for name, column in rows.items()}
        np.add.at(table["scored"], at, 1)
        for name in _BAND:
            np.add.at(table[name], at, rows[name])


def _blank(name: str, places: int) -> NDArray[Any]:
    return np.full((BUCKETS, places), _EMPTY.get(name, 0), _COLUMNS[name])


class Lately:
    """``followed``: whether a partition of the score topic is read up to its end; ``given_up`` is told when nothing is kept any more."""

    def __init__(
        self, clock: Clock, partitions: int, followed: Callable[[int], bool], given_up: Callable[[], object] = lambda: None
    ) -> None:  # fmt: skip
        self._clock, self._partitions, self._followed, self._given_up = clock, partitions, followed, given_up
        self._parts: dict[int, _Part] = {}
        self._began_s = clock.monotonic_s()
        self.kept = True
        """False from the moment on when there were too many series at once."""

    def restart(self) -> None:
        """Rows were missed: nothing that is kept is whole."""
        self._parts.clear()

    def take(self, partition: int, batch: ScoresBatch) -> None:
        """Rows of a partition, in the order of the log."""
        if not self.kept:
            return
        part = self._parts.setdefault(partition, _Part())
        part.batch_ms = max(part.batch_ms, batch.now_ms)
        if part.since_ms is None and self._followed(partition):
            part.since_ms = self._clock.now_ms()
        source = (batch.topic_id, batch.partition)
        fence = part.fence.get(source, -1)
        if len(batch.offsets):
            part.fence[source] = max(fence, int(batch.offsets[-1]))
            now_ms = self._clock.now_ms()
            if not part.passed or now_ms - part.passed[-1][0] >= PLACE_EVERY_MS:
                part.passed.append((now_ms, batch.topic_id, part.fence[source]))
        fresh = slice(None)
        if len(batch.offsets) and batch.offsets[0] <= fence:
            fresh = slice(int(batch.counts[batch.offsets <= fence].sum()), None)
        flags = batch.flags[fresh]
        rows: dict[str, NDArray[Any]] = {
            "ts": batch.ts[fresh], "value": batch.values[fresh], "worst": thousandths(batch.score[fresh]), "flags": flags,
            "expected": batch.expected[fresh], "lower": batch.lower[fresh], "upper": batch.upper[fresh],
        }  # fmt: skip
        ids = batch.ids[fresh]
        if (repeated := (flags & DUPLICATE) != 0).any():  # the store keeps the original, which has just passed by
            ids, rows = ids[~repeated], {name: column[~repeated] for name, column in rows.items()}
        if not len(ids):
            return
        at = part.places_of(ids)
        if sum(len(p.ids) for p in self._parts.values()) > MOST_SERIES:
            self._too_many()
            return
        number, now = rows["ts"] // WIDTH_MS, self._clock.now_ms() // WIDTH_MS
        odd = ((rows["flags"] & NOT_PLAIN) != 0) | (number > now + 1)  # what is far ahead would take the place of what is in reach
        if odd.any():
            np.maximum.at(part.whole_ms, at[odd], (number[odd] + 1) * WIDTH_MS)
        for name, column in part.last.items():
            column[at[~odd]] = rows[name][~odd]  # rows of a series come in order of time, and of several the last stays
        for bucket in np.unique(number[(number <= now + 1) & (number > now + 1 - BUCKETS)]).tolist():
            mine = number == bucket
            part.fold(bucket, at[mine], {name: column[mine] for name, column in rows.items()})

    def _too_many(self) -> None:
        """Series that have gone fill it up in time; those that are there now may be few enough."""
        now_s = self._clock.monotonic_s()
        self.kept = now_s - self._began_s >= BUCKETS * WIDTH_MS / 1_000
        self._began_s = now_s
        self._parts.clear()
        if not self.kept:
            logger().info("live.too_many_series", most=MOST_SERIES)
            self._given_up()

    def since(self) -> int:
        """The first bucket (ms) that may be whole, of all partitions."""
        times = [part.since_ms for part in self._parts.values() if part.since_ms is not None]
        if len(times) < self._partitions:
            return NEVER
        reach_ms = (self._clock.now_ms() // WIDTH_MS + 2 - BUCKETS) * WIDTH_MS
        return max(reach_ms, -(-(max(times) + AHEAD_MS) // WIDTH_MS) * WIDTH_MS)

    def holds(self, ids: Iterable[int], start_ms: int) -> list[int]:
        """Those of the series of which every row from this time on is here."""
        now_ms = self._clock.now_ms()
        if start_ms < self.since():
            return []
        return [s for s in ids if self._holds(s, start_ms, now_ms)]

    def _holds(self, series: int, start_ms: int, now_ms: int) -> bool:
        part = self._alive(series, now_ms)
        if part is None:
            return False
        place = _place(part, series)
        return place is None or int(part.whole_ms[place]) <= start_ms

    def _alive(self, series: int, now_ms: int) -> _Part | None:
        """The partition of a series, when it has just been heard of."""
        part = self._parts.get(series_partition(series, self._partitions))
        return part if part is not None and part.batch_ms >= now_ms - BEHIND_MS else None

    def landed(self, series: int, through: Mapping[tuple[str, int], int]) -> int:
        """Until when (ms) all that had passed by of its partition is in the store; 0 when that is not known.

        ``through`` has the offset behind the newest samples message of which all rows are there, by topic id and partition.
        """
        partition = series_partition(series, self._partitions)
        part = self._parts.get(partition)
        places = reversed(part.passed) if part is not None else ()
        return next((ms for ms, topic, offset in places if offset < through.get((topic, partition), 0)), 0)

    def newest(self, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        """As the statement ``series.current`` answers, of the series of which a row has passed by and whose partition is being followed."""
        now_ms = self._clock.now_ms()
        found = [(s, part, place) for s in ids if (part := self._alive(s, now_ms)) is not None and (place := _place(part, s)) is not None]
        found = [(s, part, place) for s, part, place in found if part.last["ts"][place] >= max(1, part.whole_ms[place])]
        bands = shorten(np.array([[part.last[n][place] for n in _BAND] for _, part, place in found], np.float64))
        return {
            s: newest_row(
                int(part.last["ts"][place]), float(part.last["value"][place]), int(part.last["worst"][place]) / 1_000, band,
                int(part.last["flags"][place]),
            )
            for (s, part, place), band in zip(found, bands, strict=True)
        }  # fmt: skip

    def buckets(self, ids: Iterable[int], span: Span, step: int, wide: bool) -> dict[str, Array]:
        """As ``range.buckets`` answers for these series, or, when ``wide``, as ``range.minutes``; ``step`` is a multiple of WIDTH_MS."""
        numbers = np.arange(span.start_ms // WIDTH_MS, -(-min(span.end_ms, self._clock.now_ms() + BUCKETS * WIDTH_MS) // WIDTH_MS))
        numbers = numbers[:BUCKETS]
        found: list[dict[str, NDArray[Any]]] = []
        for series in sorted(ids):
            part = self._parts.get(series_partition(series, self._partitions))
            if part is not None and (place := _place(part, series)) is not None:
                rows = numbers % BUCKETS
                there = (part.held[rows] == numbers) & (part.tables["rows"][rows, place] > 0)
                if there.any():
                    one = {name: table[rows[there], place] for name, table in part.tables.items()}
                    found.append(_answer(series, numbers[there] * WIDTH_MS // step * step, one, wide))
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]} if found else {}


def _place(part: _Part, series: int) -> int | None:
    at = int(np.searchsorted(part.ids, np.uint64(series)))
    return int(part.places[at]) if at < len(part.ids) and int(part.ids[at]) == series else None


def _answer(series: int, bucket: I64, one: dict[str, NDArray[Any]], wide: bool) -> dict[str, NDArray[Any]]:
    """Buckets of one series, joined where they begin at the same time. An hour's bucket has no band when one of its rows has none."""
    starts = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    rows, scored = np.add.reduceat(one["rows"], starts), np.add.reduceat(one["scored"], starts)

    def mean(name: str) -> F64:
        sums: F64 = np.add.reduceat(one[name], starts)
        with np.errstate(invalid="ignore", divide="ignore"):
            return sums / scored if wide else np.where(scored == rows, sums / scored, np.nan)

    return {
        "id": np.full(len(starts), series, np.uint64), "bucket": bucket[starts], "rows": np.maximum(rows, 2) if wide else rows,
        "ts": np.minimum.reduceat(one["first"], starts), "value": np.add.reduceat(one["value"], starts) / rows,
        "low": np.minimum.reduceat(one["low"], starts), "high": np.maximum.reduceat(one["high"], starts),
        "score": np.maximum.reduceat(one["worst"], starts) / 1_000, "expected": mean("expected"), "lower": mean("lower"),
        "upper": mean("upper"), "flags": np.bitwise_or.reduceat(one["flags"], starts),
    }  # fmt: skip
