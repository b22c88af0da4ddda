"""The long tail (Discord, Telegram, Pushover …) through Apprise, when it is installed: ``pip install apprise``, an optional extra.

Apprise opens its own connections, which our guard does not see. So a service is taken when its address is fixed by Apprise itself; one
that is told a host is taken when the operator opened that host in the settings; what acts on this machine (syslog, dbus) never is.
It says only yes or no: every no is tried again. Loaded on first use: 50 MB.

Some services take the text and then the picture, each in a request of its own, others both at once. So Apprise's own memory of what was
taken (made for its retries) lies under both of our tries: the second, without the picture, sends nothing that somebody already has.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import tempfile
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from kizashi.errors import Refused
from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import LongTail
from services.alerting.channels.outcome import Outcome
from services.alerting.page import Page
from services.alerting.targets import HTTPS_PORT, Reach
from services.alerting.templates import fill

FIXED = frozenset({"discord", "tgram", "pover", "pbul", "gchat", "wxteams", "twilio", "sendgrid", "vonage", "nexmo", "line"})
"""Schemes whose host is written in Apprise's own code."""
LONGEST_TEXT = 1_800
"""Discord takes 2,000 characters, most others more."""


def admitted(scheme: str, host: str, port: int | None, reach: Reach) -> bool:
    """Whether Apprise may connect for this URL.

    >>> admitted("discord", "123", None, Reach()), admitted("json", "169.254.169.254", None, Reach()), admitted("syslog", "", None, Reach())
    (True, False, False)
    """
    return scheme in FIXED or bool(host and reach.opened(host, port or HTTPS_PORT))


def _apprise() -> ModuleType:
    try:
        found = importlib.import_module("apprise")
    except ImportError as x:
        raise Refused("this channel needs the package apprise: pip install apprise") from x
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs URLs, which hold tokens
    return found


def _taken() -> ContextVar[set[Any] | None] | None:
    """Where Apprise notes what a service has taken, so that another try leaves it out; None before 2.3. Not a name that it promises, so
    without it a message goes without the picture, once."""
    found = getattr(importlib.import_module("apprise.plugins.base"), "_delivery_tracker", None)
    return found if isinstance(found, ContextVar) else None


def _tell(url: str, title: str, text: str, kind: str, reach: Reach, png: bytes | None = None) -> Outcome:
    apprise = _apprise()
    plugin: Any = apprise.Apprise.instantiate(url)
    if plugin is None:
        raise Refused("the file does not hold a URL that Apprise knows")
    if not admitted(url.partition(":")[0].lower(), str(plugin.host or ""), plugin.port, reach):
        raise Refused("Apprise may reach services with a fixed address, and hosts that the operator opened")
    said = {"title": title, "body": text, "notify_type": getattr(apprise.NotifyType, kind)}
    left_out = "" if png is None else "this service takes no files"
    if png is not None and plugin.attachment_support:
        left_out = "this version of Apprise does not tell what was taken"
        if (taken := _taken()) is not None:
            taken.set(set())  # for this call alone: a thread of to_thread has a context of its own
            with tempfile.NamedTemporaryFile(suffix=".png") as file:  # Apprise attaches files
                file.write(png)
                file.flush()
                if plugin.notify(**said, attach=apprise.AppriseAttachment(file.name)):
                    return Outcome("sent", "taken")
            left_out = "it was not taken with it"
    if plugin.notify(**said):
        return Outcome("sent", "taken", left_out=left_out)
    return Outcome("retry", "Apprise says that it was not taken")


async def send(page: Page, channel: LongTail, doors: Doors) -> Outcome:
    """Tell it, in a thread."""
    n = page.notification
    kind = (
        "SUCCESS" if n.kind == "resolved" else "FAILURE" if n.severity == "critical" else "WARNING" if n.severity == "warning" else "INFO"
    )
    title = fill(channel.title, page) if channel.title else page.heading
    text = (fill(channel.text, page) if channel.text else page.plain())[:LONGEST_TEXT]
    return await asyncio.to_thread(
        _tell,
        doors.secrets.read(channel.url_file, page.notification.tenant),
        title,
        text,
        kind,
        doors.https.reach,
        page.picture.png if page.picture else None,
    )
