"""Alerting's commands against a running house: rules as code, silences, what would have paged, and why something did not fire."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from kizashi.settings import KafkaSettings
from kizashi.stream.producer import Producer, Record
from tests.running_house import RunningHouse, until

pytestmark = pytest.mark.pipeline
METRIC = "alerting.commands.queue"
RULE = """
rules:
  - {{id: commands-queue, kind: threshold, metric: {metric}, above: {above}, severity: critical, reason: "the test's own"}}
"""


def said(house: RunningHouse, *words: str, **given: Any) -> Any:
    return json.loads(house.kizashi(*words, "--json", **given).stdout)


def alerts(house: RunningHouse) -> list[dict[str, Any]]:
    sql = "SELECT id, state, held_back_by, labels['service'] AS service FROM v_alerts WHERE rule = 'commands-queue'"
    return house.query(sql)


def test_from_a_file_to_an_alert_a_silence_a_replay_and_a_reason(house: RunningHouse) -> None:
    bad = house.kizashi("rules", "apply", "-", input=RULE.format(metric=METRIC, above="high"), check=False)
    assert bad.returncode != 0 and "-:3:" in bad.stderr + bad.stdout, bad.stderr
    made = said(house, "rules", "apply", "-", input=RULE.format(metric=METRIC, above=10))
    assert [(r["id"], r["what"]) for r in made] == [("commands-queue", "made")]
    silence = said(house, "silences", "add", "service=b", f"metric={METRIC}", "--for", "2h", "--reason", "the test's own")[0]["id"]

    producer = Producer(KafkaSettings(bootstrap=house.addresses()["kafka.bootstrap"]), "kizashi-test", give_up_s=60)
    began = time.monotonic()

    def feed() -> list[dict[str, Any]]:
        batch = [{"metric": METRIC, "value": v, "labels": {"service": s}} for s, v in (("a", 20.0), ("b", 20.0), ("c", 5.0))]
        producer.send_waiting(Record("kizashi.metrics.v1", json.dumps(batch).encode()), lambda error: None)
        found = alerts(house) if time.monotonic() - began > 20 else []
        return found if {a["service"] for a in found} == {"a", "b"} else []

    found = until(feed, 120.0, 0.5, f"no alerts: {house.log('alerting')}")
    producer.flush(30)
    assert {a["service"]: a["held_back_by"] for a in found} == {"a": "", "b": "silence"}
    assert silence in [s["id"] for s in said(house, "silences", "list")]
    assert {r["rule"] for r in said(house, "silences", "preview", "service=b", f"metric={METRIC}")} == {"commands-queue"}

    stored = house.query(f"SELECT series_id, labels['service'] AS service FROM v_series WHERE metric = '{METRIC}'")
    series = {r["service"]: r["series_id"] for r in stored}
    assert "it fires above 10" in said(house, "why", "commands-queue", series["c"])["verdict"]
    assert "silence" in said(house, "why", "commands-queue", series["b"])["verdict"]

    replayed = said(
        house, "replay", "--from", "1h", "--rule", "commands-queue", "--config", "-", input=RULE.format(metric=METRIC, above=50)
    )
    assert (replayed["now"]["pages"], replayed["changed"]["pages"], len(replayed["difference"]["gone"])) == (1, 0, 1)
    assert replayed["now"]["held_back"] == {"silence": 1} and replayed["speed"] > 1_000

    said(house, "silences", "end", silence)
    assert silence not in [s["id"] for s in said(house, "silences", "list")]
    off = "rules: [{id: commands-queue, kind: threshold, metric: x, above: 1, enabled: false}]"
    assert [r["what"] for r in said(house, "rules", "apply", "-", input=off)] == ["changed"]
    until(lambda: {a["state"] for a in alerts(house)} == {"resolved"}, 60.0, 0.5, "a rule that is switched off ends its alerts")
