-- The contract with readers: Grafana, people, the gateway. Tables may change, these stay. Run again whenever this text changes.
-- sid is the series id as a number: filter on it (or on metric, service, tenant) to use the primary key; series_id is its text form.

CREATE OR REPLACE VIEW v_series AS
SELECT
    tenant,
    leftPad(lower(hex(series_id)), 16, '0') AS series_id,
    s.series_id AS sid,
    metric,
    labels,
    service,
    host,
    unit,
    kind,
    seen
FROM series AS s FINAL;

CREATE OR REPLACE VIEW v_metrics AS
SELECT
    ts AS time,
    dictGet('{database}.series_dict', 'service', samples.series_id) AS service,
    dictGet('{database}.series_dict', 'metric', samples.series_id) AS metric,
    value,
    dictGet('{database}.series_dict', 'tenant', samples.series_id) AS tenant,
    dictGet('{database}.series_dict', 'host', samples.series_id) AS host,
    dictGet('{database}.series_dict', 'labels', samples.series_id) AS labels,
    dictGet('{database}.series_dict', 'unit', samples.series_id) AS unit,
    leftPad(lower(hex(samples.series_id)), 16, '0') AS series_id,
    samples.series_id AS sid
FROM samples FINAL;

CREATE OR REPLACE VIEW v_scores AS
SELECT
    dictGet('{database}.series_dict', 'tenant', samples.series_id) AS tenant,
    leftPad(lower(hex(samples.series_id)), 16, '0') AS series_id,
    ts AS time,
    dictGet('{database}.series_dict', 'metric', samples.series_id) AS metric,
    dictGet('{database}.series_dict', 'labels', samples.series_id) AS labels,
    value,
    samples.score / 1000 AS score,
    expected,
    lower,
    upper,
    multiIf(bitTest(flags, 7), 'unscored', bitTest(flags, 0), 'learning', bitTest(flags, 1), 'anomalous', 'ok') AS state,
    flags,
    samples.point / 1000 AS point,
    samples.novelty / 1000 AS novelty,
    dictGet('{database}.series_dict', 'service', samples.series_id) AS service,
    dictGet('{database}.series_dict', 'host', samples.series_id) AS host,
    samples.series_id AS sid,
    landed_at
FROM samples FINAL;

CREATE OR REPLACE VIEW v_current AS
SELECT
    dictGet('{database}.series_dict', 'tenant', current.series_id) AS tenant,
    leftPad(lower(hex(current.series_id)), 16, '0') AS series_id,
    ts AS time,
    dictGet('{database}.series_dict', 'metric', current.series_id) AS metric,
    dictGet('{database}.series_dict', 'labels', current.series_id) AS labels,
    value,
    current.score / 1000 AS score,
    expected,
    lower,
    upper,
    multiIf(ts < now64(3) - INTERVAL 10 MINUTE, 'stale', bitTest(flags, 7), 'unscored', bitTest(flags, 0), 'learning', bitTest(flags, 1), 'anomalous', 'ok') AS state,
    flags,
    dictGet('{database}.series_dict', 'service', current.series_id) AS service,
    dictGet('{database}.series_dict', 'host', current.series_id) AS host,
    dictGet('{database}.series_dict', 'unit', current.series_id) AS unit,
    current.series_id AS sid
FROM current FINAL;
