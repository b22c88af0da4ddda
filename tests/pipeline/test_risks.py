"""Promises through the whole house: written as code, counted from samples and events, told as risks, refused when they make no sense."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.running_house import RunningHouse, until

pytestmark = pytest.mark.pipeline

PROMISES = """\
objectives:
  - id: {name}
    name: {name} is up
    entity: {name}
    kind: availability
    metric: {{metric: {name}_up}}
    objective: 0.99
    window: 7d
    minimum_events: 1
promises:
  - {{id: {name}, priority: P1, queue: {name}, respond: 10m, resolve: 1h}}
"""


def sent(house: RunningHouse, name: str, rows: list[str], folder: Path) -> None:
    (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    house.kizashi("send", str(folder / f"{name}.csv"))


def test_an_objective_and_a_ticket_become_risks(house: RunningHouse, unique: str, tmp_path: Path) -> None:
    file = tmp_path / "promises.yaml"
    file.write_text(PROMISES.format(name=unique), encoding="utf-8")
    made = json.loads(house.kizashi("slo", "apply", str(file), "--json").stdout)
    assert [(row["kind"], row["what"], row["version"]) for row in made] == [("promise", "made", 1), ("slo", "made", 1)]
    assert {row["what"] for row in json.loads(house.kizashi("slo", "diff", str(file), "--json").stdout)} == {"unchanged"}

    file.write_text(PROMISES.format(name=unique).replace("0.99", "99"), encoding="utf-8")
    refused = house.kizashi("slo", "apply", str(file), check=False)
    assert refused.returncode == 2
    assert f"{file}:7: " in refused.stderr
    assert json.loads(house.kizashi("slo", "show", unique, "--json").stdout)["configured"]["objective"] == 0.99

    now = int(time.time())
    stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 60 * minutes)) for minutes in range(60)]
    sent(house, f"{unique}_tickets", ["id,opened,priority,queue,title", f"{unique},{stamp[50]},P1,{unique},VPN down"], tmp_path)
    start = now // 10 * 10 - 110  # whole rollups: the first is judged alone, and of five samples three may be good
    up = [f"{second},{int(second % 4 > 0)}" for second in range(start, now)]
    sent(house, f"{unique}_up", ["timestamp,value", *up], tmp_path)

    slo = f"SELECT good, budget_left, probability, reason FROM v_slo WHERE entity = '{unique}'"
    [standing] = until(lambda: house.query(slo), 60, 0.5, "no objective was judged")
    assert 0.6 < standing["good"] < 0.9
    assert 0.9 < standing["budget_left"] < 1.0  # a quarter of two minutes, of the hundredth part of a week
    assert standing["probability"] is None and "no whole hour" in standing["reason"]
    late = f"SELECT promise, share_used, p_late, firing FROM v_tickets_at_risk WHERE entity = '{unique}' ORDER BY promise"
    # Told first as of its own time, which is old; then, once the log has moved on or is still, as of now.
    moved = f"SELECT count() AS n FROM v_tickets_at_risk WHERE entity = '{unique}' AND share_used > 0.5"
    until(lambda: house.query(moved) == [{"n": 2}], 60, 0.5, "no ticket was judged")
    resolve, respond = house.query(late)
    assert (resolve["promise"], respond["promise"]) == ("resolve", "respond")
    assert resolve["share_used"] == pytest.approx(50 / 60, abs=0.05) and resolve["firing"]
    assert respond["p_late"] == 1.0
    listed = json.loads(house.kizashi("risk", "--entity", unique, "--json").stdout)
    assert sorted(row["kind"] for row in listed) == ["slo", "ticket", "ticket"]


def test_the_end_of_a_file_is_judged_though_nothing_follows(house: RunningHouse, unique: str, tmp_path: Path) -> None:
    file = tmp_path / "promises.yaml"
    file.write_text(PROMISES.format(name=unique).partition("promises:")[0], encoding="utf-8")
    house.kizashi("slo", "apply", str(file))
    now = int(time.time()) // 10 * 10
    sent(house, f"{unique}_other", ["timestamp,value", *(f"{second},1" for second in range(now - 100, now))], tmp_path)
    # the last quarter fails, within the minute in which the objective has had its first word
    sent(house, f"{unique}_up", ["timestamp,value", *(f"{s},{int(s < now - 10)}" for s in range(now - 40, now))], tmp_path)
    good = f"SELECT good FROM v_slo WHERE entity = '{unique}'"
    until(lambda: [row["good"] for row in house.query(good)] == [0.75], 60, 0.5, "the end of the file was not judged")


def test_deleted_promises_are_told(house: RunningHouse, unique: str, tmp_path: Path) -> None:
    file = tmp_path / "promises.yaml"
    file.write_text(PROMISES.format(name=unique).partition("promises:")[0], encoding="utf-8")
    house.kizashi("slo", "apply", str(file))
    now = int(time.time())
    sent(house, f"{unique}_up", ["timestamp,value", *(f"{now - 110 + second},1" for second in range(110))], tmp_path)
    reason = f"SELECT reason FROM v_risk WHERE kind = 'slo' AND entity = '{unique}'"
    until(lambda: house.query(reason), 60, 0.5, "no objective was judged")
    file.write_text(PROMISES.format(name=f"{unique}b").partition("promises:")[0], encoding="utf-8")
    rows = json.loads(house.kizashi("slo", "apply", str(file), "--prune", "--json").stdout)
    assert [(row["id"], row["what"]) for row in rows if row["id"].startswith(unique)] == [(f"{unique}b", "made"), (unique, "deleted")]
    until(lambda: house.query(reason) == [{"reason": "deleted"}], 30, 0.5, "the deletion was not told")
    assert house.query(f"SELECT * FROM v_slo WHERE entity = '{unique}'") == []
