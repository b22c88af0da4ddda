"""Forecasts whose time has come, beside what came."""

from __future__ import annotations

from services.gateway.queries import Statement

PAST = Statement(
    "forecasts.past",
    """
SELECT toUnixTimestamp64Milli(ts) AS ts, step_ms, actual, mean, inside
FROM forecast_errors FINAL
WHERE tenant = {tenant:String} AND series_id = {id:UInt64}
    AND ts >= fromUnixTimestamp64Milli({start:Int64}) AND ts < fromUnixTimestamp64Milli({end:Int64})
ORDER BY step_ms, ts
LIMIT {limit:UInt32}
""",
)
