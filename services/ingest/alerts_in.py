"""Other systems' alerts as incident events: Alertmanager (API v2 and webhook v4, Grafana's too) and PagerDuty Events v2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec

from kizashi.contracts.ids import finding_id
from kizashi.contracts.inputs import Event
from kizashi.errors import InvalidMessage
from services.ingest.times import text_ms

ENTITY_LABELS = ("service", "service_name", "app", "job", "instance", "host", "pod", "alertname")
"""The label that says what is ill; the first one there counts."""
PRIORITIES = {"critical": "P1", "error": "P2", "high": "P2", "warning": "P3", "info": "P4", "low": "P4"}


class IncomingAlert(msgspec.Struct):
    """One alert of Alertmanager; webhook v4 adds ``status`` and ``fingerprint``."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: str = ""  # noqa: N815 - the protocol's name
    endsAt: str = ""  # noqa: N815 - as above
    status: str = ""
    fingerprint: str = ""


class _Webhook(msgspec.Struct):
    alerts: list[IncomingAlert]


class PagerDutyPayload(msgspec.Struct):
    """What happened where."""

    summary: str
    source: str
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: str | None = None
    component: str | None = None
    group: str | None = None
    custom_details: Any = None


class PagerDutyEvent(msgspec.Struct):
    """An Events v2 request; ``routing_key`` is one of our API keys."""

    event_action: Literal["trigger", "acknowledge", "resolve"]
    routing_key: str = ""
    dedup_key: str = ""
    payload: PagerDutyPayload | None = None


def decode_alerts(data: bytes) -> list[IncomingAlert]:
    """A list of alerts, or a webhook that holds them; raises InvalidMessage."""
    try:
        if data.lstrip()[:1] == b"[":
            return msgspec.json.decode(data, type=list[IncomingAlert])
        return msgspec.json.decode(data, type=_Webhook).alerts
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as x:
        raise InvalidMessage(f"not alerts: {x}", "schema") from x


def alert_event(alert: IncomingAlert, tenant: str, now_ms: int) -> Event:
    """The incident of one alert. Firing and resolved have the same id, so the later one completes the earlier."""
    name = alert.labels.get("alertname", "alert")
    entity = next((alert.labels[k] for k in ENTITY_LABELS if alert.labels.get(k)), "unknown")
    opened = _when(alert.startsAt) or now_ms
    ended = _when(alert.endsAt)
    resolved = alert.status == "resolved" or (alert.status != "firing" and bool(ended) and ended <= now_ms)
    attributes: dict[str, Any] = {"state": "resolved" if resolved else "open", "opened_ms": opened, "labels": alert.labels}
    if resolved:
        attributes["resolved_ms"] = ended or now_ms
    attributes |= _priority(alert.labels.get("severity", ""))
    identity = alert.fingerprint or ",".join(f"{k}={v}" for k, v in sorted(alert.labels.items()))
    text = alert.annotations.get("description", "")
    title = alert.annotations.get("summary") or name
    when = cast(int, attributes.get("resolved_ms", opened))
    return Event("incident", entity, when, finding_id("event", "alertmanager", tenant, identity, opened), tenant, title, text,
                 "alertmanager", attributes)  # fmt: skip


def decode_pagerduty(data: bytes) -> PagerDutyEvent:
    """An Events v2 request; raises InvalidMessage that names what is missing."""
    try:
        event = msgspec.json.decode(data, type=PagerDutyEvent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as x:
        raise InvalidMessage(str(x), "schema") from x
    if event.event_action == "trigger" and event.payload is None:
        raise InvalidMessage("'payload' is missing or blank", "schema")
    if event.event_action != "trigger" and not event.dedup_key:
        raise InvalidMessage("'dedup_key' is missing or blank", "schema")
    return event


def pagerduty_event(event: PagerDutyEvent, tenant: str, now_ms: int) -> tuple[Event, str]:
    """The incident event and its dedup key; a trigger without one gets one made of what it says."""
    payload = event.payload
    key = event.dedup_key or finding_id("pd", tenant, payload.summary if payload else "", payload.source if payload else "", now_ms)
    entity = (payload.component or payload.group or payload.source) if payload else "unknown"
    when = (_when(payload.timestamp or "") if payload else 0) or now_ms
    state = {"trigger": "open", "acknowledge": "acknowledged", "resolve": "resolved"}[event.event_action]
    attributes: dict[str, Any] = {"state": state, "dedup_key": key, f"{_STAMP[event.event_action]}_ms": when}
    if payload:
        attributes |= _priority(payload.severity)
        attributes |= {"custom_details": payload.custom_details} if payload.custom_details is not None else {}
    title = payload.summary if payload else f"{event.event_action} {key}"
    made = Event(
        "incident", entity, when, finding_id("event", "pagerduty", tenant, key), tenant, title[:1_024], "", "pagerduty", attributes
    )
    return made, key


_STAMP = {"trigger": "opened", "acknowledge": "acknowledged", "resolve": "resolved"}


def _priority(severity: str) -> Mapping[str, str]:
    found = PRIORITIES.get(severity.lower())
    return {"priority": found, "severity": severity} if found else {}


def _when(text: str) -> int:
    """0 for a time that is not there, not readable, or Alertmanager's year 1."""
    try:
        return max(0, text_ms(text)) if text else 0
    except (ValueError, OverflowError):
        return 0
