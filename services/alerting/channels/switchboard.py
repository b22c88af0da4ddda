"""From a notification to its channel: looks the channel up, writes the page, sends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec

from kizashi.errors import ConfigurationError, Refused
from kizashi.observe.metrics import DELIVERIES, TOLD
from services.alerting.channels import alertmanager, longtail, mail, opsgenie, pagerduty, slack, teams, webhook
from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import (
    Alertmanager,
    AnyChannel,
    Heartbeat,
    LongTail,
    Mail,
    Opsgenie,
    PagerDuty,
    Slack,
    Teams,
    Topic,
    Webhook,
    decode_channel,
)  # fmt: skip
from services.alerting.channels.outcome import Outcome
from services.alerting.channels.pictures import Without
from services.alerting.notification import AlertSummary, Notification
from services.alerting.page import Attached, Page, page_of
from services.alerting.retry import BUDGET_S, BUDGET_WITH_FALLBACK_S

BUILT_IN = "topic"
Lookup = Callable[[str, str], dict[str, Any] | None]
"""(tenant, channel's name) → body of its configuration object, None when there is none."""
Send = Callable[[Page, Any, Doors], Awaitable[Outcome]]

SHOWN = frozenset({"firing", "escalated", "resolved"})
"""Messages with a chart: an acknowledgement has nothing new to show."""
TAKE_FILES = (Mail, Teams, LongTail)
"""Channels that carry the picture in the message; Teams a link when there is one, for its messages are small."""
TAKE_LINKS = (Slack, PagerDuty, Webhook)
"""Channels that are told where the picture is."""
SENDERS: dict[type[AnyChannel], Send] = {
    Webhook: webhook.send, Slack: slack.send, Teams: teams.send, PagerDuty: pagerduty.send, Opsgenie: opsgenie.send,
    Alertmanager: alertmanager.send, Mail: mail.send, LongTail: longtail.send,
}  # fmt: skip


@dataclass(frozen=True)
class Switchboard:
    """Sends notifications through the channels that the configuration holds at that moment."""

    lookup: Lookup
    doors: Doors

    def channel(self, tenant: str, name: str) -> AnyChannel:
        """The channel. Raises Refused (ConfigurationError is one) when it is not there or not valid."""
        body = self.lookup(tenant, name)
        if body is None:
            if name == BUILT_IN:
                return Topic()
            raise Refused(f"there is no channel {name[:80]!r}")
        return decode_channel(body)

    def budget_s(self, n: Notification) -> float:
        """Seconds that this message may be tried; the last channel of a chain has the whole time."""
        try:
            said = self.channel(n.tenant, n.channel).give_up_after_s
        except Refused:
            said = None
        return said or (BUDGET_WITH_FALLBACK_S if self.has_fallback(n) else BUDGET_S)

    def has_fallback(self, n: Notification) -> bool:
        """Whether another channel takes over when this one is given up: not itself, one that is there, none that gave it up before, none
        that is told anyway."""
        try:
            name = self.channel(n.tenant, n.channel).fallback
        except Refused:
            return False
        there = name == BUILT_IN or self.lookup(n.tenant, name) is not None
        return there and name not in ("", n.channel, *n.given_up)

    async def send(self, n: Notification) -> Outcome:
        """The outcome of one attempt; what a person must repair is ``failed``."""
        kind = "unknown"
        try:
            channel = self.channel(n.tenant, n.channel)
            kind = str(channel.__struct_config__.tag)
            outcome = await self._send(n, channel)
        except Refused as x:
            outcome = Outcome("failed", str(x))
        DELIVERIES.labels(kind, outcome.state).inc()
        if outcome.state == "sent":
            TOLD.labels(kind).observe(max(0, self.doors.clock.now_ms() - n.created_ms) / 1_000)
        return outcome

    async def send_test(self, tenant: str, body: dict[str, Any], name: str = "test", now_ms: int | None = None) -> Outcome:
        """Send an example page through a channel that need not be saved yet: the test button."""
        now = self.doors.clock.now_ms() if now_ms is None else now_ms
        try:
            channel = decode_channel(body)
            if isinstance(channel, Heartbeat):
                return await self.doors.https.tell(self.doors.secrets.read(channel.url_file, tenant), b"", {})
            return await self._send(example(tenant, name, now), channel)
        except Refused as x:
            return Outcome("failed", str(x))

    async def _send(self, n: Notification, channel: AnyChannel) -> Outcome:
        if isinstance(channel, Topic):
            return Outcome("sent", "on the alert topic")
        if isinstance(channel, Heartbeat):
            raise ConfigurationError("a heartbeat channel takes no messages: it says that alerting works")
        if n.kind == "heartbeat" and isinstance(channel, (PagerDuty, Opsgenie, Alertmanager)):
            raise ConfigurationError("this channel opens incidents: a heartbeat goes to a channel of type heartbeat")
        page = page_of(n, self.doors.base_url, channel.language, channel.zone)
        found = await self._picture(n, channel)
        if not isinstance(found, Attached):
            return _told(await SENDERS[type(channel)](page, channel, self.doors), found)
        outcome = await SENDERS[type(channel)](replace(page, picture=found), channel, self.doors)
        if outcome.state == "failed" and outcome.chart_may_be_why:  # refused whole, so nobody has it yet
            outcome = await SENDERS[type(channel)](page, channel, self.doors)
            return _told(outcome, Without("with it the message was refused"))
        return _told(outcome, Without(outcome.left_out) if outcome.left_out else found)

    async def _picture(self, n: Notification, channel: AnyChannel) -> Attached | Without | None:
        """The chart of a message; None when this channel, or this message, never has one."""
        pictures = self.doors.pictures
        if pictures is None or not channel.picture or n.kind not in SHOWN or not isinstance(channel, (*TAKE_FILES, *TAKE_LINKS)):
            return None
        if isinstance(channel, PagerDuty) and n.kind == "resolved":  # the event that ends an incident has no room for one
            return None
        if isinstance(channel, TAKE_LINKS) and not pictures.links:
            return Without("public_url is no https address, and this channel fetches pictures itself")
        return await pictures.of(n, channel.language, channel.zone, small=isinstance(channel, Teams) and not pictures.links)


def _told(outcome: Outcome, chart: Attached | Without | None) -> Outcome:
    """The outcome, for the ledger: whether a chart went along."""
    if chart is None or outcome.state != "sent":
        return outcome
    return replace(outcome, text=f"{outcome.text}; " + ("with a chart" if isinstance(chart, Attached) else f"no chart: {chart.why}"))


def preview(body: dict[str, Any], n: Notification, base_url: str = "", now_ms: int = 0) -> dict[str, Any]:
    """What a channel would send, without its secrets and without sending it. Raises ConfigurationError.

    ``{"text": …}`` is the page as text; ``payload`` is what goes over the wire.
    """
    channel = decode_channel(body)
    page = page_of(n, base_url, channel.language, channel.zone)
    makers: dict[type[AnyChannel], Callable[[], object]] = {
        Webhook: lambda: webhook.payload(page, cast("Webhook", channel)),
        Slack: lambda: slack.payload(page, cast("Slack", channel)),
        Teams: lambda: teams.payload(page, cast("Teams", channel)),
        PagerDuty: lambda: pagerduty.payload(page, cast("PagerDuty", channel), "…"),
        Opsgenie: lambda: opsgenie.request(page, cast("Opsgenie", channel))[1],
        Alertmanager: lambda: alertmanager.payload(page, cast("Alertmanager", channel), now_ms),
        Mail: lambda: str(mail.message_of(page, cast("Mail", channel))),
    }
    made = makers[type(channel)]() if type(channel) in makers else None
    return {"text": page.plain(), "payload": msgspec.to_builtins(made)}


def example(tenant: str, channel: str, now_ms: int) -> Notification:
    """The page of the test button and of previews: every part of a real one."""
    started = now_ms - 252_000
    alert = AlertSummary(
        "alert-test", "test", "warning", "firing", "checkout: latency p99 is above its band", started, now_ms,
        labels={"service": "checkout", "region": "test"}, value=1.84, expected=0.41, lower=0.29, upper=0.55,
        annotations={
            "changes": "checkout: errors x 9, payments: latency x 4", "cause": "deploy 2.14 of payments, 3 min before",
            "blast": "cart (likely), search (possible)", "runbook": "https://example.com/runbook", "owner": "team-shop",
        },
    )  # fmt: skip
    return Notification(
        f"notification-test-{now_ms}", tenant, channel, "firing", f"group-test-{now_ms}", "test", "warning",
        "TEST: checkout is slow (nobody needs to do anything)", ["This is a test of the channel."], now_ms, alerts=[alert],
        links={"alerts": "/alerts", "silence": "/alerts?silence=alert-test", "runbook": "https://example.com/runbook"},
    )  # fmt: skip
