"""PagerDuty's webhooks v3: signatures, acknowledgements, and what must not be taken."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from kizashi.errors import InvalidMessage
from services.gateway.pagerduty import feedback, signed

NOW_MS = 1_764_000_000_000
SECRET = "s3cret"


def event(**change: Any) -> bytes:
    body = {
        "id": "01EVENT", "event_type": "incident.acknowledged", "resource_type": "incident", "occurred_at": "2025-11-24T15:59:00.169Z",
        "agent": {"summary": "Tenex Engineer", "type": "user_reference"}, "client": None,
        "data": {"id": "PGR0VU2", "type": "incident", "status": "acknowledged", "incident_key": "group-1", "number": 2},
    }  # fmt: skip
    return json.dumps({"event": body | change}).encode()


def mark(body: bytes, secret: str = SECRET) -> str:
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_only_the_secrets_own_signature_opens() -> None:
    body = event()
    assert signed(body, mark(body), SECRET) and signed(body, f"{mark(body, 'old')}, {mark(body)}", SECRET)
    for header in ("", "v1=", mark(body, "other"), mark(body)[3:], mark(body).upper(), "v0=" + mark(body)[3:], "v1=é"):
        assert not signed(body, header, SECRET)
    assert not signed(body + b" ", mark(body), SECRET)


def test_an_acknowledgement_there_is_one_here_and_can_be_taken_back() -> None:
    found = feedback(event(), "acme", NOW_MS)
    assert found and (found.target, found.verdict, found.undo, found.tenant) == ("group-1", "acknowledge", False, "acme")
    assert found.author == "Tenex Engineer (PagerDuty)" and found.id == "pagerduty-01EVENT"
    back = feedback(event(event_type="incident.unacknowledged"), "acme", NOW_MS)
    assert back and back.undo


@pytest.mark.parametrize(
    "change", [{"event_type": "incident.resolved"}, {"event_type": "pagey.ping"}, {"data": {"incident_key": None}}, {"data": {}}]
)
def test_other_events_are_heard_and_mean_nothing(change: dict[str, Any]) -> None:
    assert feedback(event(**change), "acme", NOW_MS) is None


@pytest.mark.parametrize(
    "change", [{"occurred_at": "2025-11-24T14:00:00Z"}, {"occurred_at": "2025-11-24T15:59:00"}, {"occurred_at": 7}, {"id": 1}]
)
def test_old_and_odd_events_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage):
        feedback(event(**change), "acme", NOW_MS)
    for body in (b"", b"[]", b"{}", b"\xff", b"[" * 100_000):
        with pytest.raises(InvalidMessage):
            feedback(body, "acme", NOW_MS)
