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

CREATE OR REPLACE VIEW v_metrics_1m AS
SELECT
    bucket AS time,
    dictGet('{database}.series_dict', 'service', samples_1m.series_id) AS service,
    dictGet('{database}.series_dict', 'metric', samples_1m.series_id) AS metric,
    mean AS value,
    low,
    high,
    samples,
    worst / 1000 AS score,
    odd,
    expected,
    lower,
    upper,
    dictGet('{database}.series_dict', 'tenant', samples_1m.series_id) AS tenant,
    dictGet('{database}.series_dict', 'host', samples_1m.series_id) AS host,
    leftPad(lower(hex(samples_1m.series_id)), 16, '0') AS series_id,
    samples_1m.series_id AS sid
FROM samples_1m FINAL;

CREATE OR REPLACE VIEW v_metrics_1h AS
SELECT
    bucket AS time,
    dictGet('{database}.series_dict', 'service', samples_1h.series_id) AS service,
    dictGet('{database}.series_dict', 'metric', samples_1h.series_id) AS metric,
    mean AS value,
    low,
    high,
    samples,
    worst / 1000 AS score,
    odd,
    expected,
    lower,
    upper,
    dictGet('{database}.series_dict', 'tenant', samples_1h.series_id) AS tenant,
    dictGet('{database}.series_dict', 'host', samples_1h.series_id) AS host,
    leftPad(lower(hex(samples_1h.series_id)), 16, '0') AS series_id,
    samples_1h.series_id AS sid
FROM samples_1h FINAL;

CREATE OR REPLACE VIEW v_episodes AS
SELECT
    tenant,
    id,
    opened AS time,
    coalesce(closed, updated) AS timeEnd,
    opened,
    updated,
    closed,
    state,
    kind,
    severity,
    direction,
    metric,
    service,
    labels,
    leftPad(lower(hex(episodes.series_id)), 16, '0') AS series_id,
    episodes.series_id AS sid,
    peak,
    peak_score,
    peak_value,
    value,
    expected,
    lower,
    upper,
    area,
    samples,
    head,
    flapping,
    version,
    body
FROM episodes FINAL;

CREATE OR REPLACE VIEW v_patterns AS
SELECT
    tenant,
    leftPad(lower(hex(patterns.series_id)), 16, '0') AS series_id,
    dictGet('{database}.series_dict', 'metric', patterns.series_id) AS metric,
    dictGet('{database}.series_dict', 'service', patterns.series_id) AS service,
    updated AS time,
    season_s,
    season_strength,
    trend,
    level,
    slope_per_day,
    slope_low,
    slope_high,
    broke,
    patterns.series_id AS sid,
    body
FROM patterns FINAL;

-- The newest forecast of each series, one row a step; lower and upper are its outermost quantiles.
CREATE OR REPLACE VIEW v_forecast AS
SELECT
    tenant,
    leftPad(lower(hex(f.series_id)), 16, '0') AS series_id,
    dictGet('{database}.series_dict', 'metric', f.series_id) AS metric,
    dictGet('{database}.series_dict', 'service', f.series_id) AS service,
    made,
    made + toIntervalMillisecond(toInt64(step_ms) * step) AS time,
    expected AS mean,
    at_low AS lower,
    at_high AS upper,
    levels[1] AS lower_level,
    levels[length(levels)] AS upper_level,
    reliable,
    reason,
    f.series_id AS sid
FROM
(
    SELECT * FROM forecasts FINAL
    WHERE (tenant, series_id, made) IN (SELECT tenant, series_id, max(made) FROM forecasts GROUP BY tenant, series_id)
) AS f
ARRAY JOIN mean AS expected, low AS at_low, high AS at_high, arrayEnumerate(mean) AS step;

CREATE OR REPLACE VIEW v_forecast_errors AS
SELECT
    tenant,
    leftPad(lower(hex(forecast_errors.series_id)), 16, '0') AS series_id,
    dictGet('{database}.series_dict', 'metric', forecast_errors.series_id) AS metric,
    ts AS time,
    step_ms,
    nullIf(forecast_errors.made, toDateTime64(0, 3, 'UTC')) AS made,
    if(isNull(made), NULL, toUInt32(intDiv(toUnixTimestamp64Milli(ts) - toUnixTimestamp64Milli(assumeNotNull(made)), step_ms))) AS ahead,
    actual,
    mean,
    actual - mean AS error,
    inside,
    pinball,
    forecast_errors.series_id AS sid
FROM forecast_errors FINAL;

-- How well each model has done lately: mean absolute error of the forecast that is published (panel) and of every member, by series, bucket
-- width and steps ahead.
CREATE OR REPLACE VIEW v_forecast_track AS
SELECT
    tenant,
    leftPad(lower(hex(t.series_id)), 16, '0') AS series_id,
    dictGet('{database}.series_dict', 'metric', t.series_id) AS metric,
    dictGet('{database}.series_dict', 'service', t.series_id) AS service,
    made,
    step_ms,
    model,
    ['to 6', 'to 24', 'more'][group_number] AS steps_ahead,
    error AS mean_absolute_error,
    t.series_id AS sid
FROM
(
    SELECT f.tenant AS tenant, f.series_id AS series_id, f.step_ms AS step_ms, newest AS made, told.1 AS model, told.2 AS errors
    FROM
    (
        SELECT tenant, series_id, step_ms, max(made) AS newest, argMax(body, made) AS body FROM forecasts GROUP BY tenant, series_id, step_ms
    ) AS f
    ARRAY JOIN JSONExtractKeysAndValues(body, 'track', 'Array(Float64)') AS told
) AS t
ARRAY JOIN errors AS error, arrayEnumerate(errors) AS group_number;

CREATE OR REPLACE VIEW v_risk AS
SELECT
    tenant,
    id,
    made AS time,
    entity,
    kind,
    title,
    horizon_s,
    probability,
    reason,
    eta,
    eta_low,
    eta_high,
    eta_inner_low,
    eta_inner_high,
    value,
    threshold,
    budget_left,
    firing,
    severity,
    if(risks.series_id = 0, '', leftPad(lower(hex(risks.series_id)), 16, '0')) AS series_id,
    version,
    body
FROM risks FINAL;

-- Objectives: share of good events, error budget left (1 untouched, below 0 overdrawn), burn rates over two windows, and whether it will last.
CREATE OR REPLACE VIEW v_slo AS
SELECT
    tenant,
    id,
    made AS time,
    entity,
    title,
    threshold AS objective,
    value AS good,
    budget_left,
    probability,
    eta,
    eta_low,
    eta_high,
    JSONExtract(body, 'burn', '1h', 'Nullable(Float64)') AS burn_1h,
    JSONExtract(body, 'burn', '6h', 'Nullable(Float64)') AS burn_6h,
    JSONExtract(body, 'burn', '1d', 'Nullable(Float64)') AS burn_1d,
    JSONExtract(body, 'burn', '3d', 'Nullable(Float64)') AS burn_3d,
    firing,
    severity,
    reason,
    horizon_s
FROM risks FINAL
WHERE kind = 'slo' AND reason != 'deleted';

-- Promises about tickets that still run: the first factor of a risk says which promise, the second what moves its probability most.
CREATE OR REPLACE VIEW v_tickets_at_risk AS
SELECT
    tenant,
    id,
    made AS time,
    entity,
    title,
    JSONExtractString(body, 'factors', 1, 'text') AS promise,
    probability AS p_late,
    value AS share_used,
    eta AS due,
    JSONExtractString(body, 'factors', 2, 'name') AS because,
    reason,
    firing,
    severity
FROM risks FINAL
WHERE kind = 'ticket' AND reason NOT IN ('resolved', 'acknowledged');

-- What runs out first: half-way date with the bands that hold with 50 and 80 %.
CREATE OR REPLACE VIEW v_runs_out AS
SELECT
    tenant,
    id,
    made AS time,
    entity,
    title,
    value,
    threshold,
    eta,
    eta_inner_low,
    eta_inner_high,
    eta_low,
    eta_high,
    probability,
    horizon_s,
    JSONExtractFloat(body, 'factors', 1, 'contribution') AS growth_a_day,
    severity,
    leftPad(lower(hex(risks.series_id)), 16, '0') AS series_id
FROM risks FINAL
WHERE kind = 'capacity' AND reason != 'not in sight';

CREATE OR REPLACE VIEW v_incidents AS
SELECT
    tenant,
    id,
    opened AS time,
    coalesce(closed, updated) AS timeEnd,
    state,
    severity,
    title,
    opened,
    updated,
    closed,
    verdict,
    cause,
    cause_score,
    entities,
    episodes,
    blast,
    merged_into,
    version,
    body
FROM incidents FINAL;

CREATE OR REPLACE VIEW v_alerts AS
SELECT
    tenant,
    id,
    started AS time,
    coalesce(ended, updated) AS timeEnd,
    state,
    rule,
    severity,
    title,
    updated,
    ended,
    grouped,
    labels,
    value,
    flapping,
    held_back_by,
    acknowledged_by,
    refs,
    version,
    body
FROM alerts FINAL;

CREATE OR REPLACE VIEW v_deliveries AS
SELECT tenant, id, at AS time, alert_id, channel, state, attempt, dedup_key, body
FROM deliveries FINAL;

CREATE OR REPLACE VIEW v_events AS
SELECT tenant, id, ts AS time, coalesce(until, ts) AS timeEnd, type, entity, title, text, source, body
FROM events FINAL;

CREATE OR REPLACE VIEW v_annotations AS
SELECT
    ts AS time,
    coalesce(until, ts) AS timeEnd,
    if(title = '', concat(type, ' ', entity), title) AS title,
    text,
    [type, entity] AS tags,
    tenant
FROM events FINAL
WHERE type NOT IN ('topology', 'past_ticket')
UNION ALL
SELECT opened AS time, coalesce(closed, updated) AS timeEnd, title, concat('cause: ', if(cause = '', 'inconclusive', cause)) AS text,
    arrayConcat(['incident', toString(severity)], entities) AS tags, tenant
FROM incidents FINAL
WHERE state != 'merged'
UNION ALL
-- Notes that people wrote: of changes made on the same version the first one won, and the newest version stands.
SELECT
    fromUnixTimestamp64Milli(JSONExtractInt(body, 'at_ms'), 'UTC') AS time,
    fromUnixTimestamp64Milli(greatest(JSONExtractInt(body, 'at_ms'), JSONExtractInt(body, 'until_ms')), 'UTC') AS timeEnd,
    JSONExtractString(body, 'title') AS title,
    JSONExtractString(body, 'text') AS text,
    arrayFilter(
        x -> x != '', arrayConcat(['note', author, JSONExtractString(body, 'entity')], JSONExtract(body, 'tags', 'Array(String)'))
    ) AS tags,
    tenant
FROM
(
    SELECT tenant, id, argMax(body, based_on) AS body, argMax(author, based_on) AS author, argMax(deleted, based_on) AS deleted
    FROM
    (
        SELECT tenant, id, based_on, argMin(body, src_offset) AS body, argMin(author, src_offset) AS author,
            argMin(deleted, src_offset) AS deleted
        FROM config_log FINAL
        WHERE kind = 'annotation'
        GROUP BY tenant, id, based_on
    )
    GROUP BY tenant, id
)
WHERE deleted = 0;

-- Every change with what became of it: pending, nothing, suspected, confirmed or cleared, and the incident that named it.
CREATE OR REPLACE VIEW v_changes AS
SELECT
    c.tenant AS tenant,
    c.id AS id,
    c.ts AS time,
    coalesce(c.until, c.ts) AS timeEnd,
    c.type AS type,
    c.entity AS entity,
    c.title AS title,
    JSONExtractString(c.body, 'attributes', 'kind') AS kind,
    JSONExtractString(c.body, 'attributes', 'author') AS author,
    if(o.outcome = '', 'pending', o.outcome) AS outcome,
    o.incident AS incident,
    o.probability AS probability
FROM (SELECT * FROM events FINAL WHERE type IN ('change', 'maintenance')) AS c
LEFT JOIN
(
    SELECT
        tenant,
        JSONExtractString(body, 'attributes', 'change') AS change,
        JSONExtractString(body, 'attributes', 'outcome') AS outcome,
        JSONExtractString(body, 'attributes', 'incident') AS incident,
        JSONExtractFloat(body, 'attributes', 'probability') AS probability
    FROM events FINAL
    WHERE type = 'annotation' AND source = 'rca'
) AS o ON o.tenant = c.tenant AND o.change = c.id;

-- One row an incident whose cause a person confirmed: where it stood in the ranking before anybody judged (0: not in it).
CREATE OR REPLACE VIEW v_cause_accuracy AS
SELECT
    i.tenant AS tenant,
    i.id AS incident,
    i.opened AS time,
    f.suspect AS cause,
    indexOf(JSONExtract(i.body, 'said', 'Array(String)'), f.suspect) AS place,
    toUInt8(place = 1) AS top1,
    toUInt8(place BETWEEN 1 AND 3) AS top3
FROM incidents AS i FINAL
INNER JOIN
(
    SELECT
        tenant,
        splitByChar('/', target)[1] AS incident,
        substring(target, position(target, '/') + 1) AS suspect
    FROM feedback FINAL
    WHERE verdict IN ('cause', 'not_cause') AND position(target, '/') > 0
    GROUP BY tenant, target
    HAVING argMax(verdict, made) = 'cause' AND argMax(undo, made) = 0
) AS f ON f.tenant = i.tenant AND f.incident = i.id;

-- Shaped for Grafana's node graph: id, source, target, mainstat; origin says who told us of the edge.
CREATE OR REPLACE VIEW v_edges AS
SELECT
    tenant,
    concat(caller, '→', callee, ' ', edges.source) AS id,
    caller AS source,
    callee AS target,
    rate AS mainstat,
    edges.source AS origin,
    confidence,
    hard,
    directed,
    first,
    last AS time
FROM edges FINAL;

CREATE OR REPLACE VIEW v_nodes AS
SELECT
    n.tenant AS tenant,
    n.node AS id,
    n.node AS title,
    round(maxIf(c.score, c.state != 'stale'), 3) AS mainstat,
    countIf(c.state = 'anomalous') AS secondarystat
FROM
(
    SELECT DISTINCT tenant, node
    FROM (SELECT tenant, caller AS node FROM edges UNION ALL SELECT tenant, callee AS node FROM edges)
) AS n
LEFT JOIN v_current AS c ON c.service = n.node AND c.tenant = n.tenant
GROUP BY n.tenant, n.node;

-- How much of a service or host is odd now: share of its series, the score of that share, and whether it is an episode itself.
CREATE OR REPLACE VIEW v_groups AS
SELECT
    tenant,
    if(service != '', 'service', 'host') AS kind,
    if(service != '', service, host) AS entity,
    time,
    value AS odd_share,
    expected,
    upper,
    v_current.score AS score,
    state,
    series_id
FROM v_current
WHERE metric = 'kizashi.anomaly_rate';

-- What the calibration achieves: anomaly episodes of a series in 14 days of its life, over the last 14 days. The chosen rate is one in alarm_days.
CREATE OR REPLACE VIEW v_calibration AS
SELECT tenant, time, value AS episodes_per_series_14d, series_id
FROM v_current
WHERE metric = 'kizashi.alarms_per_series';

CREATE OR REPLACE VIEW v_feedback AS
SELECT tenant, id, made AS time, target, verdict, author, undo, body
FROM feedback FINAL;

CREATE OR REPLACE VIEW v_config AS
SELECT tenant, kind, id, src_offset, based_on, deleted, author, made AS time, change_id, body
FROM config_log FINAL;
