"""The dashboards: one a kind of finding. What they show is in queries/grafana.py. Pure."""

from __future__ import annotations

from services.gateway.grafana.panels import Board, Panel
from services.gateway.queries import grafana as q

TENANT = ("tenant", q.VARIABLES["tenant"], False)
SERVICE = ("service", q.VARIABLES["service"], True)
SERIES = ("series", q.VARIABLES["series"], False)
BOUNDARY = ((None, "green"), (0.8, "yellow"), (1.0, "red"))
ANY = ((None, "green"), (1.0, "red"))
SHARE = "percentunit"

BOARDS = (
    Board(
        "kizashi-overview",
        "Kizashi: overview",
        (
            Panel("Series", "stat", (q.SERIES_NOW,), 4, 4),
            Panel("Odd now", "stat", (q.ODD_NOW,), 5, 4, thresholds=ANY),
            Panel("Open episodes", "stat", (q.OPEN_EPISODES,), 5, 4, thresholds=ANY),
            Panel("Open incidents", "stat", (q.OPEN_INCIDENTS,), 5, 4, thresholds=ANY),
            Panel(
                "Age of the newest value", "stat", (q.FRESHNESS,), 5, 4, "s", thresholds=((None, "green"), (10.0, "yellow"), (60.0, "red"))
            ),
            Panel("Worst score by service", "timeseries", (q.WORST_BY_SERVICE,), 24, 9, thresholds=BOUNDARY, text="1.0 is the boundary."),
            Panel("Services", "table", (q.SERVICES,), 10, 10),
            Panel("Odd series", "table", (q.WORST_SERIES,), 14, 10),
        ),
        (TENANT, SERVICE),
    ),
    Board(
        "kizashi-series",
        "Kizashi: series",
        (
            Panel("Value in its expected band", "timeseries", (q.BAND,), 24, 10, band=True),
            Panel("Score", "timeseries", (q.SCORE,), 24, 6, thresholds=BOUNDARY, text="1.0 is the boundary."),
            Panel("Hours: mean, lowest, highest", "timeseries", (q.LONG_RANGE,), 16, 8),
            Panel("Season and trend", "table", (q.PATTERN,), 8, 8),
        ),
        (TENANT, SERVICE, SERIES),
    ),
    Board(
        "kizashi-episodes",
        "Kizashi: episodes",
        (
            Panel("Episodes by service", "timeseries", (q.EPISODES_BY_SERVICE,), 24, 8),
            Panel("Episodes", "table", (q.EPISODES,), 24, 14),
        ),
        (TENANT, SERVICE),
        "now-24h",
    ),
    Board(
        "kizashi-incidents",
        "Kizashi: incidents",
        (
            Panel("Incidents and their causes", "table", (q.INCIDENTS,), 24, 10),
            Panel("Dependencies", "nodeGraph", (q.NODES, q.EDGES), 24, 14),
        ),
        (TENANT,),
        "now-7d",
    ),
    Board(
        "kizashi-forecast",
        "Kizashi: forecast and risk",
        (
            Panel("Forecast", "timeseries", (q.FAN,), 24, 9, band=True),
            Panel("Objectives and their budgets", "table", (q.OBJECTIVES,), 24, 8),
            Panel("Runs out first", "table", (q.RUNS_OUT,), 12, 9),
            Panel("Tickets at risk", "table", (q.TICKETS,), 12, 9),
            Panel("All risks", "table", (q.RISKS,), 24, 10),
            Panel("How forecasts came out", "timeseries", (q.FORECAST_ERRORS,), 24, 8),
        ),
        (TENANT, SERVICE, SERIES),
        "now-7d",
    ),
    Board(
        "kizashi-alerts",
        "Kizashi: alerts",
        (
            Panel("Not resolved", "piechart", (q.ALERT_STATES,), 6, 8),
            Panel("Told and held back", "timeseries", (q.PAGES,), 18, 8),
            Panel("Alerts", "table", (q.ALERTS,), 24, 10),
            Panel("Deliveries", "table", (q.DELIVERIES,), 24, 10),
        ),
        (TENANT,),
        "now-24h",
    ),
)
