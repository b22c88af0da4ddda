"""The engine's own log of queries, and its plans."""

from __future__ import annotations

from services.gateway.queries import Statement

SLOW = Statement(
    "queries.slow",
    """
WITH if(log_comment != '', log_comment, http_user_agent) AS comment, splitByChar(' ', comment) AS words,
    startsWith(comment, 'gateway/') AS ours
SELECT toString(normalized_query_hash) AS hash, anyIf(if(ours, words[1], comment), comment != '') AS asked_by,
    arraySort(groupUniqArrayIf(5)(arrayStringConcat(arraySlice(words, 3), ' '), ours AND length(words) > 2)) AS people,
    any(query) AS query, count() AS times,
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

COLUMNS = """
SELECT c.table AS table, c.name AS name, c.type AS type, t.sorting_key AS sorting_key
FROM (SELECT table, name, type FROM system.columns WHERE database = {database:String} AND table IN {tables:Array(String)}) AS c
INNER JOIN (SELECT name, sorting_key FROM system.tables WHERE database = {database:String}) AS t ON t.name = c.table
"""

APPLIED = Statement(
    "queries.applied",
    """
SELECT table, name, type AS kind, expr AS column, data_compressed_bytes AS bytes
FROM system.data_skipping_indices
WHERE database = {database:String} AND startsWith(name, 'advice_')
ORDER BY table, name
""",
)

LOGS = Statement(
    "queries.logs",
    """
SELECT t.name AS table, t.total_rows AS rows, t.total_bytes AS bytes, position(t.create_table_query, ' TTL ') > 0 AS expires
FROM system.tables AS t
WHERE t.database = 'system' AND match(t.name, '_log(_[0-9]+)?$')
ORDER BY bytes DESC
""",
)
