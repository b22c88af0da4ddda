-- Dependencies as they were told, one version of an edge in ten minutes at most: the map as of any time of the last ninety days.
CREATE TABLE IF NOT EXISTS edge_history
(
    tenant LowCardinality(String),
    caller String,
    callee String,
    source LowCardinality(String),
    slot DateTime64(3, 'UTC'),
    confidence Float64,
    rate Float64,
    hard UInt8,
    directed UInt8,
    first DateTime64(3, 'UTC'),
    last DateTime64(3, 'UTC'),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(last)
ORDER BY (tenant, caller, callee, source, slot)
TTL toDateTime(slot) + INTERVAL 90 DAY DELETE
/* shard: cityHash64(caller, callee) */;
