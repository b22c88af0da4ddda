"""Findings as they were published, newest version each: episodes, incidents, alerts, deliveries, risks, forecasts, edges, annotations."""

from __future__ import annotations

from services.gateway.queries import Statement

_PAGE = "(at, id) < ({before_at:Int64}, {before_id:String})"

EPISODES = Statement(
    "episodes.list",
    """
SELECT body, toUnixTimestamp64Milli(opened) AS at, id
FROM episodes FINAL
WHERE tenant = {tenant:String}
    AND opened < fromUnixTimestamp64Milli({end:Int64}) AND (closed IS NULL OR closed >= fromUnixTimestamp64Milli({start:Int64}))
    AND ({state:String} = '' OR state = {state:String})
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({severity:String} = '' OR severity = {severity:String})
    AND ({service:String} = '' OR service = {service:String})
    AND (empty({ids:Array(UInt64)}) OR has({ids:Array(UInt64)}, series_id))
    AND @page
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32}
""".replace("@page", _PAGE),
)

INCIDENTS = Statement(
    "incidents.list",
    """
SELECT body, toUnixTimestamp64Milli(opened) AS at, id
FROM incidents FINAL
WHERE tenant = {tenant:String}
    AND opened < fromUnixTimestamp64Milli({end:Int64}) AND (closed IS NULL OR closed >= fromUnixTimestamp64Milli({start:Int64}))
    AND (({state:String} = '' AND state != 'merged') OR state = {state:String})
    AND @page
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32}
""".replace("@page", _PAGE),
)

INCIDENT = Statement("incidents.one", "SELECT body FROM incidents FINAL WHERE tenant = {tenant:String} AND id = {id:String}")

ALERTS = Statement(
    "alerts.list",
    """
SELECT body, toUnixTimestamp64Milli(started) AS at, id
FROM alerts FINAL
WHERE tenant = {tenant:String}
    AND started < fromUnixTimestamp64Milli({end:Int64}) AND (ended IS NULL OR ended >= fromUnixTimestamp64Milli({start:Int64}))
    AND ({state:String} = '' OR state = {state:String})
    AND @page
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32}
""".replace("@page", _PAGE),
)

DELIVERIES = Statement(
    "deliveries.list",
    """
SELECT body, toUnixTimestamp64Milli(d.at) AS at, id
FROM (SELECT * FROM deliveries FINAL WHERE tenant = {tenant:String}) AS d
WHERE d.at >= fromUnixTimestamp64Milli({start:Int64}) AND d.at < fromUnixTimestamp64Milli({end:Int64})
    AND ({alert:String} = '' OR alert_id = {alert:String})
    AND (toUnixTimestamp64Milli(d.at), id) < ({before_at:Int64}, {before_id:String})
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32}
""",
)

RISKS = Statement(
    "risks.list",
    """
SELECT body
FROM risks FINAL
WHERE tenant = {tenant:String} AND ({kind:String} = '' OR kind = {kind:String}) AND reason NOT IN ('resolved', 'acknowledged', 'deleted')
    AND ({entity:String} = '' OR entity = {entity:String})
ORDER BY firing DESC, probability DESC NULLS LAST, made DESC
LIMIT {limit:UInt32}
""",
)

FORECASTS = Statement(
    "forecasts.newest",
    """
SELECT lower(leftPad(hex(series_id), 16, '0')) AS id, argMax(body, made) AS body
FROM forecasts
WHERE tenant = {tenant:String} AND series_id IN {ids:Array(UInt64)}
GROUP BY series_id
""",
)

TRACK_RECORD = Statement(
    "forecasts.record",
    """
SELECT lower(leftPad(hex(series_id), 16, '0')) AS id, toUInt32(count()) AS judged, avg(inside) AS inside_share,
    avg(abs(actual - mean)) AS mean_error, avg(abs(actual)) AS mean_size
FROM forecast_errors FINAL
WHERE tenant = {tenant:String} AND series_id IN {ids:Array(UInt64)} AND ts >= fromUnixTimestamp64Milli({start:Int64})
GROUP BY series_id
""",
)

PATTERN = Statement("patterns.one", "SELECT body FROM patterns FINAL WHERE tenant = {tenant:String} AND series_id = {id:UInt64}")

EDGES = Statement(
    "edges.list",
    """
SELECT caller, callee, source, confidence, rate, hard, directed, toUnixTimestamp64Milli(first) AS first_ms,
       toUnixTimestamp64Milli(last) AS last_ms
FROM edges FINAL
WHERE tenant = {tenant:String} AND last >= fromUnixTimestamp64Milli({start:Int64})
ORDER BY caller, callee, source
LIMIT 5000
""",
)

ANNOTATIONS = Statement(
    "annotations.list",
    """
SELECT toUnixTimestamp64Milli(ts) AS at_ms, toUnixTimestamp64Milli(coalesce(until, ts)) AS end_ms, type AS kind, entity, title, text, id
FROM events FINAL
WHERE tenant = {tenant:String} AND type NOT IN ('topology', 'past_ticket')
    AND ts >= fromUnixTimestamp64Milli({start:Int64}) AND ts < fromUnixTimestamp64Milli({end:Int64})
UNION ALL
SELECT toUnixTimestamp64Milli(opened) AS at_ms, toUnixTimestamp64Milli(coalesce(closed, updated)) AS end_ms, 'incident' AS kind,
    cause AS entity, title, '' AS text, id
FROM incidents FINAL
WHERE tenant = {tenant:String} AND state != 'merged'
    AND opened >= fromUnixTimestamp64Milli({start:Int64}) AND opened < fromUnixTimestamp64Milli({end:Int64})
ORDER BY at_ms DESC
LIMIT 1000
""",
)

AROUND = Statement(
    "explain.rows",
    """
SELECT toUnixTimestamp64Milli(ts) AS ts_ms, value, score / 1000 AS score, point / 1000 AS point, novelty / 1000 AS novelty,
    expected, lower, upper, flags, src_topic, src_partition, src_offset
FROM samples FINAL
WHERE series_id = {id:UInt64}
    AND ts <= fromUnixTimestamp64Milli({at:Int64}) AND ts > fromUnixTimestamp64Milli({start:Int64})
ORDER BY ts DESC
LIMIT 30
""",
)

EPISODE_AT = Statement(
    "explain.episode",
    """
SELECT body FROM episodes FINAL
WHERE tenant = {tenant:String} AND series_id = {id:UInt64}
    AND opened <= fromUnixTimestamp64Milli({at:Int64}) AND (closed IS NULL OR closed >= fromUnixTimestamp64Milli({at:Int64}))
ORDER BY opened DESC LIMIT 1
""",
)
