"""What is open now, by service: for the overview."""

from __future__ import annotations

from services.gateway.queries import Statement

OPEN_COUNTS = Statement(
    "overview.open",
    """
SELECT toString(service) AS service, 'episode' AS kind, toUInt32(count()) AS open, CAST(NULL, 'Nullable(Float64)') AS risk
FROM episodes FINAL WHERE tenant = {tenant:String} AND state = 'open' GROUP BY service
UNION ALL
SELECT '' AS service, 'incident' AS kind, toUInt32(count()) AS open, CAST(NULL, 'Nullable(Float64)') AS risk
FROM incidents FINAL WHERE tenant = {tenant:String} AND state = 'open'
UNION ALL
SELECT entity AS service, 'risk' AS kind, toUInt32(countIf(firing)) AS open, max(probability) AS risk
FROM risks FINAL WHERE tenant = {tenant:String} AND reason NOT IN ('resolved', 'acknowledged', 'deleted') GROUP BY entity
""",
)
