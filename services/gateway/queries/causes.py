"""What became of changes, and where confirmed causes had stood in the ranking."""

from __future__ import annotations

from services.gateway.queries import Statement

CHANGES = Statement(
    "changes.list",
    """
SELECT id, toUnixTimestamp64Milli(time) AS at_ms, type, entity, title, kind, author, outcome, incident, probability
FROM v_changes
WHERE tenant = {tenant:String} AND time >= fromUnixTimestamp64Milli({start:Int64}) AND time < fromUnixTimestamp64Milli({end:Int64})
    AND ({entity:String} = '' OR entity = {entity:String}) AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY time DESC, id
LIMIT {limit:UInt32}
""",
)

ACCURACY = Statement(
    "causes.accuracy",
    """
SELECT toUnixTimestamp(toStartOfDay(time)) * 1000 AS day_ms, toUInt32(count()) AS judged, toUInt32(sum(top1)) AS first,
    toUInt32(sum(top3)) AS among_three
FROM v_cause_accuracy
WHERE tenant = {tenant:String} AND time >= fromUnixTimestamp64Milli({start:Int64}) AND time < fromUnixTimestamp64Milli({end:Int64})
GROUP BY day_ms
ORDER BY day_ms
""",
)
