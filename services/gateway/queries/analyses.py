"""Analyses that are kept: the table of results, the version of what they were computed from, and the SQL of season and correlation."""

from __future__ import annotations

from services.gateway.queries import Statement

KEPT = Statement(
    "analyses.one",
    """
SELECT inputs, toUnixTimestamp64Milli(made_at) AS made_at_ms, cost_ms, body
FROM analyses FINAL
WHERE tenant = {tenant:String} AND kind = {kind:String} AND id = {id:String} AND expires > toDateTime({now_s:UInt32})
""",
)

MOST_COUNTED = 10_000
COUNTED = Statement(
    "analyses.counted",
    """
SELECT tenant, JSONExtractString(body, 'board') AS board, sumForEach(JSONExtract(body, 'hours', 'Array(UInt32)')) AS hours
FROM analyses FINAL
WHERE kind = {kind:String} AND expires > toDateTime({now_s:UInt32}) AND length(JSONExtract(body, 'hours', 'Array(UInt32)')) = 24
GROUP BY tenant, board
ORDER BY arraySum(hours) DESC, tenant, board
LIMIT {most:UInt32}
""",
    most_rows=MOST_COUNTED,
)
"""Openings of dashboards by hour, the most opened first. Of every tenant: the gateway counts for all."""

VERSION = Statement(
    "analyses.version",
    """
SELECT toString(sum(samples)) AS samples, toString(toUnixTimestamp64Milli(max(made))) AS newest, toString(count()) AS buckets
FROM samples_1m
WHERE bucket >= toDateTime({start_s:UInt32}) AND bucket < toDateTime({end_s:UInt32})
    AND series_id IN (SELECT series_id FROM series WHERE tenant = {tenant:String}
        AND (empty({ids:Array(UInt64)}) OR has({ids:Array(UInt64)}, series_id)))
""",
)
"""A minute that got new or late rows, or imported history, is rolled up again: count, sum and time of making change with any of them."""

SEASON = Statement(
    "analyses.season",
    """
SELECT toDayOfWeek(bucket, 0, {zone:String}) AS day, toHour(bucket, {zone:String}) AS hour, toUInt32(count()) AS weeks,
    sum(mean * samples) / sum(samples) AS value, quantileExact(0.1)(mean) AS lower, quantileExact(0.9)(mean) AS upper
FROM (SELECT bucket, samples, mean FROM samples_1h FINAL
      WHERE series_id = {id:UInt64} AND bucket >= toDateTime({start_s:UInt32}) AND bucket < toDateTime({end_s:UInt32}))
GROUP BY day, hour
ORDER BY day, hour
""",
)

MINUTES = Statement(
    "analyses.minutes",
    """
SELECT series_id AS id, toInt64(toUnixTimestamp(bucket)) AS bucket, mean
FROM samples_1m FINAL
WHERE series_id IN {ids:Array(UInt64)} AND bucket >= toDateTime({start_s:UInt32}) AND bucket < toDateTime({end_s:UInt32})
ORDER BY id, bucket
""",
    most_rows=600_000,
)
