"""The engine's own log of queries, and its plans."""

from __future__ import annotations

from services.gateway.queries import Statement

SLOW = Statement(
    "queries.slow",
    """
SELECT toString(normalized_query_hash) AS hash, any(log_comment) AS asked_by, any(query) AS query, count() AS times,
    round(quantile(0.5)(query_duration_ms)) AS p50_ms, round(quantile(0.95)(query_duration_ms)) AS p95_ms,
    max(query_duration_ms) AS max_ms, sum(query_duration_ms) AS total_ms, round(avg(read_rows)) AS read_rows,
    round(avg(read_bytes)) AS read_bytes, round(avg(result_rows)) AS result_rows, max(memory_usage) AS memory_bytes,
    countIf(exception_code != 0) AS failed, toUnixTimestamp(max(event_time)) * 1000 AS last_ms
FROM system.query_log
WHERE type != 'QueryStart' AND event_time >= now() - toIntervalSecond({seconds:UInt32}) AND query_kind IN ('Select', 'Insert')
GROUP BY normalized_query_hash
HAVING p95_ms >= {slowest_ms:Float64}
ORDER BY total_ms DESC
LIMIT {limit:UInt32}
""",
)
