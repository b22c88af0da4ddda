"""Dependencies as they were told by a time: versions of the history, and for edges older than the history their newest word."""

from __future__ import annotations

from services.gateway.queries import Statement

EDGES_AT = Statement(
    "edges.at",
    """
SELECT caller, callee, source, confidence, rate, hard, directed, first_ms, last_ms
FROM
(
    SELECT h.caller AS caller, h.callee AS callee, h.source AS source, argMax(h.confidence, h.last) AS confidence,
           argMax(h.rate, h.last) AS rate, argMax(h.hard, h.last) AS hard, argMax(h.directed, h.last) AS directed,
           toUnixTimestamp64Milli(min(h.first)) AS first_ms, toUnixTimestamp64Milli(max(h.last)) AS last_ms
    FROM edge_history AS h
    WHERE h.tenant = {tenant:String} AND h.last <= fromUnixTimestamp64Milli({at:Int64})
    GROUP BY caller, callee, source
    UNION ALL
    SELECT e.caller AS caller, e.callee AS callee, e.source AS source, e.confidence AS confidence, e.rate AS rate, e.hard AS hard,
           e.directed AS directed, toUnixTimestamp64Milli(e.first) AS first_ms, least(toUnixTimestamp64Milli(e.last), {at:Int64}) AS last_ms
    FROM edges AS e FINAL
    WHERE e.tenant = {tenant:String} AND e.first <= fromUnixTimestamp64Milli({at:Int64})
        AND (e.caller, e.callee, e.source) GLOBAL NOT IN
        (
            SELECT caller, callee, source FROM edge_history
            WHERE tenant = {tenant:String} AND last <= fromUnixTimestamp64Milli({at:Int64})
        )
)
ORDER BY caller, callee, source
LIMIT 5000
""",
)
