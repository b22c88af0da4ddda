"""The coarse tiers: one row a series and minute, and a series and hour, computed from the deduplicated rows below.

A bucket that got new rows is computed again as a whole, so a repeat or a late row never counts twice; the newest result
replaces the older ones. What is dirty is read from the rows' own ``stored_at``, so a crash forgets nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from kizashi.observe.logs import logger
from kizashi.store.client import Store

SETTLED_S = 5
"""Rows get their time of storing when their INSERT begins; after this long every such insert is visible."""
ROWS_A_STEP = 2_000_000
"""New rows looked at in one step: bounds the memory of the set of dirty buckets."""
DENSE_BUCKETS = 10
"""New rows within so few buckets are live data: nearly every bucket there is dirty, so all are computed again and no set is needed."""


@dataclass(frozen=True)
class Tier:
    """``made`` of the finer table is the column that says when a row came; ``width_s`` is the bucket."""

    name: str
    source: str
    came: str
    time: str
    width_s: int
    columns: str


_MINUTE = """count(), avg(value), min(value), max(value), argMax(value, ts), max(score), countIf(bitTest(flags, 1)),
    avgIf(expected, NOT isNaN(expected)), avgIf(lower, NOT isNaN(lower)), avgIf(upper, NOT isNaN(upper))"""
_HOUR = """sum(samples), sum(mean * samples) / sum(samples), min(low), max(high), argMax(last, bucket), max(worst), sum(odd),
    avgIf(expected, NOT isNaN(expected)), avgIf(lower, NOT isNaN(lower)), avgIf(upper, NOT isNaN(upper))"""
TIERS = (
    Tier("samples_1m", "samples", "stored_at", "ts", 60, _MINUTE),
    Tier("samples_1h", "samples_1m", "made", "bucket", 3_600, _HOUR),
)


@dataclass(frozen=True)
class Span:
    """``rows`` that came in (start, end], of event times ``low`` to ``high``; all in seconds."""

    start: int
    end: int
    rows: int
    low: int
    high: int

    def dense(self, tier: Tier) -> bool:
        """Live data, in few buckets."""
        return self.high - self.low <= DENSE_BUCKETS * tier.width_s


class Tiers:
    """Rolls the tiers forward; ``roll`` may be called at any time, twice at once too: results are the same rows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def roll(self) -> int:
        """Bring every tier up to now; returns the rows written. Raises StoreUnavailable."""
        return sum(self._roll(tier) for tier in TIERS)

    def _roll(self, tier: Tier) -> int:
        written = 0
        while (span := self._next(tier)) is not None:
            self._recompute(tier, span)
            self._store.command(
                "INSERT INTO tier_progress VALUES ({tier:String}, toDateTime({end:UInt32}, 'UTC'), now64(3))",
                {"tier": tier.name, "end": span.end},
            )
            written += span.rows
        return written

    def _next(self, tier: Tier) -> Span | None:
        """What came next, with at most about ROWS_A_STEP rows; None when nothing came."""
        rows = self._store.query(
            f"""WITH (SELECT toUInt32(max(through)) FROM tier_progress WHERE tier = {{tier:String}}) AS done
            SELECT done, toUInt32(toDateTime({tier.came})) AS second, count() AS rows,
                toUInt32(min({tier.time})) AS low, toUInt32(max({tier.time})) AS high FROM {tier.source}
            WHERE {tier.came} > toDateTime(done, 'UTC') AND toDateTime({tier.came}) > toDateTime(done, 'UTC')
                AND {tier.came} <= now() - {{settled:UInt8}}
            GROUP BY second ORDER BY second LIMIT 100000""",  # noqa: S608  # names of our own tables
            {"tier": tier.name, "settled": SETTLED_S},
        ).rows
        span = None
        for done, second, count, low, high in rows:
            if span is None:
                span = Span(int(done), int(second), int(count), int(low), int(high))
                continue
            longer = Span(span.start, int(second), span.rows + int(count), min(span.low, int(low)), max(span.high, int(high)))
            if longer.rows > ROWS_A_STEP and not longer.dense(tier):
                break
            span = longer
        return span

    def _recompute(self, tier: Tier, span: Span) -> None:
        bucket = f"toStartOfInterval({tier.time}, toIntervalSecond({{width:UInt32}}))"
        when = f"toDateTime({tier.came})"
        came = f"{when} > toDateTime({{start:UInt32}}, 'UTC') AND {when} <= toDateTime({{end:UInt32}}, 'UTC')"
        dirty = "" if span.dense(tier) else f"AND (series_id, {bucket}) IN (SELECT series_id, {bucket} FROM {tier.source} WHERE {came})"  # noqa: S608
        first, last = span.low // tier.width_s * tier.width_s, (span.high // tier.width_s + 1) * tier.width_s
        self._store.command(
            f"""INSERT INTO {tier.name}
            (series_id, bucket, samples, mean, low, high, last, worst, odd, expected, lower, upper, made)
            SELECT series_id, {bucket} AS b, {tier.columns}, now64(3)
            FROM {tier.source} FINAL
            WHERE {tier.time} >= toDateTime({{first:UInt32}}, 'UTC') AND {tier.time} < toDateTime({{last:UInt32}}, 'UTC') {dirty}
            GROUP BY series_id, b""",  # noqa: S608  # names of our own tables; values are parameters
            {"start": span.start, "end": span.end, "width": tier.width_s, "first": first, "last": last},
        )
        logger().debug("sink.tier_rolled", tier=tier.name, came=span.rows, through=span.end)
