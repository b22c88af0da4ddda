"""Writes what Grafana provisions from: datasource, dashboards, alert rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.gateway.grafana.boards import BOARDS
from services.gateway.grafana.panels import SOURCE, board_json, target
from services.gateway.queries import grafana as q


@dataclass(frozen=True)
class Rule:
    """A Grafana alert rule: fires when the query's one number is above ``above`` for ``minutes``."""

    uid: str
    title: str
    sql: str
    above: float
    minutes: int
    severity: str
    summary: str


RULES = (
    Rule("kizashi-critical-episode", "Critical episode open", q.RULE_EPISODES, 0, 1, "critical", "A series left its band by far."),
    Rule("kizashi-incident", "Incident open", q.RULE_INCIDENTS, 0, 1, "critical", "Several findings have one cause: see the incidents."),
    Rule("kizashi-risk", "Promise at risk", q.RULE_RISKS, 0, 5, "warning", "An objective, a ticket or a limit is likely to be missed."),
    Rule("kizashi-stale", "No fresh data", q.RULE_FRESHNESS, 120, 2, "critical", "Nothing has been scored for two minutes."),
    Rule("kizashi-deliveries", "Deliveries fail", q.RULE_DELIVERIES, 0, 5, "critical", "Somebody could not be told of an alert."),
)
INTERVAL = "1m"


def export(folder: Path, host: str, port: int, user: str, database: str, secure: bool = False) -> list[Path]:
    """Write everything below ``folder`` as Grafana's provisioning reads it; the files written. The password stays in Grafana's own file."""
    written = [
        _yaml(folder / "datasources" / "clickhouse.yaml", datasource(host, port, user, database, secure)),
        _yaml(folder / "dashboards" / "kizashi.yaml", provider()),
        _yaml(folder / "alerting" / "kizashi.yaml", alert_rules()),
    ]
    boards = folder / "dashboards" / "kizashi"
    boards.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        file = boards / f"{board.uid}.json"
        file.write_text(json.dumps(board_json(board, q.ANNOTATIONS), indent=2) + "\n", encoding="utf-8")
        written.append(file)
    return written


def datasource(host: str, port: int, user: str, database: str, secure: bool) -> dict[str, Any]:
    """The ClickHouse plugin over HTTP."""
    settings = {"host": host, "port": port, "protocol": "http", "secure": secure, "username": user, "defaultDatabase": database}
    secret = {"password": "$__file{/run/secrets/clickhouse_password}"}
    source = {
        "name": "Kizashi",
        "uid": SOURCE["uid"],
        "type": SOURCE["type"],
        "isDefault": True,
        "jsonData": settings,
        "secureJsonData": secret,
    }
    return {"apiVersion": 1, "datasources": [source]}


def provider() -> dict[str, Any]:
    """Where Grafana finds the dashboards."""
    options = {"path": "/etc/grafana/provisioning/dashboards/kizashi"}
    return {
        "apiVersion": 1,
        "providers": [{"name": "Kizashi", "folder": "Kizashi", "type": "file", "allowUiUpdates": True, "options": options}],
    }


def alert_rules() -> dict[str, Any]:
    """Rules on the store, for those who page from Grafana."""
    group = {"orgId": 1, "name": "Kizashi", "folder": "Kizashi", "interval": INTERVAL, "rules": [_rule(rule) for rule in RULES]}
    return {"apiVersion": 1, "groups": [group]}


def _rule(rule: Rule) -> dict[str, Any]:
    span = {"from": 600, "to": 0}
    condition = {
        "evaluator": {"type": "gt", "params": [rule.above]},
        "operator": {"type": "and"},
        "query": {"params": ["A"]},
        "type": "query",
    }
    expression = {"datasource": {"type": "__expr__", "uid": "__expr__"}, "refId": "C", "type": "threshold", "expression": "A"}
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": "C",
        "for": f"{rule.minutes}m",
        "noDataState": "Alerting",
        "execErrState": "Error",
        "labels": {"severity": rule.severity, "source": "kizashi"},
        "annotations": {"summary": rule.summary},
        "data": [
            {"refId": "A", "datasourceUid": SOURCE["uid"], "relativeTimeRange": span, "model": target(rule.sql, "A", series=False)},
            {"refId": "C", "datasourceUid": "__expr__", "relativeTimeRange": span, "model": {**expression, "conditions": [condition]}},
        ],
    }


def _yaml(file: Path, content: dict[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# Written by `kizashi grafana export`.\n" + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file
