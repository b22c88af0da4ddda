"""Alerts of Alertmanager, Grafana and PagerDuty as incident events."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizashi.errors import BusUnavailable
from tests.unit.ingest.receiving import NOW, Receiver, receiver

ALERTS, PAGERDUTY = "/api/v2/alerts", "/v2/enqueue"
FIRING = {
    "labels": {"alertname": "HighLatency", "service": "cart", "severity": "critical"}, "annotations": {"summary": "cart is slow"},
    "startsAt": "2023-11-14T22:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
}  # fmt: skip
TRIGGER = {
    "routing_key": "kza.secret", "event_action": "trigger", "dedup_key": "d1",
    "payload": {"summary": "disk full", "source": "host-1", "severity": "error", "component": "db", "timestamp": "2023-11-14T22:10:00Z"},
}  # fmt: skip


@pytest.fixture
def http(tmp_path: Path) -> Receiver:
    return receiver(tmp_path)


async def test_an_alert_and_its_end_are_one_incident(http: Receiver) -> None:
    resolved = {**FIRING, "endsAt": "2023-11-14T22:05:00Z"}
    assert (await http.client.post(ALERTS, json=[FIRING])).status_code == 200
    assert (await http.client.post(ALERTS, json=[resolved])).status_code == 200
    opened, ended = http.keeper.events
    assert opened.id == ended.id
    assert (opened.type, opened.entity, opened.title, opened.tenant) == ("incident", "cart", "cart is slow", "a")
    assert (opened.attributes["state"], opened.attributes["priority"]) == ("open", "P1")
    assert (ended.attributes["state"], ended.ts_ms - opened.ts_ms) == ("resolved", 300_000)


async def test_the_webhook_of_alertmanager_and_grafana(http: Receiver) -> None:
    body = {"version": "4", "status": "firing", "alerts": [{**FIRING, "status": "firing", "fingerprint": "f"}, {"labels": {}}]}
    answer = await http.client.post(ALERTS, json=body)
    assert answer.json() == {"accepted": 2}
    assert [e.entity for e in http.keeper.events] == ["cart", "unknown"]
    assert http.keeper.events[1].ts_ms == NOW


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"alerts":[{}]}', b"[" * 9_999])
async def test_what_is_no_alert_is_400(http: Receiver, body: bytes) -> None:
    assert (await http.client.post(ALERTS, content=body)).status_code == 400


async def test_pagerduty_trigger_acknowledge_resolve_share_an_incident(http: Receiver) -> None:
    nobody = {"Authorization": ""}
    first = await http.client.post(PAGERDUTY, json=TRIGGER, headers=nobody)
    assert first.status_code == 202
    assert first.json() == {"status": "success", "message": "Event processed", "dedup_key": "d1"}
    for action in ("acknowledge", "resolve"):
        body = {"routing_key": "kza.secret", "event_action": action, "dedup_key": "d1"}
        assert (await http.client.post(PAGERDUTY, json=body, headers=nobody)).status_code == 202
    assert len({e.id for e in http.keeper.events}) == 1
    assert [e.attributes["state"] for e in http.keeper.events] == ["open", "acknowledged", "resolved"]
    assert (http.keeper.events[0].entity, http.keeper.events[0].attributes["priority"]) == ("db", "P2")


async def test_pagerduty_makes_a_key_when_there_is_none(http: Receiver) -> None:
    answer = await http.client.post(PAGERDUTY, json={**TRIGGER, "dedup_key": ""})
    assert answer.json()["dedup_key"] == http.keeper.events[0].attributes["dedup_key"] != ""


@pytest.mark.parametrize(
    "body",
    [
        {"event_action": "trigger"},
        {"event_action": "resolve"},
        {"event_action": "dance", "dedup_key": "d"},
        {**TRIGGER, "payload": {"summary": "s", "source": "x", "severity": "bad"}},
        [],
    ],
)
async def test_pagerduty_invalid_events_have_its_error_shape(http: Receiver, body: object) -> None:
    answer = await http.client.post(PAGERDUTY, json=body)
    assert answer.status_code == 400
    assert answer.json()["status"] == "invalid event"
    assert answer.json()["errors"]


async def test_without_key_or_acknowledgement(http: Receiver) -> None:
    nobody = {"Authorization": ""}
    assert (await http.client.post(PAGERDUTY, json={**TRIGGER, "routing_key": "x"}, headers=nobody)).status_code == 401
    assert (await http.client.post(ALERTS, json=[FIRING], headers=nobody)).status_code == 401
    http.keeper.failing = BusUnavailable("away")
    assert (await http.client.post(PAGERDUTY, json=TRIGGER)).status_code == 503
    assert (await http.client.post(ALERTS, json=[FIRING])).status_code == 503
