"""Freshness of what is stored."""

from __future__ import annotations

from services.gateway.queries import Statement

FRESHNESS = Statement(
    "health.freshness",
    """
SELECT toUnixTimestamp64Milli(max(c.ts)) AS newest_ms, toUInt32(count()) AS series
FROM (SELECT series_id, ts FROM current FINAL) AS c
WHERE series_id IN (SELECT series_id FROM series WHERE tenant = {tenant:String})
""",
)
