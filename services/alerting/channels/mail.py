"""E-mail over SMTP, text and HTML. ``Message-ID`` is made of the key, so a repeat is the same message; a group is one thread."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import cast

from kizashi.errors import Refused
from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import Mail
from services.alerting.channels.outcome import Outcome
from services.alerting.charts import WIDTH
from services.alerting.page import Page, one_line
from services.alerting.targets import host_name
from services.alerting.templates import fill

WITHIN_S = 10.0
"""For each step of the dialogue."""
LONGEST_SUBJECT = 200
TOO_LARGE = 552
"""A relay's answer to the size that is announced before the message (RFC 1870)."""


def message_of(page: Page, channel: Mail) -> EmailMessage:
    """The message, addressed to the channel's list and to who is on call."""
    n = page.notification
    domain = channel.sender.rpartition("@")[2]
    on_call = [channel.people[name] for name in n.recipients if name in channel.people]
    message = EmailMessage()
    message["From"] = channel.sender
    message["To"] = ", ".join(dict.fromkeys([*channel.to, *on_call]))
    message["Subject"] = one_line(fill(channel.title, page) if channel.title else page.heading)[:LONGEST_SUBJECT]
    message["Date"] = format_datetime(datetime.fromtimestamp(n.created_ms / 1_000, UTC))
    message["Message-ID"] = f"<{n.key}@{domain}>"
    message["References"] = f"<{n.group}@{domain}>"
    message["In-Reply-To"] = f"<{n.group}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answer to a page
    message["X-Kizashi-Key"] = n.key
    message["Importance"] = "high" if n.severity == "critical" and n.kind != "resolved" else "normal"
    message.set_content(fill(channel.text, page) if channel.text else page.plain())
    message.add_alternative(html(page, channel), subtype="html")
    if page.picture is not None:
        shown = cast("list[EmailMessage]", message.get_payload())[-1]
        shown.add_related(page.picture.png, "image", "png", cid=f"<{_picture_id(page)}>", disposition="inline", filename="chart.png")
    return message


def _picture_id(page: Page) -> str:
    """How the text names the picture that travels with it (RFC 2392)."""
    return f"chart.{page.notification.key}@kizashi"


def html(page: Page, channel: Mail) -> str:
    """A page without style sheets, scripts or pictures from elsewhere: the chart is in the message itself."""
    sentences = fill(channel.text, page).split("\n") if channel.text else page.text
    parts = [f"<h2>{escape(page.heading)}</h2>", *(f"<p>{escape(line)}</p>" for line in sentences if line)]
    if page.picture is not None:
        parts.append(f'<p><img src="cid:{escape(_picture_id(page))}" alt="{escape(page.picture.alt)}" width="{WIDTH}"></p>')
    for section in [] if channel.text else page.sections:
        rows = "".join(f'<tr><th align="left">{escape(label)}</th><td>{escape(text)}</td></tr>' for label, text in section.facts)
        parts.append(f'<h3>{escape(section.title)}</h3><table cellpadding="4">{rows}</table>')
    parts += [f"<p>{escape(text)}</p>" for text in (page.more, page.note) if text]
    parts.append("<p>" + " · ".join(f'<a href="{escape(url)}">{escape(label)}</a>' for label, url in page.links) + "</p>")
    return f'<!doctype html><html lang="{page.language}"><body>{"".join(parts)}</body></html>'


class _Pinned(smtplib.SMTP):
    """Connects to the first judged address that answers; the certificate is still checked against the name."""

    def __init__(self, host: str, port: int, addresses: Sequence[str], tls: ssl.SSLContext | None) -> None:
        self._addresses, self._tls = addresses, tls
        super().__init__(host, port, timeout=WITHIN_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        for address in self._addresses[:-1]:
            with contextlib.suppress(OSError):
                return self._wrapped(socket.create_connection((address, port), timeout), host)
        return self._wrapped(socket.create_connection((self._addresses[-1], port), timeout), host)

    def _wrapped(self, made: socket.socket, host: str) -> socket.socket:
        return made if self._tls is None else self._tls.wrap_socket(made, server_hostname=host)


def deliver(message: EmailMessage, channel: Mail, addresses: Sequence[str], password: str, trust: ssl.SSLContext) -> Outcome:
    """Hand it to the relay; blocks. A message that some recipients refuse is sent: the others have it."""
    try:
        with _Pinned(channel.host, channel.port, addresses, trust if channel.security == "tls" else None) as relay:
            if channel.security == "starttls":
                relay.starttls(context=trust)
            if channel.username:
                relay.login(channel.username, password)
            refused = relay.send_message(message)
    except smtplib.SMTPRecipientsRefused as x:
        codes = [code for code, _ in x.recipients.values()]
        return Outcome("retry" if all(400 <= c < 500 for c in codes) else "failed", f"every recipient was refused (SMTP {codes[0]})")
    except smtplib.SMTPResponseException as x:
        content = isinstance(x, smtplib.SMTPDataError) or x.smtp_code == TOO_LARGE
        later = 400 <= x.smtp_code < 500 or x.smtp_code < 0
        return Outcome("retry" if later else "failed", f"SMTP {x.smtp_code}", chart_may_be_why=content)
    except smtplib.SMTPNotSupportedError:
        return Outcome("failed", f"the relay does not offer what the channel asks for ({channel.security}, log-in)")
    except ssl.SSLCertVerificationError:
        return Outcome("failed", "the relay's certificate is not valid for its name")
    except (smtplib.SMTPException, OSError) as x:
        return Outcome("retry", f"the relay did not take it ({type(x).__name__})")
    return Outcome("sent", f"{len(refused)} recipients were refused" if refused else "accepted by the relay")


async def send(page: Page, channel: Mail, doors: Doors) -> Outcome:
    """Resolve once, judge the address, and deliver in a thread."""
    host = host_name(channel.host)
    if channel.security == "none" and not doors.https.reach.opened(host, channel.port):
        raise Refused("a relay without TLS is used only when the operator opened its host")
    try:
        addresses = await asyncio.wait_for(doors.https.addresses(host, channel.port), WITHIN_S)
    except (OSError, TimeoutError):
        return Outcome("retry", "the relay's name was not resolved")
    password = doors.secrets.read(channel.password_file, page.notification.tenant) if channel.password_file else ""
    return await asyncio.to_thread(deliver, message_of(page, channel), channel, addresses, password, doors.https.trust)
