"""Every query that Grafana would send, with the plugin's macros expanded, against the store; and the files that Grafana reads."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
import yaml

from kizashi.contracts.ids import format_series_id, series_id
from kizashi.settings import StoreSettings
from kizashi.store.client import Store, connect
from kizashi.store.migrate import migrate
from services.gateway.grafana.boards import BOARDS
from services.gateway.grafana.export import RULES, export
from services.gateway.grafana.panels import TIME_SERIES
from services.gateway.queries import grafana as q
from tests.pipeline.gateway.house import CURRENT, SAMPLES, SERIES

pytestmark = pytest.mark.pipeline
STEP_S = 60


def expanded(sql: str, start_ms: int, end_ms: int, **variables: str) -> str:
    """As the plugin expands it (its documentation of macros), and Grafana the variables."""
    start_s, end_s = start_ms // 1_000, end_ms // 1_000
    rules = [
        (r"\$__timeFilter_ms\((.*?)\)", rf"\1 >= fromUnixTimestamp64Milli({start_ms}) AND \1 <= fromUnixTimestamp64Milli({end_ms})"),
        (r"\$__timeFilter\((.*?)\)", rf"\1 >= toDateTime({start_s}) AND \1 <= toDateTime({end_s})"),
        (r"\$__timeInterval\((.*?)\)", rf"toStartOfInterval(toDateTime(\1), INTERVAL {STEP_S} second)"),
    ]
    for pattern, replacement in rules:
        sql = re.sub(pattern, replacement, sql)
    for name, value in variables.items():
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        sql = sql.replace(f"${{{name}:singlequote}}", f"'{quoted}'")
    assert "$" not in sql, f"something is left unexpanded: {sql}"
    return sql


@pytest.fixture
def filled(clickhouse: StoreSettings) -> Store:
    migrate(clickhouse)
    store = connect(clickhouse)
    number = series_id("default", "cpu", {"service": "web", "host": "h1"})
    store.command(SERIES, {"id": number, "tenant": "default", "metric": "cpu", "service": "web", "host": "h1"})
    store.command(SAMPLES, {"ids": [number], "start": round(time.time() * 1_000) - 300_000, "step": 1_000, "count": 200})
    store.command(CURRENT, {"ids": [number]})
    store.command("SYSTEM RELOAD DICTIONARY series_dict")
    return store


def test_every_query_runs_and_series_begin_with_time(filled: Store) -> None:
    now_ms = round(time.time() * 1_000)
    known = format_series_id(series_id("default", "cpu", {"service": "web", "host": "h1"}))
    variables = {"tenant": "default", "service": "web", "series": known}
    run = 0
    try:
        asked = [(sql, panel.kind == "timeseries") for board in BOARDS for panel in board.panels for sql in panel.sql]
        asked += [(sql, False) for board in BOARDS for _, sql, _ in board.variables]
        asked += [(q.ANNOTATIONS, False), *((rule.sql, False) for rule in RULES)]
        for sql, series in asked:
            found = json.loads(filled.query_bytes(expanded(sql, now_ms - 3_600_000, now_ms, **variables), "JSON"))
            if series:
                assert found["meta"][0]["name"] == "time" and found["meta"][0]["type"].startswith("DateTime"), sql
            run += 1
        assert run >= 45
        band = filled.query(expanded(q.BAND, now_ms - 3_600_000, now_ms, **variables))
        assert len(band.rows) == 200 and band.names == ("time", "value", "expected", "lower", "upper")
        (row,) = filled.query(expanded(q.SERVICES, 0, now_ms, **variables)).dicts()
        assert row["service"] == "web" and row["series"] == 1 and row["odd"] == 1
        for rule in RULES:
            assert len(filled.query(rule.sql).rows[0]) == 1
    finally:
        filled.close()


def test_a_variable_cannot_leave_its_quotes(filled: Store) -> None:
    try:
        for hostile in ("x' OR 1=1 --", "x\\' OR 1=1 --", "') UNION ALL SELECT 1 --"):
            assert filled.query(expanded(q.SERVICES, 0, 1, tenant=hostile)).rows == []
    finally:
        filled.close()


def test_the_files_are_what_grafana_provisions_from(tmp_path: Path) -> None:
    written = export(tmp_path, "clickhouse", 8123, "kizashi", "kizashi")
    assert len(written) == 3 + len(BOARDS)
    source = yaml.safe_load((tmp_path / "datasources" / "clickhouse.yaml").read_text())["datasources"][0]
    assert source["type"] == "grafana-clickhouse-datasource" and source["jsonData"]["defaultDatabase"] == "kizashi"
    (group,) = yaml.safe_load((tmp_path / "alerting" / "kizashi.yaml").read_text())["groups"]
    assert [rule["condition"] for rule in group["rules"]] == ["C"] * len(RULES)
    uids = set()
    for board in BOARDS:
        page = json.loads((tmp_path / "dashboards" / "kizashi" / f"{board.uid}.json").read_text())
        uids.add(page["uid"])
        taken: set[tuple[int, int]] = set()
        for panel in page["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert at["x"] + at["w"] <= 24 and not cells & taken, f"{board.uid}: {panel['title']} lies on another panel"
            taken |= cells
            for asked in panel["targets"]:
                assert asked["rawSql"] and (asked["format"] == TIME_SERIES) == (panel["type"] in ("timeseries", "barchart", "bargauge"))
    assert len(uids) == len(BOARDS)
