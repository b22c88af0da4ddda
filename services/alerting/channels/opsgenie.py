"""Opsgenie's Alert API v2, and Jira Service Management's integration API, which is the same: create, acknowledge and close by alias."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import Opsgenie
from services.alerting.channels.outcome import Outcome
from services.alerting.page import Page
from services.alerting.templates import fill

LONGEST_MESSAGE, LONGEST_ALIAS, LONGEST_TEXT, MOST_DETAILS = 130, 512, 15_000, 40
PRIORITIES = {"critical": "P1", "warning": "P3", "info": "P5"}


def request(page: Page, channel: Opsgenie) -> tuple[str, dict[str, Any]]:
    """(address, body) of the call that this message is."""
    n = page.notification
    alias = n.group[:LONGEST_ALIAS]
    if n.kind in ("acknowledged", "resolved"):
        verb = "acknowledge" if n.kind == "acknowledged" else "close"
        return f"{channel.url}/{quote(alias, safe='')}/{verb}?identifierType=alias", {
            "source": "Kizashi",
            "note": page.heading[:LONGEST_TEXT],
        }
    facts = [(f"{i + 1}. {label}", text) for i, s in enumerate(page.sections) for label, text in s.facts]
    body = {
        "message": (fill(channel.title, page) if channel.title else page.title or page.heading)[:LONGEST_MESSAGE],
        "alias": alias,
        "description": (fill(channel.text, page) if channel.text else page.plain())[:LONGEST_TEXT],
        "priority": PRIORITIES[n.severity],
        "source": "Kizashi",
        "entity": (n.alerts[0].labels.get("service", "") if n.alerts else "")[:512],
        "details": {"key": n.key, **dict(facts[:MOST_DETAILS])},
    }
    return channel.url, body


async def send(page: Page, channel: Opsgenie, doors: Doors) -> Outcome:
    """POST it."""
    url, body = request(page, channel)
    headers = {"Authorization": f"GenieKey {doors.secrets.read(channel.api_key_file, page.notification.tenant)}"}
    return await doors.https.tell(url, msgspec.json.encode(body), headers)
