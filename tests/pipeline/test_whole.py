"""One sample through the whole house: HTTP or file → Kafka → Faust → score → ClickHouse → query and API."""

from __future__ import annotations

import csv
import json
import math
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.running_house import RunningHouse, until

pytestmark = pytest.mark.pipeline


def post(house: RunningHouse, path: str, body: object, key: str = "") -> int:
    """Status of a POST to the gateway."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(f"{house.url}{path}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def key(house: RunningHouse) -> str:
    """A key that may send and read."""
    made = house.kizashi("token", "create", "tests", "--scope", "ingest", "--scope", "read", "--json")
    return str(json.loads(made.stdout)["key"])


def test_status_says_ready_with_every_part(house: RunningHouse) -> None:
    until(lambda: house.state()["ready"], 60, 0.3, "the house was not ready")  # tests before this one may have killed a part
    state = json.loads(house.kizashi("status", "--json").stdout)
    assert state["ready"] is True
    names = {child["name"] for child in state["children"]}
    assert {"kafka", "clickhouse", "ingest", "anomaly", "sink", "gateway"} <= names
    assert all(child["ready"] and child["rss_mb"] > 0 for child in state["children"])


def test_sample_by_http_is_scored_and_queryable(house: RunningHouse, key: str, unique: str) -> None:
    sample = {"metric": unique, "value": 0.7, "labels": {"service": "checkout"}}
    assert post(house, "/api/v1/metrics", sample) == 401
    assert post(house, "/api/v1/metrics", sample, key) == 202
    rows = until(lambda: house.query(f"SELECT metric, value, state, labels FROM v_scores WHERE metric = '{unique}'"), 20, 0.3)
    assert rows[0]["metric"] == unique and rows[0]["value"] == 0.7 and rows[0]["state"] == "learning"
    request = urllib.request.Request(f"{house.url}/api/v1/series?q={unique}", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=15) as answer:
        found = json.loads(answer.read())["items"]
    assert [item["metric"] for item in found] == [unique]


def test_file_arrives_exactly_and_its_anomaly_is_an_episode(house: RunningHouse, unique: str, tmp_path: Path) -> None:
    """Two days of a daily curve, one value a minute, with a plain outage in the second day and one time stamp twice."""
    start = int(time.time()) // 60 * 60 - 2 * 86_400
    rows = [(start + 60 * i, 100 + 20 * math.sin(i / 1_440 * math.tau) + (i * 7919 % 13) / 13) for i in range(2_880)]
    rows = [(ts, value if not 2_400 <= i < 2_430 else 0.0) for i, (ts, value) in enumerate(rows)]
    with (tmp_path / f"{unique}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("timestamp", "value"))
        writer.writerows([*rows, rows[-1]])
    house.kizashi("send", str(tmp_path / f"{unique}.csv"))
    wanted = [{"n": len(rows), "pairs": len(rows)}]
    counted = f"SELECT count() AS n, uniqExact(series_id, time) AS pairs FROM v_scores WHERE metric = '{unique}'"
    until(lambda: house.query(counted) == wanted, 45, 0.5, f"{len(rows)} distinct rows did not arrive")
    stored = house.query(f"SELECT toUnixTimestamp(time) AS ts, value FROM v_scores WHERE metric = '{unique}' ORDER BY time")
    assert [(int(row["ts"]), row["value"]) for row in stored] == rows
    worst = house.query(f"SELECT toUnixTimestamp(time) AS ts, score FROM v_scores WHERE metric = '{unique}' ORDER BY score DESC LIMIT 1")
    assert rows[2_400][0] <= int(worst[0]["ts"]) < rows[2_440][0] and worst[0]["score"] > 1
    episodes = until(lambda: house.query(f"SELECT toUnixTimestamp(time) AS ts FROM v_episodes WHERE metric = '{unique}'"), 20, 0.5)
    assert any(rows[2_390][0] <= int(row["ts"]) <= rows[2_440][0] for row in episodes)


def test_query_gate_refuses_with_exit_code_2(house: RunningHouse) -> None:
    for sql in ("DROP TABLE samples", "SELECT * FROM file('/etc/passwd')", "SELECT * FROM system.tables"):
        done = house.kizashi("query", sql, check=False)
        assert done.returncode == 2 and "Traceback" not in done.stderr and done.stderr.strip()


def test_topics_are_as_the_registry_wants_them(house: RunningHouse) -> None:
    rows = json.loads(house.kizashi("topics", "--json").stdout)
    assert len(rows) > 20 and not [row for row in rows if row["note"]]


def test_second_instance_and_doctor(house: RunningHouse) -> None:
    until(lambda: house.state()["ready"], 60, 0.3, "the house was not ready")  # tests before this one may have killed a part
    second = house.kizashi("up", "--port", "0", "--kafka-port", "0", "--store-port", "0", check=False)
    assert second.returncode == 2 and "already runs on" in second.stderr
    doctor = json.loads(house.kizashi("doctor", "--json").stdout)
    assert doctor["ok"] is True and doctor["running"] is True


def test_findings_commands_answer(house: RunningHouse) -> None:
    for words in (("episodes",), ("incidents",), ("alerts",), ("series",)):
        assert isinstance(json.loads(house.kizashi(*words, "--json").stdout), list)
