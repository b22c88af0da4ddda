-- Samples with their scores, what a series id means, and the newest row of each series.
-- Canonical text for one node; migrate.py renders it for a cluster. Never edited once shipped: add a new file.

CREATE TABLE IF NOT EXISTS series
(
    series_id UInt64 CODEC(ZSTD(1)),
    tenant LowCardinality(String),
    metric LowCardinality(String),
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    service LowCardinality(String),
    host LowCardinality(String),
    unit LowCardinality(String),
    kind LowCardinality(String),
    seen DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX series_id_bloom series_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY (tenant, metric, series_id)
/* shard: series_id */;

CREATE DICTIONARY IF NOT EXISTS series_dict
(
    series_id UInt64,
    tenant String,
    metric String,
    labels Map(String, String),
    service String,
    host String,
    unit String,
    kind String
)
PRIMARY KEY series_id
SOURCE(CLICKHOUSE(DATABASE '{database}' TABLE 'series'))
LAYOUT(HASHED())
LIFETIME(MIN 1 MAX 3);

-- Partitioned and expired by landing day (the log's append time): old data may be imported and stays; a TTL by event time
-- would drop it at once, and one insert of many event days would make too many parts.
-- landed_at is the log's append time, stored_at this server's clock when the block came.
-- version is highest for what came first in the log, below everything else for repeats the scorer flagged: FINAL keeps the original.
CREATE TABLE IF NOT EXISTS samples
(
    series_id UInt64 CODEC(ZSTD(1)),
    ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    value Float64 CODEC(ZSTD(1)),
    score UInt32 CODEC(T64, ZSTD(1)),
    expected Float32 CODEC(ZSTD(1)),
    lower Float32 CODEC(ZSTD(1)),
    upper Float32 CODEC(ZSTD(1)),
    flags UInt8 CODEC(ZSTD(1)),
    point UInt32 CODEC(T64, ZSTD(1)),
    novelty UInt32 CODEC(T64, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String) CODEC(ZSTD(1)),
    src_partition UInt16 CODEC(ZSTD(1)),
    src_offset UInt64 CODEC(Delta, ZSTD(1)),
    landed_at DateTime('UTC') CODEC(Delta, ZSTD(1)),
    stored_at DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1)),
    INDEX ts_range ts TYPE minmax GRANULARITY 1,
    INDEX stored_range stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(landed_at)
ORDER BY (series_id, ts)
TTL landed_at + INTERVAL 14 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, min_bytes_for_wide_part = 33554432
/* shard: series_id */;

CREATE TABLE IF NOT EXISTS samples_1m
(
    series_id UInt64 CODEC(ZSTD(1)),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    samples UInt32 CODEC(T64, ZSTD(1)),
    mean Float64 CODEC(ZSTD(1)),
    low Float64 CODEC(ZSTD(1)),
    high Float64 CODEC(ZSTD(1)),
    last Float64 CODEC(ZSTD(1)),
    worst UInt32 CODEC(T64, ZSTD(1)),
    odd UInt32 CODEC(T64, ZSTD(1)),
    expected Float32 CODEC(ZSTD(1)),
    lower Float32 CODEC(ZSTD(1)),
    upper Float32 CODEC(ZSTD(1)),
    made DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(made)
PARTITION BY toYYYYMM(made)
ORDER BY (series_id, bucket)
TTL toDateTime(made) + INTERVAL 90 DAY DELETE
SETTINGS ttl_only_drop_parts = 1
/* shard: series_id */;

CREATE TABLE IF NOT EXISTS samples_1h
(
    series_id UInt64 CODEC(ZSTD(1)),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    samples UInt32 CODEC(T64, ZSTD(1)),
    mean Float64 CODEC(ZSTD(1)),
    low Float64 CODEC(ZSTD(1)),
    high Float64 CODEC(ZSTD(1)),
    last Float64 CODEC(ZSTD(1)),
    worst UInt32 CODEC(T64, ZSTD(1)),
    odd UInt32 CODEC(T64, ZSTD(1)),
    expected Float32 CODEC(ZSTD(1)),
    lower Float32 CODEC(ZSTD(1)),
    upper Float32 CODEC(ZSTD(1)),
    made DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(made)
PARTITION BY toYear(made)
ORDER BY (series_id, bucket)
TTL toDateTime(made) + INTERVAL 2 YEAR DELETE
SETTINGS ttl_only_drop_parts = 1
/* shard: series_id */;

-- The newest row of each series: "now" questions read this, never the raw table.
CREATE TABLE IF NOT EXISTS current
(
    series_id UInt64 CODEC(ZSTD(1)),
    ts DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    value Float64 CODEC(ZSTD(1)),
    score UInt32 CODEC(T64, ZSTD(1)),
    expected Float32 CODEC(ZSTD(1)),
    lower Float32 CODEC(ZSTD(1)),
    upper Float32 CODEC(ZSTD(1)),
    flags UInt8
)
ENGINE = ReplacingMergeTree(ts)
ORDER BY series_id
/* shard: series_id */;

-- What has landed: rows of (topic id, source partition) below next_offset are in the table. Written after the data.
CREATE TABLE IF NOT EXISTS watermarks
(
    topic_id String,
    src_partition UInt16,
    target LowCardinality(String),
    storage_partition LowCardinality(String),
    next_offset UInt64,
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(next_offset)
ORDER BY (topic_id, src_partition, target, storage_partition)
/* shard: rand() */;

-- Up to which landing time the tiers hold everything.
CREATE TABLE IF NOT EXISTS tier_progress
(
    tier LowCardinality(String),
    through DateTime('UTC'),
    written DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written)
ORDER BY tier
/* shard: rand() */;
