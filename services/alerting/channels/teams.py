"""Microsoft Teams through a workflow: one adaptive card (schema 1.4, what every Teams client renders) in a message of at most 28 KB."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import msgspec

from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import Teams
from services.alerting.channels.outcome import Outcome
from services.alerting.page import Page
from services.alerting.templates import fill

LARGEST_BYTES = 28 * 1_024
"""Teams refuses more."""
MOST_BUTTONS = 6
STYLES = {"resolved": "good", "acknowledged": "accent", "critical": "attention", "warning": "warning", "info": "emphasis"}
_MARKUP = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>#|~"})


def escape(text: str) -> str:
    r"""Text blocks read a subset of Markdown: a label must not be able to write a link.

    >>> escape("[a](https://b)")
    '\\[a\\](https://b)'
    """
    return text.translate(_MARKUP)


def payload(page: Page, channel: Teams) -> dict[str, Any]:
    """The message; the chart, and then alerts from the end, are left out until it fits."""
    for shown in range(len(page.sections), -1, -1):
        for picture in (page.picture, None) if page.picture else (None,):
            message = _message(replace(page, picture=picture), channel, shown)
            if len(msgspec.json.encode(message)) <= LARGEST_BYTES:
                return message
    return _message(replace(page, picture=None), channel, 0, 2_000)


def _message(page: Page, channel: Teams, shown: int, longest: int = LARGEST_BYTES) -> dict[str, Any]:
    n = page.notification
    heading = escape((fill(channel.title, page) if channel.title else page.heading)[:500])
    sentences = fill(channel.text, page).split("\n") if channel.text else page.text
    top = [_text(heading, size="Large", weight="Bolder")]
    body: list[dict[str, Any]] = [{"type": "Container", "style": STYLES.get(n.kind) or STYLES[n.severity], "bleed": True, "items": top}]
    body += [_text(escape(line)[: min(longest, 2_000)]) for line in sentences[:20] if line]
    for section in [] if channel.text else page.sections[:shown]:
        body.append(_text(escape(section.title), weight="Bolder", separator=True))
        body.append({"type": "FactSet", "facts": [{"title": label, "value": escape(text)} for label, text in section.facts]})
    if page.picture is not None:
        address = page.picture.url or f"data:image/png;base64,{base64.b64encode(page.picture.png).decode()}"
        body.append({"type": "Image", "url": address, "altText": page.picture.alt, "size": "Stretch"})
    notes = [escape(t) for t in (page.more, page.note) if t]
    body.append(_text(" · ".join([*notes, escape(n.key)]), size="Small", isSubtle=True, separator=True))
    actions = [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in page.links[:MOST_BUTTONS] if len(url) <= 2_000]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": heading,
        "msteams": {"width": "Full"},
        "body": body,
    }
    card |= {"actions": actions} if actions else {}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **more: str | bool) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}


async def send(page: Page, channel: Teams, doors: Doors) -> Outcome:
    """POST it; the address is the credential."""
    message = payload(page, channel)
    outcome = await doors.https.tell(doors.secrets.read(channel.url_file, page.notification.tenant), msgspec.json.encode(message), {})
    shown = any(part["type"] == "Image" for part in message["attachments"][0]["content"]["body"])
    return outcome if shown or page.picture is None else replace(outcome, left_out="the message would be larger than Teams takes")
