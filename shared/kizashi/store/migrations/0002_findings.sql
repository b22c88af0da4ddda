-- What Kizashi finds, what people and systems report, and what people configure. Every table keeps the whole message as JSON in body,
-- and what is filtered or drawn as columns. A finding's newest version replaces the older ones; repeats change nothing.
-- No partitions: the rows are few, and imported history may span years. TTL counts from landing (written), not from the event.

CREATE TABLE IF NOT EXISTS episodes
(
    tenant LowCardinality(String),
    opened DateTime64(3, 'UTC'),
    id String,
    version UInt32,
    series_id UInt64,
    metric LowCardinality(String),
    service LowCardinality(String),
    labels Map(LowCardinality(String), String),
    kind LowCardinality(String),
    state LowCardinality(String),
    severity LowCardinality(String),
    direction LowCardinality(String),
    updated DateTime64(3, 'UTC'),
    closed Nullable(DateTime64(3, 'UTC')),
    peak DateTime64(3, 'UTC'),
    peak_score Float64,
    peak_value Float64,
    value Float64,
    expected Float64,
    lower Float64,
    upper Float64,
    area Float64,
    samples UInt32,
    head LowCardinality(String),
    flapping UInt8,
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC'),
    INDEX series series_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX closing closed TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, opened, id)
TTL toDateTime(written) + INTERVAL 400 DAY DELETE
/* shard: cityHash64(id) */;

CREATE TABLE IF NOT EXISTS patterns
(
    tenant LowCardinality(String),
    series_id UInt64,
    version UInt32,
    updated DateTime64(3, 'UTC'),
    season_s Float64,
    season_strength Float64,
    trend LowCardinality(String),
    level Float64,
    slope_per_day Float64,
    slope_low Float64,
    slope_high Float64,
    broke Nullable(DateTime64(3, 'UTC')),
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(updated)
ORDER BY (tenant, series_id)
/* shard: series_id */;

CREATE TABLE IF NOT EXISTS forecasts
(
    tenant LowCardinality(String),
    series_id UInt64,
    made DateTime64(3, 'UTC'),
    step_ms UInt32,
    mean Array(Float64) CODEC(ZSTD(1)),
    levels Array(Float64) CODEC(ZSTD(1)),
    low Array(Float64) CODEC(ZSTD(1)),
    high Array(Float64) CODEC(ZSTD(1)),
    reliable UInt8,
    reason LowCardinality(String),
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (tenant, series_id, made)
TTL toDateTime(written) + INTERVAL 30 DAY DELETE
/* shard: series_id */;

CREATE TABLE IF NOT EXISTS forecast_errors
(
    tenant LowCardinality(String),
    series_id UInt64,
    ts DateTime64(3, 'UTC'),
    step_ms UInt32,
    actual Float64,
    mean Float64,
    inside UInt8,
    pinball Nullable(Float64),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (tenant, series_id, step_ms, ts)
TTL toDateTime(written) + INTERVAL 90 DAY DELETE
/* shard: series_id */;

CREATE TABLE IF NOT EXISTS risks
(
    tenant LowCardinality(String),
    id String,
    version UInt32,
    entity String,
    kind LowCardinality(String),
    title String,
    made DateTime64(3, 'UTC'),
    horizon_s UInt32,
    probability Nullable(Float64),
    reason String,
    eta Nullable(DateTime64(3, 'UTC')),
    eta_low Nullable(DateTime64(3, 'UTC')),
    eta_high Nullable(DateTime64(3, 'UTC')),
    eta_inner_low Nullable(DateTime64(3, 'UTC')),
    eta_inner_high Nullable(DateTime64(3, 'UTC')),
    value Nullable(Float64),
    threshold Nullable(Float64),
    budget_left Nullable(Float64),
    firing UInt8,
    severity LowCardinality(String),
    series_id UInt64,
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, kind, id)
TTL toDateTime(written) + INTERVAL 90 DAY DELETE
/* shard: cityHash64(id) */;

CREATE TABLE IF NOT EXISTS incidents
(
    tenant LowCardinality(String),
    opened DateTime64(3, 'UTC'),
    id String,
    version UInt32,
    state LowCardinality(String),
    severity LowCardinality(String),
    title String,
    updated DateTime64(3, 'UTC'),
    closed Nullable(DateTime64(3, 'UTC')),
    merged_into String,
    verdict LowCardinality(String),
    cause String,
    cause_score Float64,
    entities Array(String),
    episodes Array(String),
    blast Array(String),
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, opened, id)
/* shard: cityHash64(id) */;

CREATE TABLE IF NOT EXISTS alerts
(
    tenant LowCardinality(String),
    started DateTime64(3, 'UTC'),
    id String,
    version UInt32,
    state LowCardinality(String),
    rule LowCardinality(String),
    severity LowCardinality(String),
    title String,
    updated DateTime64(3, 'UTC'),
    ended Nullable(DateTime64(3, 'UTC')),
    grouped String,
    labels Map(LowCardinality(String), String),
    value Nullable(Float64),
    flapping UInt8,
    held_back_by LowCardinality(String),
    acknowledged_by String,
    refs Array(String),
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, started, id)
/* shard: cityHash64(id) */;

CREATE TABLE IF NOT EXISTS deliveries
(
    tenant LowCardinality(String),
    at DateTime64(3, 'UTC'),
    id String,
    alert_id String,
    channel LowCardinality(String),
    state LowCardinality(String),
    attempt UInt32,
    dedup_key String,
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (tenant, at, id)
TTL toDateTime(written) + INTERVAL 400 DAY DELETE
/* shard: cityHash64(id) */;

CREATE TABLE IF NOT EXISTS events
(
    tenant LowCardinality(String),
    ts DateTime64(3, 'UTC'),
    id String,
    type LowCardinality(String),
    entity String,
    title String,
    text String,
    source LowCardinality(String),
    until Nullable(DateTime64(3, 'UTC')),
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (tenant, type, ts, id)
/* shard: cityHash64(id) */;

CREATE TABLE IF NOT EXISTS edges
(
    tenant LowCardinality(String),
    caller String,
    callee String,
    source LowCardinality(String),
    confidence Float64,
    rate Float64,
    hard UInt8,
    directed UInt8,
    first DateTime64(3, 'UTC'),
    last DateTime64(3, 'UTC'),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(last)
ORDER BY (tenant, caller, callee, source)
/* shard: cityHash64(caller, callee) */;

-- A queryable copy; the topic is the truth and is kept for ever.
CREATE TABLE IF NOT EXISTS config_log
(
    tenant LowCardinality(String),
    kind LowCardinality(String),
    id String,
    src_offset UInt64,
    based_on UInt32,
    deleted UInt8,
    author String,
    made DateTime64(3, 'UTC'),
    change_id String,
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (tenant, kind, id, src_offset)
/* shard: cityHash64(id) */;

CREATE TABLE IF NOT EXISTS feedback
(
    tenant LowCardinality(String),
    made DateTime64(3, 'UTC'),
    id String,
    target String,
    verdict LowCardinality(String),
    author String,
    undo UInt8,
    body String CODEC(ZSTD(3)),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (tenant, made, id)
/* shard: cityHash64(id) */;
