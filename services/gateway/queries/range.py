"""Values of some series over a span, as buckets that keep the lowest, highest and worst beside the mean, or as the rows themselves.

Wide buckets are made of the tiers: whole hours and minutes up to an edge, the rows after it. A tier's bucket counts as two rows at least,
so that it is never taken for a sample of that time.

PREWHERE, which FINAL keeps the engine from doing by itself: the conditions are on the table's key, so all versions of a row pass or none,
and the rows of other series in a granule are left out before they are merged.
"""

from __future__ import annotations

from services.gateway.queries import Statement

_ROWS = """
    SELECT series_id, toUnixTimestamp64Milli(ts) AS ms, value, score, expected, lower, upper, flags
    FROM samples FINAL
    PREWHERE series_id IN {ids:Array(UInt64)}
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
    threads=1,
)

_MADE_OF = """
SELECT id, intDiv(t, {step:Int64}) * {step:Int64} AS bucket, toUInt32(greatest(sum(n), 2)) AS rows, min(t) AS ts,
    sum(v * n) / sum(n) AS value, min(lo) AS low, max(hi) AS high, max(w) / 1000 AS score,
    avgIf(e, NOT isNaN(e)) AS expected, avgIf(l, NOT isNaN(l)) AS lower, avgIf(u, NOT isNaN(u)) AS upper, groupBitOr(f) AS flags
FROM (@parts)
GROUP BY id, bucket
ORDER BY id, bucket
"""
_TIER = """
    SELECT series_id AS id, toInt64(toUnixTimestamp(bucket)) * 1000 AS t, toUInt64(samples) AS n, mean AS v, low AS lo, high AS hi,
        worst AS w, expected AS e, lower AS l, upper AS u, toUInt8(if(odd > 0, 2, 0)) AS f
    FROM @table FINAL
    PREWHERE series_id IN {ids:Array(UInt64)} AND bucket >= toDateTime(intDiv(@from, 1000)) AND bucket < toDateTime(intDiv(@to, 1000))
"""
_RAW = """
    SELECT series_id AS id, toUnixTimestamp64Milli(ts) AS t, toUInt64(1) AS n, value AS v, value AS lo, value AS hi, score AS w,
        expected AS e, lower AS l, upper AS u, flags AS f
    FROM samples FINAL
    PREWHERE series_id IN {ids:Array(UInt64)}
        AND ts >= fromUnixTimestamp64Milli(greatest({start:Int64}, {minutes_end:Int64})) AND ts < fromUnixTimestamp64Milli({end:Int64})
"""


def _tier(table: str, start: str, end: str) -> str:
    return _TIER.replace("@table", table).replace("@from", start).replace("@to", end)


_MINUTES = "least({end:Int64}, {minutes_end:Int64})"
BY_MINUTE = Statement(
    "range.minutes",
    _MADE_OF.replace("@parts", f"{_tier('samples_1m', '{start:Int64}', _MINUTES)} UNION ALL {_RAW}"),
    most_rows=120_000,
    threads=1,
)
WHOLE_MINUTES = Statement(
    "range.whole_minutes", _MADE_OF.replace("@parts", _tier("samples_1m", "{start:Int64}", "{end:Int64}")), most_rows=120_000, threads=1
)
"""As BY_MINUTE for a span that ends where minutes are whole: planning for the rows costs more than the minutes do."""
BY_HOUR = Statement(
    "range.hours",
    _MADE_OF.replace(
        "@parts",
        f"{_tier('samples_1h', '{start:Int64}', 'least({end:Int64}, {hours_end:Int64})')}"
        f" UNION ALL {_tier('samples_1m', 'greatest({start:Int64}, {hours_end:Int64})', _MINUTES)} UNION ALL {_RAW}",
    ),
    most_rows=120_000,
    threads=1,
)

THROUGH = Statement(
    "range.through",
    "SELECT topic_id, src_partition, max(next_offset) FROM watermarks WHERE target = 'samples' GROUP BY topic_id, src_partition",
)
PROGRESS = Statement("range.progress", "SELECT tier, toUnixTimestamp(max(through)) AS through_s FROM tier_progress GROUP BY tier")

HARMLESS = "if(match(@text, '^[=+\\\\-@|%\\\\s]'), concat('\\'', @text), @text)"
"""As services.gateway.exports.harmless, for the CSV that the store writes itself."""
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
ROWS_FOR_SHEETS = Statement(
    "range.sheet",
    ROWS.sql.replace(
        "dictGet(series_dict, 'metric', r.series_id)", HARMLESS.replace("@text", "dictGet(series_dict, 'metric', r.series_id)")
    ),
    ROWS.most_rows,
)
