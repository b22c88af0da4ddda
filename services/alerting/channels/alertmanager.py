"""Another Alertmanager, by its API v2: the alerts themselves, as Prometheus would post them. Equal labels are the same alert there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import Alertmanager
from services.alerting.channels.outcome import Outcome
from services.alerting.notification import AlertSummary
from services.alerting.page import Page, one_line

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def payload(page: Page, channel: Alertmanager, now_ms: int) -> list[dict[str, Any]]:
    """One alert each. Alertmanager knows no acknowledgement: an acknowledged alert is told as firing, which keeps it from ending there."""
    return [_alert(a, page, channel, now_ms) for a in page.notification.alerts]


def _alert(a: AlertSummary, page: Page, channel: Alertmanager, now_ms: int) -> dict[str, Any]:
    labels = {label_name(k): v for k, v in a.labels.items() if v} | {"alertname": a.rule, "severity": a.severity, "alert_id": a.id}
    told = {"summary": one_line(a.title), "description": "\n".join(page.notification.body), "key": page.notification.key}
    told |= {label_name(k): v for k, v in a.annotations.items() if v}
    ended_ms = (a.ended_ms or a.updated_ms) if a.state == "resolved" else max(now_ms, a.updated_ms) + channel.ends_after_s * 1_000
    alert: dict[str, Any] = {
        "labels": labels,
        "annotations": {k: v for k, v in told.items() if v},
        "startsAt": stamp(a.started_ms),
        "endsAt": stamp(max(ended_ms, a.started_ms + 1)),
    }
    return alert | ({"generatorURL": page.links[0][1]} if page.links else {})


def label_name(text: str) -> str:
    """A name that Prometheus takes.

    >>> label_name("k8s.pod-name"), label_name("0x")
    ('k8s_pod_name', '_0x')
    """
    name = re.sub(r"[^a-zA-Z0-9_]", "_", text)
    return name if _NAME.fullmatch(name) else f"_{name}"


def stamp(at_ms: int) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def send(page: Page, channel: Alertmanager, doors: Doors) -> Outcome:
    """POST them."""
    alerts = payload(page, channel, doors.clock.now_ms())
    if not alerts:
        return Outcome("failed", "a message without alerts means nothing to an Alertmanager")
    headers = (
        {"Authorization": doors.secrets.read(channel.authorization_file, page.notification.tenant)} if channel.authorization_file else {}
    )
    return await doors.https.tell(f"{channel.url.rstrip('/')}/api/v2/alerts", msgspec.json.encode(alerts), headers)
