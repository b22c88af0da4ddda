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


class Tiers:
    """Rolls the tiers forward; ``roll`` may be called at any time, twice at once too: results are the same rows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def roll(self) -> int:
        """Bring every tier up to now; returns the rows written. Raises StoreUnavailable."""
        return sum(self._roll(tier) for tier in TIERS)

    def _roll(self, tier: Tier) -> int:
        written = 0
        while (step := self._step(tier)) is not None:
            start, end = step
            written += self._recompute(tier, start, end)
            self._store.command(
                "INSERT INTO tier_progress VALUES ({tier:String}, toDateTime({end:UInt32}, 'UTC'), now64(3))",
                {"tier": tier.name, "end": end},
            )
        return written

    def _step(self, tier: Tier) -> tuple[int, int] | None:
        """The next span (start, end] of coming times, in seconds, with at most about ROWS_A_STEP rows; None when nothing came."""
        rows = self._store.query(
            f"""WITH (SELECT toUInt32(max(through)) FROM tier_progress WHERE tier = {{tier:String}}) AS done
            SELECT done, toUInt32(toDateTime({tier.came})) AS second, count() AS rows FROM {tier.source}
            WHERE {tier.came} > toDateTime(done, 'UTC') AND toDateTime({tier.came}) > toDateTime(done, 'UTC')
                AND {tier.came} <= now() - {{settled:UInt8}}
            GROUP BY second ORDER BY second LIMIT 100000""",  # noqa: S608  # names of our own tables
            {"tier": tier.name, "settled": SETTLED_S},
        ).rows
        if not rows:
            return None
        total, end = 0, int(rows[0][1])
        for _, second, count in rows:
            total += int(count)
            if total > ROWS_A_STEP and int(second) > end:
                break
            end = int(second)
        return int(rows[0][0]), end

    def _recompute(self, tier: Tier, start: int, end: int) -> int:
        when = f"toDateTime({tier.came})"
        came = f"{when} > toDateTime({{start:UInt32}}, 'UTC') AND {when} <= toDateTime({{end:UInt32}}, 'UTC')"
        span = {"start": start, "end": end, "width": tier.width_s}
        low, high, rows = self._store.query(
            f"SELECT toUInt32(min({tier.time})), toUInt32(max({tier.time})), count() FROM {tier.source} WHERE {came}",  # noqa: S608
            span,
        ).rows[0]
        if not rows:
            return 0
        bucket = f"toStartOfInterval({tier.time}, toIntervalSecond({{width:UInt32}}))"
        first, last = int(low) // tier.width_s * tier.width_s, int(high) // tier.width_s * tier.width_s + tier.width_s
        self._store.command(
            f"""INSERT INTO {tier.name}
            (series_id, bucket, samples, mean, low, high, last, worst, odd, expected, lower, upper, made)
            SELECT series_id, {bucket} AS b, {tier.columns}, now64(3)
            FROM {tier.source} FINAL
            WHERE {tier.time} >= toDateTime({{first:UInt32}}, 'UTC') AND {tier.time} < toDateTime({{last:UInt32}}, 'UTC')
                AND (series_id, {bucket}) IN (SELECT series_id, {bucket} FROM {tier.source} WHERE {came})
            GROUP BY series_id, b""",  # noqa: S608  # names of our own tables; values are parameters
            {**span, "first": first, "last": last},
        )
        logger().debug("sink.tier_rolled", tier=tier.name, came=rows, through=end)
        return int(rows)
