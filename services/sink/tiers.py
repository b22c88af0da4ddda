"""The coarse tiers: one row a series and minute, and a series and hour, computed from the deduplicated rows below.

A bucket that got new rows is computed again as a whole, so a repeat or a late row never counts twice; the newest result
replaces the older ones. What is dirty is read from the rows' own ``stored_at``, so a crash forgets nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kizashi.observe.logs import logger
from kizashi.store.client import Store

SETTLED_S = 5
"""Rows get their time of storing when their INSERT begins; after this long every such insert is visible."""
ROWS_A_STEP = 2_000_000
"""New rows looked at in one step: bounds the memory of the set of dirty buckets."""
SECONDS_A_LOOK = 100_000
"""Seconds of arrival looked at in one step."""
GENTLY = {"max_threads": 1}
"""Three million rows a minute take seconds of every processor there is, in which everybody's charts wait."""
DENSE_BUCKETS = 10
"""New rows within so few buckets are live data: nearly every bucket there is dirty, so all are computed again and no set is needed."""


@dataclass(frozen=True)
class Tier:
    """``came`` is the column of the finer table that says when a row came; ``width_s`` is the bucket.

    ``waits``: the open bucket of live data is left until it is over. Not for hours, whose minutes are few.
    """

    name: str
    source: str
    came: str
    time: str
    width_s: int
    columns: str
    waits: bool = False


_MINUTE = """count(), avg(value), min(value), max(value), argMax(value, ts), max(score), countIf(bitTest(flags, 1)),
    avgIf(expected, NOT isNaN(expected)), avgIf(lower, NOT isNaN(lower)), avgIf(upper, NOT isNaN(upper))"""
_HOUR = """sum(samples), sum(mean * samples) / sum(samples), min(low), max(high), argMax(last, bucket), max(worst), sum(odd),
    avgIf(expected, NOT isNaN(expected)), avgIf(lower, NOT isNaN(lower)), avgIf(upper, NOT isNaN(upper))"""
TIERS = (
    Tier("samples_1m", "samples", "stored_at", "ts", 60, _MINUTE, waits=True),
    Tier("samples_1h", "samples_1m", "made", "bucket", 3_600, _HOUR),
)


@dataclass(frozen=True)
class Second:
    """``rows`` that came in one second, of event times ``low`` to ``high``; all in seconds."""

    at: int
    rows: int
    low: int
    high: int


@dataclass(frozen=True)
class Closed:
    """What was computed beyond what ``tier_progress`` says: of rows that came until ``until``, the buckets before ``before``."""

    before: int = 0
    until: int = 0


@dataclass(frozen=True)
class Span:
    """``rows`` that came in (start, end], whose buckets from ``low`` to before ``before`` are to be computed; all in seconds.

    ``closes`` is what is known once it is computed: nothing beyond ``end``, unless the span ends where a bucket begins on purpose.
    """

    start: int
    end: int
    rows: int
    low: int
    before: int
    closes: Closed = Closed()

    def dense(self, tier: Tier) -> bool:
        """Live data, in few buckets."""
        return self.before - self.low <= (DENSE_BUCKETS + 1) * tier.width_s


def next_span(tier: Tier, done: int, until: int, seconds: Sequence[Second], closed: Closed) -> Span | None:
    """What is to be computed next of the ``seconds`` after ``done``, at most about ROWS_A_STEP rows; None when there is nothing.

    ``seconds`` are all in which rows came in (done, until], oldest first.

    The open bucket of live data waits until it is over, so that each row is read once, not at every turn: the span ends where that bucket
    begins, if nothing that came before has a time in it or later. ``closed`` keeps the rows that came since, and were computed, from
    being computed again.
    """
    if closed.before != done:
        closed = Closed()
    span: Span | None = None
    for s in seconds:
        low = max(s.low, closed.before) if s.at <= closed.until else s.low
        if low > s.high:
            continue
        before = (s.high // tier.width_s + 1) * tier.width_s
        longer = Span(done, s.at, s.rows, low, before)
        if span is not None:
            longer = Span(done, s.at, span.rows + s.rows, min(span.low, low), max(span.before, before))
            if longer.rows > ROWS_A_STEP and not longer.dense(tier):
                return span
        span = longer
    if span is None or not tier.waits or not span.dense(tier):
        return span
    border = until // tier.width_s * tier.width_s
    live = span.before > border >= done and all(s.high < border for s in seconds if s.at <= border)
    if not live:
        return span
    return Span(done, border, span.rows, span.low, border, Closed(border, until)) if span.low < border else None


class Tiers:
    """Rolls the tiers forward; ``roll`` may be called at any time, twice at once too: results are the same rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._closed: dict[str, Closed] = {}

    def roll(self, now_s: int | None = None) -> int:
        """Bring every tier up to ``now_s``, or the store's own clock; returns the rows looked at. Raises StoreUnavailable."""
        now_s = int(self._store.query("SELECT toUInt32(now())").rows[0][0]) if now_s is None else now_s
        until = now_s - SETTLED_S
        return sum(self._roll(tier, until) for tier in TIERS)

    def _roll(self, tier: Tier, until: int) -> int:
        """Up to ``until`` and no further: what comes meanwhile is for the next turn, or a busy store would never be done."""
        written = 0
        while (span := self._next(tier, until)) is not None:
            self._recompute(tier, span)
            self._store.command(
                "INSERT INTO tier_progress VALUES ({tier:String}, toDateTime({end:UInt32}, 'UTC'), now64(3))",
                {"tier": tier.name, "end": span.end},
            )
            self._closed[tier.name] = span.closes
            written += span.rows
        return written

    def _next(self, tier: Tier, until: int) -> Span | None:
        rows = self._store.query(
            f"""WITH (SELECT toUInt32(max(through)) FROM tier_progress WHERE tier = {{tier:String}}) AS done
            SELECT done, toUInt32(toDateTime({tier.came})) AS second, count() AS rows,
                toUInt32(min({tier.time})) AS low, toUInt32(max({tier.time})) AS high FROM {tier.source}
            WHERE {tier.came} > toDateTime(done, 'UTC') AND toDateTime({tier.came}) > toDateTime(done, 'UTC')
                AND toDateTime({tier.came}) <= toDateTime({{until:UInt32}}, 'UTC')
            GROUP BY second ORDER BY second LIMIT {SECONDS_A_LOOK}""",  # noqa: S608  # names of our own tables
            {"tier": tier.name, "until": until},
            GENTLY,
        ).rows
        seconds = [Second(*map(int, row[1:])) for row in rows]
        if len(seconds) == SECONDS_A_LOOK:  # what came later was not looked at
            until = seconds[-1].at
        return next_span(tier, int(rows[0][0]), until, seconds, self._closed.get(tier.name, Closed())) if rows else None

    def _recompute(self, tier: Tier, span: Span) -> None:
        """PREWHERE, which FINAL keeps the engine from doing by itself: time is in the key, so all versions of a row pass or none."""
        bucket = f"toStartOfInterval({tier.time}, toIntervalSecond({{width:UInt32}}))"
        when = f"toDateTime({tier.came})"
        came = f"{when} > toDateTime({{start:UInt32}}, 'UTC') AND {when} <= toDateTime({{end:UInt32}}, 'UTC')"
        dirty = "" if span.dense(tier) else f"WHERE (series_id, {bucket}) IN (SELECT series_id, {bucket} FROM {tier.source} WHERE {came})"  # noqa: S608
        first, last = span.low // tier.width_s * tier.width_s, span.before
        self._store.command(
            f"""INSERT INTO {tier.name}
            (series_id, bucket, samples, mean, low, high, last, worst, odd, expected, lower, upper, made)
            SELECT series_id, {bucket} AS b, {tier.columns}, now64(3)
            FROM {tier.source} FINAL
            PREWHERE {tier.time} >= toDateTime({{first:UInt32}}, 'UTC') AND {tier.time} < toDateTime({{last:UInt32}}, 'UTC') {dirty}
            GROUP BY series_id, b""",  # noqa: S608  # names of our own tables; values are parameters
            {"start": span.start, "end": span.end, "width": tier.width_s, "first": first, "last": last},
            GENTLY,
        )
        logger().debug("sink.tier_rolled", tier=tier.name, came=span.rows, through=span.end)
