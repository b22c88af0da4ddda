"""What a growth what-if is made of: hourly means, the newest hourly forecast, and the limit that is known."""

from __future__ import annotations

from services.gateway.queries import Statement

HOURS = Statement(
    "growth.hours",
    """
SELECT value, toUnixTimestamp(time) * 1000 AS at_ms
FROM v_metrics_1h
WHERE tenant = {tenant:String} AND sid = {id:UInt64} AND time >= fromUnixTimestamp64Milli({start:Int64})
ORDER BY time
LIMIT {limit:UInt32}
""",
)

NEWEST = Statement(
    "growth.newest",
    """
SELECT toUnixTimestamp64Milli(made) AS made_at_ms, levels, JSONExtract(body, 'quantiles', 'Array(Array(Float64))') AS quantiles
FROM forecasts
WHERE tenant = {tenant:String} AND series_id = {id:UInt64} AND step_ms = {step:UInt32}
ORDER BY made DESC
LIMIT 1
""",
)

KNOWN_LIMIT = Statement(
    "growth.limit",
    """
SELECT threshold, if(
    JSONExtractString(body, 'direction') = '', threshold < JSONExtractFloat(body, 'value'), JSONExtractString(body, 'direction') = 'down'
) AS falling
FROM risks FINAL
WHERE tenant = {tenant:String} AND kind = 'capacity' AND series_id = {id:UInt64} AND threshold IS NOT NULL
LIMIT 1
""",
)
