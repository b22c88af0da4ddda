"""Series: search, facets, what an id means, its newest row."""

from __future__ import annotations

from services.gateway.queries import Statement

_MATCH = """
    tenant = {tenant:String}
    AND ({service:String} = '' OR service = {service:String})
    AND ({host:String} = '' OR host = {host:String})
    AND ({metric:String} = '' OR metric = {metric:String})
    AND arrayAll(w -> positionCaseInsensitiveUTF8(concat(metric, ' ', arrayStringConcat(mapValues(labels), ' ')), w) > 0,
                 {words:Array(String)})
"""

SEARCH = Statement(
    "series.search",
    """
SELECT lower(leftPad(hex(series_id), 16, '0')) AS id, metric, labels, unit, kind, service, host
FROM series FINAL
WHERE @match
    AND (metric, series_id) > ({after_metric:String}, {after_id:UInt64})
ORDER BY metric, series_id
LIMIT {limit:UInt32}
""".replace("@match", _MATCH),
)

TOP = Statement(
    "series.top",
    """
SELECT lower(leftPad(hex(s.series_id), 16, '0')) AS id, metric, labels, unit, kind, service, host
FROM (SELECT * FROM series FINAL WHERE @match) AS s
INNER JOIN (SELECT series_id, ts >= fromUnixTimestamp64Milli({fresh:Int64}) AS fresh, value, score, flags FROM current FINAL) AS c
    ON c.series_id = s.series_id
ORDER BY if({order:String} = 'value', 0, toUInt8(c.fresh AND bitTest(c.flags, 1))) DESC,
    if({order:String} = 'value', c.value, if(c.fresh, toFloat64(c.score), -1)) DESC, s.series_id
LIMIT {limit:UInt32}
""".replace("@match", _MATCH),
)
"""Ordered by the newest row: odd ones first and by score, or by value. What is silent has no score."""

DESCRIBE = Statement(
    "series.describe",
    """
SELECT lower(leftPad(hex(series_id), 16, '0')) AS id, metric, labels, unit, kind, service, host
FROM series FINAL
WHERE tenant = {tenant:String} AND series_id IN {ids:Array(UInt64)}
""",
)

_TOLD = """
SELECT lower(leftPad(hex(series_id), 16, '0')) AS id, metric, labels, unit, kind, service, host, toUnixTimestamp64Milli(seen) AS seen_ms
FROM series FINAL
WHERE tenant = {tenant:String} AND @which
ORDER BY metric, series_id
LIMIT {limit:UInt32}
"""

ALL = Statement("series.all", _TOLD.replace("@which", "(metric, series_id) > ({after_metric:String}, {after_id:UInt64})"), threads=1)

ANNOUNCED = Statement("series.announced", _TOLD.replace("@which", "seen > fromUnixTimestamp64Milli({since:Int64})"), threads=1)

CURRENT = Statement(
    "series.current",
    """
SELECT lower(leftPad(hex(series_id), 16, '0')) AS id, toUnixTimestamp64Milli(ts) AS last_ms, value, score / 1000 AS score,
    expected, lower, upper, flags
FROM current FINAL
WHERE series_id IN {ids:Array(UInt64)}
""",
)

FACETS = Statement(
    "series.facets",
    """
SELECT facet, name, count() AS series
FROM
(
    SELECT arrayJoin([('service', toString(service)), ('host', toString(host)), ('metric', toString(metric))]) AS pair,
        pair.1 AS facet, pair.2 AS name
    FROM series FINAL
    WHERE tenant = {tenant:String}
)
WHERE name != ''
GROUP BY facet, name
ORDER BY facet, series DESC, name
LIMIT 500 BY facet
""",
)

ARRIVALS = Statement(
    "series.arrivals",
    """
SELECT lower(leftPad(hex(s.series_id), 16, '0')) AS series_id, metric, labels, toUnixTimestamp64Milli(seen) AS first_ms, c.value AS value
FROM (SELECT * FROM series FINAL WHERE tenant = {tenant:String} AND seen > fromUnixTimestamp64Milli({since:Int64})) AS s
LEFT JOIN (SELECT series_id, value FROM current FINAL) AS c ON c.series_id = s.series_id
ORDER BY seen DESC
LIMIT 50
""",
)
