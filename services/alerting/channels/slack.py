"""Slack incoming webhooks (Block Kit), and Mattermost's, which take the same. Limits after Slack's Block Kit reference."""

from __future__ import annotations

from typing import Any

import msgspec

from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import Slack
from services.alerting.channels.outcome import Outcome
from services.alerting.page import Page
from services.alerting.templates import fill

LONGEST_HEADER, LONGEST_TEXT, LONGEST_FIELD, MOST_FIELDS, MOST_BUTTONS, LONGEST_LABEL = 150, 3_000, 2_000, 10, 5, 75
LONGEST_URL, LONGEST_ALT = 3_000, 2_000
COLOURS = {"resolved": "#2e7d32", "acknowledged": "#1565c0", "critical": "#b71c1c", "warning": "#e65100", "info": "#455a64"}


def escape(text: str) -> str:
    """Slack's three control characters: without this a label could hold ``<!channel>`` and wake everybody.

    >>> escape("<!channel> a & b")
    '&lt;!channel&gt; a &amp; b'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, longest: int) -> str:
    """At most ``longest`` characters, an entity is never cut in two."""
    if len(text) <= longest:
        return text
    short = text[: longest - 1]
    start = short.rfind("&")
    return (short[:start] if start >= 0 and ";" not in short[start:] else short) + "…"


def payload(page: Page, channel: Slack) -> dict[str, Any]:
    """The message: blocks in a coloured attachment, and the heading as the text of the notification."""
    n = page.notification
    heading = fill(channel.title, page) if channel.title else page.heading
    blocks: list[dict[str, Any]] = [_plain("header", cut(heading, LONGEST_HEADER))]
    sentences = fill(channel.text, page) if channel.text else "\n".join(page.text)
    mentions = " ".join(f"<@{channel.people[name]}>" for name in n.recipients if channel.people.get(name, "").isalnum())
    spoken = cut("\n".join(t for t in (escape(sentences), mentions) if t), LONGEST_TEXT)
    blocks += [_section(spoken)] if spoken else []
    for section in [] if channel.text else page.sections:
        fields = [_mrkdwn(cut(f"*{escape(label)}*\n{escape(text)}", LONGEST_FIELD)) for label, text in section.facts]
        block = _section(cut(f"*{escape(section.title)}*", LONGEST_TEXT))
        blocks.append(block | ({"fields": fields[:MOST_FIELDS]} if fields else {}))
    if page.picture is not None and 0 < len(page.picture.url) <= LONGEST_URL:
        blocks.append({"type": "image", "image_url": page.picture.url, "alt_text": cut(page.picture.alt, LONGEST_ALT)})
    links = [(label, url) for label, url in page.links if len(url) <= LONGEST_URL][:MOST_BUTTONS]
    if links:
        blocks.append({"type": "actions", "elements": [_button(label, url) for label, url in links]})
    notes = [escape(t) for t in (page.more, page.note) if t]
    blocks.append({"type": "context", "elements": [_mrkdwn(cut(" · ".join([*notes, f"`{n.key}`"]), LONGEST_FIELD))]})
    colour = COLOURS.get(n.kind) or COLOURS[n.severity]
    return {"text": cut(escape(heading), LONGEST_TEXT), "attachments": [{"color": colour, "blocks": blocks}]}


def _plain(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "text": {"type": "plain_text", "text": text, "emoji": False}}


def _mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _button(label: str, url: str) -> dict[str, Any]:
    return _plain("button", cut(label, LONGEST_LABEL)) | {"url": url}


async def send(page: Page, channel: Slack, doors: Doors) -> Outcome:
    """POST it; the address is the credential."""
    return await doors.https.tell(
        doors.secrets.read(channel.url_file, page.notification.tenant), msgspec.json.encode(payload(page, channel)), {}
    )
