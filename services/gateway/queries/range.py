"""Values of some series over a span, as buckets that keep the lowest, highest and worst beside the mean, or as the rows themselves."""

from __future__ import annotations

from services.gateway.queries import Statement

_ROWS = """
    SELECT series_id, toUnixTimestamp64Milli(ts) AS ms, value, score, expected, lower, upper, flags
    FROM samples FINAL
    WHERE series_id IN {ids:Array(UInt64)}
        AND ts >= fromUnixTimestamp64Milli({start:Int64}) AND ts < fromUnixTimestamp64Milli({end:Int64})
"""

BUCKETS = Statement(
    "range.buckets",
    """
SELECT series_id AS id, intDiv(ms, {step:Int64}) * {step:Int64} AS bucket, toUInt32(count()) AS rows, min(r.ms) AS ts,
    avg(r.value) AS value, min(r.value) AS low, max(r.value) AS high, max(r.score) / 1000 AS score,
    avg(r.expected) AS expected, avg(r.lower) AS lower, avg(r.upper) AS upper, groupBitOr(r.flags) AS flags
FROM (@rows) AS r
GROUP BY id, bucket
ORDER BY id, bucket
""".replace("@rows", _ROWS),
    most_rows=120_000,
)

ROWS = Statement(
    "range.rows",
    """
SELECT lower(leftPad(hex(series_id), 16, '0')) AS series_id, dictGet(series_dict, 'metric', r.series_id) AS metric,
    fromUnixTimestamp64Milli(ms, 'UTC') AS time, value, score / 1000 AS score, expected, lower, upper, flags
FROM (@rows) AS r
ORDER BY r.series_id, ms
LIMIT {limit:UInt32}
""".replace("@rows", _ROWS),
    most_rows=1_000_000,
)
