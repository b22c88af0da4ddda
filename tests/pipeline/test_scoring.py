"""What people say about scoring, through the whole house: a rule by the API, its gate in the explanation, the rate of the service."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.running_house import RunningHouse, until

pytestmark = pytest.mark.pipeline


def put(house: RunningHouse, key: str, kind: str, id_: str, body: object) -> tuple[int, str]:
    """Status and text of a change of one configuration object."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{house.url}/api/v1/config/{kind}/{id_}", json.dumps(body).encode(), headers, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_rule_is_in_force_explained_and_the_service_has_its_rate(house: RunningHouse, unique: str, tmp_path: Path) -> None:
    key = str(json.loads(house.kizashi("token", "create", unique, "--scope", "read", "--scope", "operate", "--json").stdout)["key"])
    until(lambda: put(house, key, "sensitivity", unique, {"min_deviation": -1})[0] != 401, 20, 0.5, "the key is not known")
    status, text = put(house, key, "sensitivity", unique, {"min_deviation": -1})
    assert status == 400
    assert "$.min_deviation" in text
    assert put(house, key, "sensitivity", unique, {"labels": {"service": unique}, "min_deviation": 1e6})[0] == 201

    now = int(time.time())
    rows = ["timestamp,value,metric,service"]
    for second in range(110):
        rows += [f"{now - 110 + second},{10 + (k + second) % 3 + 500 * (second > 105)},{unique}.m{k},{unique}" for k in range(4)]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    house.kizashi("send", str(tmp_path / "rows.csv"))

    def live() -> list[dict[str, object]]:
        """One more sample of each series, now; what is known of the service's rate."""
        (tmp_path / "now.csv").write_text("\n".join([rows[0], *(f"{time.time()},510,{unique}.m{k},{unique}" for k in range(4))]) + "\n")
        house.kizashi("send", str(tmp_path / "now.csv"))
        return house.query(f"SELECT kind, odd_share FROM v_groups WHERE entity = '{unique}'")

    assert until(live, 120, 2.0, "the service has no rate") == [{"kind": "service", "odd_share": 0.0}]
    told = json.loads(house.kizashi("explain", f"{unique}.m1", "--at", str(now - 4), "--json").stdout)
    assert told["stored"]["value"] > 500
    assert told["stored"]["stored_score"] < 1.0
    assert told["rule"]["min_deviation"] == 1e6
    assert told["replayed"]["gate"] == "min_deviation"
    assert told["episode"] is None
    assert len(told["replayed"]["state_hash"]) == 8
    assert told["place"]["offset"] >= 0
