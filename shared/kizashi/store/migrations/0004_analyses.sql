-- Results of expensive analyses, kept to be used again: what they were computed from is in inputs, so new data or a new setting makes
-- another version of it; what nobody may use any more goes by itself.
CREATE TABLE IF NOT EXISTS analyses
(
    tenant LowCardinality(String),
    kind LowCardinality(String),
    id String,
    inputs String,
    made_at DateTime64(3, 'UTC'),
    expires DateTime('UTC'),
    cost_ms UInt32,
    body String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(made_at)
ORDER BY (tenant, kind, id)
TTL expires DELETE
/* shard: cityHash64(id) */;
