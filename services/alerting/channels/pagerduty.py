"""PagerDuty Events API v2: trigger, acknowledge and resolve, tied together by the group as ``dedup_key``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import PagerDuty
from services.alerting.channels.outcome import Outcome
from services.alerting.page import SUMMARY_LABELS, Page
from services.alerting.templates import fill

LONGEST_SUMMARY, LONGEST_KEY, MOST_LINKS = 1_024, 255, 10
LARGEST_BYTES = 512 * 1_024
ACTIONS = {"firing": "trigger", "escalated": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}


def payload(page: Page, channel: PagerDuty, routing_key: str) -> dict[str, Any]:
    """The event. A reminder triggers the same ``dedup_key`` again, which PagerDuty adds to the open alert."""
    n = page.notification
    event: dict[str, Any] = {"routing_key": routing_key, "event_action": ACTIONS[n.kind], "dedup_key": n.group[:LONGEST_KEY]}
    if event["event_action"] != "trigger":
        return event
    labels = n.alerts[0].labels if n.alerts else {}
    where = next((labels[k] for k in SUMMARY_LABELS if labels.get(k)), n.tenant)
    body: dict[str, Any] = {
        "summary": (fill(channel.title, page) if channel.title else page.title or page.heading)[:LONGEST_SUMMARY],
        "source": where,
        "severity": n.severity,
        "timestamp": datetime.fromtimestamp(n.created_ms / 1_000, UTC).isoformat(timespec="milliseconds"),
        "group": n.group,
        "custom_details": _details(page, channel),
    }
    body |= {"component": labels["service"]} if labels.get("service") else {}
    body |= {"class": n.alerts[0].rule} if n.alerts else {}
    event |= {"payload": body, "client": "Kizashi"}
    if page.links:
        event |= {"client_url": page.links[0][1], "links": [{"href": url, "text": label} for label, url in page.links[:MOST_LINKS]]}
    if page.picture is not None and page.picture.url:
        event["images"] = [{"src": page.picture.url, "alt": page.picture.alt} | ({"href": page.links[0][1]} if page.links else {})]
    return event


def _details(page: Page, channel: PagerDuty) -> dict[str, Any]:
    n = page.notification
    text = fill(channel.text, page) if channel.text else "\n".join(n.body)
    details: dict[str, Any] = {"key": n.key, "text": text[:20_000], "note": page.note}
    details |= {f"{i + 1}. {s.title}"[:200]: dict(s.facts) for i, s in enumerate(page.sections)}
    return {k: v for k, v in details.items() if v}


async def send(page: Page, channel: PagerDuty, doors: Doors) -> Outcome:
    """POST it."""
    body = msgspec.json.encode(payload(page, channel, doors.secrets.read(channel.routing_key_file, page.notification.tenant)))
    return await doors.https.tell(channel.url, body, {})
