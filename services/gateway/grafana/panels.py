"""Panels and dashboards as Grafana's JSON (schema 39, Grafana 10 and later). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SOURCE = {"type": "grafana-clickhouse-datasource", "uid": "kizashi"}
SCHEMA = 39
WIDTH = 24
TABLE, TIME_SERIES = 1, 0
"""The plugin's numbers for the form of a result."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """A panel: Grafana's type, its queries (SQL), its size in grid units."""

    title: str
    kind: str
    sql: tuple[str, ...]
    width: int = 12
    height: int = 8
    unit: str = ""
    band: bool = False
    """Draw ``lower`` and ``upper`` as a filled band."""
    thresholds: tuple[tuple[float | None, str], ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Board:
    """A dashboard: ``uid`` stays the same, so that links and stars survive a new export."""

    uid: str
    title: str
    panels: Sequence[Panel]
    variables: Sequence[tuple[str, str, bool]] = field(default_factory=tuple)
    """Name, SQL, several values."""
    since: str = "now-6h"


def target(sql: str, ref: str, series: bool) -> Json:
    """A query as the plugin keeps it."""
    return {
        "datasource": SOURCE, "editorType": "sql", "format": TIME_SERIES if series else TABLE, "pluginVersion": "4.0.0",
        "queryType": "timeseries" if series else "table", "rawSql": sql, "refId": ref,
    }  # fmt: skip


def panel_json(panel: Panel, number: int, x: int, y: int) -> Json:
    """One panel at its place."""
    series = panel.kind in ("timeseries", "bargauge", "barchart")
    defaults: Json = {"unit": panel.unit} if panel.unit else {}
    if panel.thresholds:
        defaults["thresholds"] = {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in panel.thresholds]}
    if panel.kind == "timeseries":
        defaults["custom"] = {"lineWidth": 1, "showPoints": "never", "spanNulls": False}
    return {
        "id": number,
        "title": panel.title,
        "type": panel.kind,
        "description": panel.text,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "targets": [target(sql, chr(ord("A") + n), series) for n, sql in enumerate(panel.sql)],
        "fieldConfig": {"defaults": defaults, "overrides": _band() if panel.band else []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}} if panel.kind == "timeseries" else {},
    }


def board_json(board: Board, annotations: str) -> Json:
    """A dashboard; panels flow left to right and wrap."""
    x = y = row = 0
    panels = []
    for number, panel in enumerate(board.panels, 1):
        if x + panel.width > WIDTH:
            x, y, row = 0, y + row, 0
        panels.append(panel_json(panel, number, x, y))
        x, row = x + panel.width, max(row, panel.height)
    return {
        "uid": board.uid,
        "title": board.title,
        "tags": ["kizashi"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": board.since, "to": "now"},
        "timezone": "browser",
        "panels": panels,
        "templating": {"list": [_variable(*v) for v in board.variables]},
        "annotations": {"list": [_annotations(annotations)]},
        "links": [
            {"type": "dashboards", "tags": ["kizashi"], "title": "Kizashi", "asDropdown": True, "keepTime": True, "includeVars": True}
        ],
    }


def _variable(name: str, sql: str, several: bool) -> Json:
    return {
        "name": name, "label": name.capitalize(), "type": "query", "datasource": SOURCE, "query": sql, "definition": sql, "refresh": 2,
        "multi": several, "includeAll": several, "sort": 1, "current": {"text": "All", "value": "$__all"} if several else {},
    }  # fmt: skip


def _annotations(sql: str) -> Json:
    return {
        "name": "Changes and incidents",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "orange",
        "target": target(sql, "Anno", False),
    }


def _band() -> list[Json]:
    def of(name: str, **custom: object) -> Json:
        return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": f"custom.{k}", "value": v} for k, v in custom.items()]}

    return [of("lower", lineWidth=0), of("upper", lineWidth=0, fillBelowTo="lower"), of("expected", lineStyle={"fill": "dash"})]
