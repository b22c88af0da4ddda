"""What PagerDuty tells us of our own incidents (webhooks v3): an acknowledgement there is one here. Pure.

The body is signed with the subscription's secret: ``X-PagerDuty-Signature: v1=HEX[,v1=HEX]``, two while a secret is being replaced.
There is no time in the signature, so an event that is older than an hour is not taken: a recorded one cannot be used later.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

import msgspec

from kizashi.contracts.findings import Feedback
from kizashi.errors import InvalidMessage

OLDEST_MS = 3_600_000
VERDICTS = {"incident.acknowledged": False, "incident.unacknowledged": True}
"""Event type → whether it takes an acknowledgement back. Every other type is heard and means nothing here."""


class _Agent(msgspec.Struct):
    summary: str = ""


class _Data(msgspec.Struct):
    incident_key: str | None = None


class _Event(msgspec.Struct):
    id: str
    event_type: str
    occurred_at: datetime
    agent: _Agent | None = None
    data: _Data = msgspec.field(default_factory=_Data)


class _Delivery(msgspec.Struct):
    event: _Event


def signed(body: bytes, header: str, secret: str) -> bool:
    """Whether one of the signatures is the secret's."""
    expected = "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(given.strip().encode(), expected.encode()) for given in header.split(","))


def feedback(body: bytes, tenant: str, now_ms: int) -> Feedback | None:
    """The acknowledgement that an event is; None for events that mean nothing here. Raises InvalidMessage."""
    try:
        event = msgspec.json.decode(body, type=_Delivery).event
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as x:
        raise InvalidMessage(f"not a webhook v3 event: {x}", "schema") from x
    if event.occurred_at.tzinfo is None or abs(now_ms - event.occurred_at.timestamp() * 1_000) > OLDEST_MS:
        raise InvalidMessage("the event is not of the last hour", "late")
    if event.event_type not in VERDICTS or not event.data.incident_key:
        return None
    author = f"{(event.agent.summary if event.agent else '')[:80] or 'somebody'} (PagerDuty)"
    undo = VERDICTS[event.event_type]
    return Feedback(f"pagerduty-{event.id[:100]}", tenant, event.data.incident_key[:255], "acknowledge", author, now_ms, undo=undo)
