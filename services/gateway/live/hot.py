"""Rows of the series that people look at now, kept as they come: the newest part of a chart without a question to the store.

What is answered from here must be whole. So each series has a time since when nothing of it was missed and nothing came late; rows from
before are the store's. A series that is sent in long batches comes late for ever and is simply always asked of the store.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kizashi.clock import Clock
from kizashi.contracts.batches import DUPLICATE, F64, LATE, ScoresBatch, rank, thousandths
from kizashi.contracts.ids import series_partition
from services.gateway.live.rows import Sieve, cut, newest_row, shorten
from services.gateway.native import Array
from services.gateway.range_cache import NEVER, NEWEST_MS
from services.gateway.times import Span

KEEP_MS = 150_000
"""An open chart asks again after a minute, for what came since the multiple of a few buckets before that."""
FORGET_S = 120.0
"""A series that nobody asked about for so long is let go."""
MOST_SERIES = 1_000
"""The one not asked about for longest goes first."""
MOST_LISTED = 300
"""Of these, such as are only in lists: searches do not push out the charts."""
MOST_ROWS = 1_200
"""Of one series, 56 bytes each."""
AHEAD_MS = 5_000
"""How far a sender's clock may be ahead, and how long a row may take from here into the store."""
ORDERLY = 3
"""Rows of a series, one after the other in order of time, from which on those before them are thought to have been in order too."""
BEHIND_MS = 5_000
"""A partition whose newest batch is older than this is quiet, or we are behind: the store is asked."""
TIDY_S = 10.0
LOOKED_AT = 64
"""Last rows among which the newest is looked for."""
COLUMNS = ("ts", "value", "score", "expected", "lower", "upper", "flags")
WIDTH = len(COLUMNS)
TS, VALUE, SCORE, EXPECTED, LOWER, UPPER, FLAGS = range(WIDTH)


@dataclass
class _Series:
    """``rows`` are COLUMNS one after the other, in order of arrival; only the newest while it is not charted.

    ``ordered`` rows, from ``first_ms`` to ``last_ms``, have come in order of time; -1 since one has not. What is older than ``relied_ms``
    is late.
    """

    asked_s: float
    charted: bool = False
    since_ms: int | None = None
    first_ms: float = 0.0
    last_ms: float = 0.0
    ordered: int = 0
    relied_ms: int = 0
    landed_ms: int = 0
    rows: array[float] = field(default_factory=lambda: array("d"))

    def begin_anew(self, since_ms: int | None) -> None:
        """Something was missed, or came late: nothing before ``since_ms`` is whole."""
        self.since_ms = since_ms
        self.ordered = min(self.ordered, 0)
        del self.rows[:]

    def follow(self, ts: float) -> None:
        """Look whether the next row is in order."""
        if self.ordered < 0:
            return
        if self.ordered == 0:
            self.first_ms = ts
        self.ordered = self.ordered + 1 if ts > self.last_ms or self.ordered == 0 else -1
        self.last_ms = ts


class HotRows:
    """``followed`` says whether a partition of the score topic is being read up to its end; ``changed`` is told when others are wanted."""

    def __init__(self, clock: Clock, partitions: int, followed: Callable[[int], bool], changed: Callable[[], object]) -> None:
        self._clock, self._partitions, self._followed, self._changed = clock, partitions, followed, changed
        self._series: OrderedDict[int, _Series] = OrderedDict()
        self._listed: OrderedDict[int, None] = OrderedDict()
        """Those that are not charted, in the same order."""
        self._sieve: Sieve | None = None
        self._batch_ms: dict[int, int] = {}
        self._tidied_s = 0.0
        self.wanted: set[int] = set()
        """Partitions that hold these series."""

    def want(self, ids: Iterable[int], charted: bool) -> None:
        """Keep the rows of these from now on: all of them for charts, else the newest of each."""
        now_s = self._clock.monotonic_s()
        for series in ids:
            one = self._series.get(series)
            if one is None:
                one = self._series[series] = _Series(now_s)
                self._sieve = None
                self._want_partition(series)
            one.asked_s = now_s
            one.charted |= charted
            self._series.move_to_end(series)
            self._listed.pop(series, None)
            if not one.charted:
                self._listed[series] = None
        while len(self._listed) > MOST_LISTED:
            self._forget(next(iter(self._listed)))
        while len(self._series) > MOST_SERIES:
            self._forget(next(iter(self._series)))

    def restart(self) -> None:
        """Rows were missed: nothing that is kept is whole."""
        for one in self._series.values():
            one.begin_anew(None)

    def take(self, partition: int, batch: ScoresBatch) -> None:
        """Rows of a partition, in the order of the log."""
        self._batch_ms[partition] = max(batch.now_ms, self._batch_ms.get(partition, 0))
        self._tidy()
        if not self._series:
            return
        if self._sieve is None:
            self._sieve = Sieve(self._series)
        at = self._sieve.pick(batch.ids)
        if not len(at):
            return
        now_ms = self._clock.now_ms()
        rows = cut(batch, at)
        columns = (getattr(rows, name).tolist() for name in COLUMNS)
        for series, row in zip(rows.ids.tolist(), zip(*columns, strict=True), strict=True):
            one = self._series[series]
            if one.charted and not int(row[FLAGS]) & DUPLICATE:
                one.follow(row[TS])
            if row[TS] < max(now_ms - NEWEST_MS, one.relied_ms):  # what is older than now is the store's, and the newest row may be gone
                one.begin_anew(now_ms if one.since_ms is not None else None)
            elif one.charted:
                one.rows.extend(row)
                if len(one.rows) > MOST_ROWS * WIDTH:
                    _let_go(one, len(one.rows) // WIDTH // 2)
            elif not int(row[FLAGS]) & (LATE | DUPLICATE) and (not one.rows or one.rows[TS] <= row[TS]):
                one.rows[:] = array("d", row)

    def since(self, series: int) -> int:
        """From which time (ms) on what the store answers, and what is kept here, is whole; NEVER when it is not known."""
        one = self._series.get(series)
        if one is None or not one.charted:
            return NEVER
        if one.since_ms is None:
            if not self._followed(series_partition(series, self._partitions)):
                return NEVER
            one.since_ms = self._clock.now_ms()
            one.ordered = min(one.ordered, 0)
        whole_ms = one.since_ms + AHEAD_MS
        return min(whole_ms, int(one.first_ms)) if one.ordered >= ORDERLY else whole_ms

    def began(self, series: int) -> int:
        """Since when (ms) its rows have been followed, or since the last that came late; NEVER when they are not."""
        one = self._series.get(series)
        return NEVER if one is None or one.since_ms is None else one.since_ms

    def landed(self, series: int, ts: int) -> int:
        """Remember that a row of this time (ms) is in the store; the time of the newest of which that is known."""
        one = self._series.get(series)
        if one is None:
            return ts
        one.landed_ms = max(one.landed_ms, ts)
        return one.landed_ms

    def rely(self, series: int, until_ms: int) -> bool:
        """Whether its rows have come in order of time so far. If so, one from before ``until_ms`` is late from now on, however young."""
        one = self._series.get(series)
        if one is None or one.ordered < ORDERLY:
            return False
        one.relied_ms = max(one.relied_ms, until_ms)
        return True

    def holds(self, series: int, start_ms: int) -> bool:
        """Whether every row of the series from this time on is here."""
        return self.since(series) <= start_ms and start_ms >= self._clock.now_ms() - KEEP_MS and self._up_to_date(series)

    def buckets(self, ids: Iterable[int], span: Span, step: int) -> dict[str, Array]:
        """As the statement ``range.buckets`` answers for these series, columns (n,) in order of series and bucket."""
        tables = {series: _once_each(_table(one.rows), span) for series in sorted(ids) if (one := self._series.get(series)) is not None}
        return bucketed({series: table for series, table in tables.items() if len(table)}, step)

    def newest(self, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        """As the statement ``series.current`` answers, of the series whose newest row is here and whose partition is being followed."""
        out: dict[int, dict[str, Any]] = {}
        for series in ids:
            one = self._series.get(series)
            if one is not None and self._up_to_date(series) and (row := _newest(one.rows)) is not None:
                out[series] = row
        return out

    def _up_to_date(self, series: int) -> bool:
        """Whether its partition has just been heard of."""
        batch_ms = self._batch_ms.get(series_partition(series, self._partitions), 0)
        return batch_ms >= self._clock.now_ms() - BEHIND_MS

    def _forget(self, series: int) -> None:
        del self._series[series]
        self._listed.pop(series, None)
        self._sieve = None

    def _want_partition(self, series: int) -> None:
        partition = series_partition(series, self._partitions)
        if partition not in self.wanted:
            self.wanted.add(partition)
            self._changed()

    def _tidy(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._tidied_s < TIDY_S:
            return
        self._tidied_s = now_s
        while self._series and now_s - next(iter(self._series.values())).asked_s > FORGET_S:
            self._forget(next(iter(self._series)))
        oldest_ms = self._clock.now_ms() - KEEP_MS
        for one in self._series.values():
            if len(one.rows) > WIDTH and one.rows[TS] < oldest_ms:
                young = np.flatnonzero(np.frombuffer(one.rows)[TS::WIDTH] >= oldest_ms)
                del one.rows[: WIDTH * (int(young[0]) if len(young) else len(one.rows) // WIDTH)]
        wanted = {series_partition(series, self._partitions) for series in self._series}
        if wanted != self.wanted:
            self.wanted = wanted
            self._changed()


def bucketed(tables: dict[int, F64], step: int) -> dict[str, Array]:
    """Buckets of ``step`` ms of rows by series, each (n, COLUMNS), n > 0, in order of time; {} when there are none."""
    if not tables:
        return {}
    rows = np.concatenate(list(tables.values()))
    ids = np.repeat(np.array(list(tables), np.uint64), [len(table) for table in tables.values()])
    bucket = rows[:, TS].astype(np.int64) // step * step
    starts = np.flatnonzero(np.r_[True, (ids[1:] != ids[:-1]) | (bucket[1:] != bucket[:-1])])
    counts = np.diff(np.r_[starts, len(rows)])

    def mean(column: int) -> F64:
        means: F64 = np.add.reduceat(rows[:, column], starts) / counts
        return means

    return {
        "id": ids[starts], "bucket": bucket[starts], "rows": counts, "ts": rows[starts, TS], "value": mean(VALUE),
        "low": np.minimum.reduceat(rows[:, VALUE], starts), "high": np.maximum.reduceat(rows[:, VALUE], starts),
        "score": np.maximum.reduceat(_stored_score(rows[:, SCORE]), starts), "expected": mean(EXPECTED), "lower": mean(LOWER),
        "upper": mean(UPPER), "flags": np.bitwise_or.reduceat(rows[:, FLAGS].astype(np.int64), starts),
    }  # fmt: skip


def _table(rows: array[float]) -> F64:
    """(n, COLUMNS), a copy: an array that is looked at cannot grow."""
    table: F64 = np.frombuffer(rows).reshape(-1, WIDTH).copy()
    return table


def _newest(rows: array[float]) -> dict[str, Any] | None:
    """The one of the greatest time that is neither late nor a repeat; those of a scorer that started again come once more."""
    table = _table(rows[-LOOKED_AT * WIDTH :])
    timely = table[(table[:, FLAGS].astype(np.int64) & (LATE | DUPLICATE)) == 0]
    if not len(timely):
        return None
    row = timely[len(timely) - 1 - int(np.argmax(timely[::-1, TS]))]
    score = float(_stored_score(row[SCORE : SCORE + 1])[0])
    return newest_row(int(row[TS]), float(row[VALUE]), score, shorten(row[EXPECTED : UPPER + 1]), int(row[FLAGS]))


def _once_each(table: F64, span: Span) -> F64:
    """Rows of the span in order of time. Of several with one time the store keeps the first that is scored and no repeat."""
    table = table[(table[:, TS] >= span.start_ms) & (table[:, TS] < span.end_ms)]
    worst_last = -rank(table[:, FLAGS].astype(np.uint8)).astype(np.int8)
    table = table[np.lexsort((worst_last, table[:, TS]))]
    return table[np.flatnonzero(np.r_[True, table[1:, TS] != table[:-1, TS]])] if len(table) else table


def _stored_score(score: F64) -> F64:
    """Scores as the store keeps them: whole thousandths, 0 where there is none."""
    return thousandths(score) / 1_000


def _let_go(one: _Series, rows: int) -> None:
    """Let the oldest go; what is left is whole from there on."""
    newest = float(np.frombuffer(one.rows)[: rows * WIDTH : WIDTH].max())
    del one.rows[: rows * WIDTH]
    one.first_ms = max(one.first_ms, newest + 1)
    if one.since_ms is not None:
        one.since_ms = max(one.since_ms, int(newest) + 1)
