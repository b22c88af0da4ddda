"""The SQL that Grafana sends: macros of the official ClickHouse plugin, views only, ``time`` first in a series.

``$tenant``, ``$service`` and ``$series`` are dashboard variables; Grafana quotes each value (``singlequote``).
"""

from __future__ import annotations

TENANT = "tenant IN (${tenant:singlequote})"
SERVICE = "service IN (${service:singlequote})"


def of(sql: str) -> str:
    """The statement with ``@tenant`` and ``@service`` written out."""
    return sql.replace("@service", f"{TENANT} AND {SERVICE}").replace("@tenant", TENANT)


VARIABLES = {
    "tenant": of("SELECT DISTINCT tenant FROM v_series ORDER BY tenant"),
    "service": of("SELECT DISTINCT service FROM v_series WHERE @tenant ORDER BY service"),
    "series": of(
        "SELECT concat(metric, ' ', arrayStringConcat(mapValues(labels), ' ')) AS __text, series_id AS __value FROM v_series "
        "WHERE @service ORDER BY __text LIMIT 1000"
    ),
}

ANNOTATIONS = of(
    "SELECT time, timeEnd, title, text, tags FROM v_annotations WHERE @tenant AND $__timeFilter_ms(time) ORDER BY time LIMIT 1000"
)

# overview
ODD_NOW = of("SELECT countIf(state = 'anomalous') AS odd FROM v_current WHERE @tenant")
SERIES_NOW = of("SELECT count() AS series FROM v_current WHERE @tenant")
OPEN_EPISODES = of("SELECT count() AS episodes FROM v_episodes WHERE @tenant AND state = 'open'")
OPEN_INCIDENTS = of("SELECT count() AS incidents FROM v_incidents WHERE @tenant AND state = 'open'")
FRESHNESS = of("SELECT dateDiff('second', max(time), now64(3)) AS seconds FROM v_current WHERE @tenant")
SERVICES = of(
    "SELECT service, count() AS series, countIf(state = 'anomalous') AS odd, round(max(if(state = 'stale', 0, score)), 3) "
    "AS worst, countIf(state = 'stale') AS stale FROM v_current WHERE @tenant GROUP BY service ORDER BY odd DESC, worst "
    "DESC LIMIT 200"
)
WORST_SERIES = of(
    "SELECT service, metric, toString(labels) AS labels, score, value, expected, lower, upper, time FROM v_current WHERE "
    "@tenant AND state = 'anomalous' ORDER BY score DESC LIMIT 50"
)
WORST_BY_SERVICE = of(
    "SELECT $__timeInterval(time) AS time, service, max(score) AS worst FROM v_metrics_1m WHERE @service AND "
    "$__timeFilter(time) GROUP BY time, service ORDER BY time, service"
)

# series
BAND = of(
    "SELECT time, value, expected, lower, upper FROM v_scores WHERE sid IN (SELECT sid FROM v_series WHERE @tenant AND "
    "series_id IN (${series:singlequote})) AND $__timeFilter_ms(time) ORDER BY time LIMIT 50000"
)
SCORE = BAND.replace("time, value, expected, lower, upper", "time, score, 1 AS boundary")
LONG_RANGE = of(
    "SELECT $__timeInterval(time) AS time, metric, sum(value * samples) / sum(samples) AS mean, min(low) AS low, max(high) "
    "AS high FROM v_metrics_1h WHERE @tenant AND series_id IN (${series:singlequote}) AND $__timeFilter(time) GROUP BY "
    "time, metric ORDER BY time"
)
PATTERN = of(
    "SELECT metric, season_s, season_strength, trend, level, slope_per_day, slope_low, slope_high, time FROM v_patterns "
    "WHERE @tenant AND series_id IN (${series:singlequote})"
)

# findings
EPISODES = of(
    "SELECT time, timeEnd, state, kind, severity, service, metric, toString(labels) AS labels, peak_score, peak_value, "
    "expected, id FROM v_episodes WHERE @service AND $__timeFilter_ms(time) ORDER BY time DESC LIMIT 500"
)
EPISODES_BY_SERVICE = of(
    "SELECT $__timeInterval(time) AS time, service, count() AS episodes FROM v_episodes WHERE @service AND "
    "$__timeFilter_ms(time) GROUP BY time, service ORDER BY time, service"
)
INCIDENTS = of(
    "SELECT time, timeEnd, state, severity, title, cause, round(cause_score, 3) AS cause_score, verdict, "
    "arrayStringConcat(entities, ', ') AS hit, id FROM v_incidents WHERE @tenant AND state != 'merged' AND "
    "$__timeFilter_ms(time) ORDER BY time DESC LIMIT 500"
)
NODES = of("SELECT id, title, mainstat, secondarystat FROM v_nodes WHERE @tenant")
EDGES = of("SELECT id, source, target, mainstat FROM v_edges WHERE @tenant")

# forecast and risk
FAN = of("SELECT time, mean, lower, upper FROM v_forecast WHERE @tenant AND series_id IN (${series:singlequote}) ORDER BY time LIMIT 5000")
FORECAST_ERRORS = of(
    "SELECT $__timeInterval(time) AS time, metric, avg(abs(error)) AS mean_absolute_error, avg(inside) AS inside_share FROM"
    " v_forecast_errors WHERE @tenant AND $__timeFilter_ms(time) GROUP BY time, metric ORDER BY time"
)
RISKS = of(
    "SELECT entity, kind, title, probability, eta, eta_low, eta_high, value, threshold, budget_left, firing, severity, "
    "reason, time FROM v_risk WHERE @tenant ORDER BY firing DESC, probability DESC NULLS LAST LIMIT 200"
)
OBJECTIVES = of(
    "SELECT title, entity, objective, good, budget_left, burn_1h, burn_6h, burn_1d, burn_3d, probability, eta, firing FROM "
    "v_slo WHERE @tenant ORDER BY budget_left LIMIT 200"
)
TICKETS = of(
    "SELECT entity, title, promise, p_late, share_used, due, because FROM v_tickets_at_risk WHERE @tenant ORDER BY p_late DESC LIMIT 200"
)
RUNS_OUT = of(
    "SELECT entity, title, value, threshold, eta, eta_low, eta_high, probability, growth_a_day FROM v_runs_out WHERE "
    "@tenant ORDER BY eta NULLS LAST LIMIT 200"
)

# alerts
ALERTS = of(
    "SELECT time, timeEnd, state, severity, title, rule, held_back_by, acknowledged_by, flapping, value, id FROM v_alerts "
    "WHERE @tenant AND $__timeFilter_ms(time) ORDER BY time DESC LIMIT 500"
)
PAGES = of(
    "SELECT $__timeInterval(time) AS time, severity, countIf(held_back_by = '') AS told, countIf(held_back_by != '') AS "
    "held_back FROM v_alerts WHERE @tenant AND $__timeFilter_ms(time) GROUP BY time, severity ORDER BY time"
)
DELIVERIES = of(
    "SELECT time, channel, state, attempt, alert_id FROM v_deliveries WHERE @tenant AND $__timeFilter_ms(time) ORDER BY time DESC LIMIT 500"
)
ALERT_STATES = of("SELECT state, count() AS alerts FROM v_alerts WHERE @tenant AND state != 'resolved' GROUP BY state")

# alert rules: no variables there, every tenant counts
RULE_EPISODES = "SELECT count() AS value FROM v_episodes WHERE state = 'open' AND severity = 'critical'"
RULE_INCIDENTS = "SELECT count() AS value FROM v_incidents WHERE state = 'open'"
RULE_RISKS = "SELECT countIf(firing) AS value FROM v_risk"
RULE_FRESHNESS = "SELECT if(count() = 0, 0, dateDiff('second', max(time), now64(3))) AS value FROM v_current"
RULE_DELIVERIES = "SELECT countIf(state = 'failed') AS value FROM v_deliveries WHERE time >= now64(3) - toIntervalMinute(15)"
