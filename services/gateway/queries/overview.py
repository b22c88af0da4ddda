"""What is odd now: per service, the worst series, and the last hour of each service. Small tables only."""

from __future__ import annotations

from services.gateway.queries import Statement

_NOW = """
    SELECT c.series_id AS series_id, toUnixTimestamp64Milli(c.ts) AS ms, c.value AS value, c.score AS score, c.expected AS expected,
        c.lower AS lower, c.upper AS upper, c.flags AS flags, s.service AS service, s.metric AS metric, s.labels AS labels, s.unit AS unit
    FROM (SELECT * FROM current FINAL) AS c
    INNER JOIN (SELECT series_id, service, metric, labels, unit FROM series FINAL WHERE tenant = {tenant:String}) AS s
        ON s.series_id = c.series_id
"""

SERVICES = Statement(
    "overview.services",
    """
SELECT service, toUInt32(count()) AS series,
    toUInt32(countIf(bitTest(flags, 1) AND ms >= {fresh:Int64})) AS odd,
    maxIf(score, ms >= {fresh:Int64}) / 1000 AS worst,
    toUInt32(countIf(ms < {fresh:Int64})) AS stale,
    toUInt32(countIf(bitTest(flags, 0) AND ms >= {fresh:Int64})) AS learning,
    max(ms) AS last_ms
FROM (@now)
GROUP BY service
ORDER BY odd DESC, worst DESC, service
LIMIT 500
""".replace("@now", _NOW),
)

ODD = Statement(
    "overview.odd",
    """
SELECT lower(leftPad(hex(series_id), 16, '0')) AS id, metric, labels, unit, service, score / 1000 AS score, value, expected, lower, upper,
    ms AS ts_ms, flags
FROM (@now)
WHERE ms >= {fresh:Int64} AND NOT bitTest(flags, 0) AND score > 0
ORDER BY bitTest(flags, 1) DESC, score DESC
LIMIT {limit:UInt32}
""".replace("@now", _NOW),
)

# Without FINAL: a minute that is rolled up again has more rows, so its worst only grows: the highest of all versions is the newest one's.
# The caller asks until where minutes are rolled up, so that no strip ends in a gap. A minute is made after it began; the table is
# partitioned by `made`, so parts of older minutes are not opened.
SPARKS = Statement(
    "overview.sparks",
    """
SELECT s.service AS service, intDiv(toUnixTimestamp(m.bucket), 60) AS minute, max(m.worst) / 1000 AS worst
FROM (SELECT series_id, bucket, worst FROM samples_1m
      WHERE made >= toDateTime({start_s:UInt32}) AND bucket >= toDateTime({start_s:UInt32}) AND bucket < toDateTime({end_s:UInt32})) AS m
INNER JOIN (SELECT series_id, service FROM series FINAL WHERE tenant = {tenant:String}) AS s ON s.series_id = m.series_id
GROUP BY service, minute
""",
    most_rows=60_000,
)

RATE = Statement(
    "overview.rate",
    """
SELECT count() / {seconds:UInt32} AS per_s, toUnixTimestamp(max(landed_at)) * 1000 AS landed_ms
FROM samples
WHERE landed_at >= toDateTime({start_s:UInt32}) AND landed_at < toDateTime({end_s:UInt32})
    AND ({all:UInt8} = 1 OR series_id IN (SELECT series_id FROM series WHERE tenant = {tenant:String}))
""",
)

TENANTS = Statement("overview.tenants", "SELECT toUInt32(uniqExact(tenant)) AS tenants FROM series")
