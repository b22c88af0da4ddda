"""Webhook for programs: JSON, signed after the Standard Webhooks specification (https://www.standardwebhooks.com).

``webhook-id`` is the notification's key: a receiver that remembers ids takes a repeat once. The signature covers id, time and body, so a
recorded request is refused once its time is five minutes old, and cannot be given another id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgspec

from kizashi.errors import Refused
from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import Webhook
from services.alerting.channels.outcome import Outcome
from services.alerting.page import Page
from services.alerting.templates import fill

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)


def payload(page: Page, channel: Webhook) -> dict[str, Any]:
    """The body as data."""
    n = page.notification
    return {
        "type": f"alert.{n.kind}",
        "timestamp": n.created_ms,
        "data": {
            "version": 1,
            "key": n.key,
            "tenant": n.tenant,
            "group": n.group,
            "state_version": n.state_version,
            "step": n.step,
            "repeat": n.repeat,
            "kind": n.kind,
            "severity": n.severity,
            "title": fill(channel.title, page) if channel.title else page.title,
            "text": fill(channel.text, page).split("\n") if channel.text else n.body,
            "recipients": n.recipients,
            "links": dict(page.links),
            "alerts": [msgspec.to_builtins(a) for a in n.alerts],
        }
        | ({"picture_url": page.picture.url} if page.picture and page.picture.url else {}),
    }


def signature(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """Value of ``webhook-signature``. Raises Refused for a secret that is not ``whsec_`` and base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if len(key) not in KEY_BYTES:
        raise Refused(f"a webhook's secret is {PREFIX} and the base64 of 24 to 64 random bytes")
    signed = hmac.new(key, f"{message_id}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


async def send(page: Page, channel: Webhook, doors: Doors) -> Outcome:
    """POST it."""
    body = msgspec.json.encode(payload(page, channel))
    key, at_s = page.notification.key, doors.clock.now_ms() // 1_000
    headers = {
        "webhook-id": key,
        "webhook-timestamp": str(at_s),
        "webhook-signature": signature(doors.secrets.read(channel.secret_file, page.notification.tenant), key, at_s, body),
        "Idempotency-Key": key,
    }
    if channel.authorization_file:
        headers["Authorization"] = doors.secrets.read(channel.authorization_file, page.notification.tenant)
    url = channel.url or doors.secrets.read(channel.url_file, page.notification.tenant)
    return await doors.https.tell(url, body, headers)
