"""Configuration of channels: one strict struct a kind. Secrets are names of files, never values."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from kizashi.errors import ConfigurationError
from kizashi.secret_files import NAME
from services.alerting import templates
from services.alerting.page import Language

SecretName = Annotated[str, msgspec.Meta(pattern=NAME)]
MailAddress = Annotated[str, msgspec.Meta(pattern=r"^[^\s@<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,190}$")]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=86_400)]
SECRET_FIELDS = frozenset({"url", "secret", "password", "token", "api_key", "routing_key", "key", "authorization"})


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", omit_defaults=True):
    """What every channel may say."""

    fallback: str = ""
    """Channel that is told when this one is given up."""
    give_up_after_s: Seconds | None = None
    """Seconds of trying; None is five minutes with a fallback and four hours without."""
    language: Language = "en"
    zone: str = "UTC"
    """IANA zone of the times in a message."""
    title: str = ""
    """Template of the first line; empty takes the standard one."""
    text: str = ""
    """Template that replaces the standard sentences and facts."""
    picture: bool = True
    """Whether the chart goes along, where this kind of channel takes one."""
    note: str = ""
    """For people who read the configuration."""


class Topic(Channel, frozen=True, tag="topic"):
    """The alert topic: every alert is on it already, so nothing is sent anywhere else."""


class Webhook(Channel, frozen=True, kw_only=True, tag="webhook"):
    """JSON signed after the Standard Webhooks specification, for programs."""

    url: str = ""
    url_file: SecretName = ""
    """Instead of ``url`` when the address itself holds a token."""
    secret_file: SecretName
    """Holds ``whsec_`` and the base64 of 24 to 64 random bytes."""
    authorization_file: SecretName = ""
    """Value of an ``Authorization`` header."""


class Slack(Channel, frozen=True, kw_only=True, tag="slack"):
    """A Slack incoming webhook, or Mattermost's, which speaks the same."""

    url_file: SecretName
    people: dict[str, str] = {}
    """Name in the schedule → Slack member id, to mention who is on call."""


class Teams(Channel, frozen=True, kw_only=True, tag="teams"):
    """A Teams workflow ("When a Teams webhook request is received")."""

    url_file: SecretName


class PagerDuty(Channel, frozen=True, kw_only=True, tag="pagerduty"):
    """PagerDuty Events API v2. Acknowledging there acknowledges here, by a v3 webhook signed with ``webhook_secret_file``."""

    routing_key_file: SecretName
    webhook_secret_file: SecretName = ""
    url: str = "https://events.pagerduty.com/v2/enqueue"


class Opsgenie(Channel, frozen=True, kw_only=True, tag="opsgenie"):
    """Opsgenie's Alert API, and Jira Service Management's, which has the same one under another address."""

    api_key_file: SecretName
    url: str = "https://api.opsgenie.com/v2/alerts"
    """Jira Service Management: https://api.atlassian.com/jsm/ops/integration/v2/alerts"""


class Alertmanager(Channel, frozen=True, kw_only=True, tag="alertmanager"):
    """Another Alertmanager, by its API v2. ``url`` ends before ``/api/v2``."""

    url: str
    authorization_file: SecretName = ""
    ends_after_s: Seconds = 86_400
    """Without news the other side ends the alert after this long."""


class Mail(Channel, frozen=True, kw_only=True, tag="email"):
    """E-mail by SMTP; a group's messages are one thread."""

    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    security: Annotated[str, msgspec.Meta(pattern="^(starttls|tls|none)$")] = "starttls"
    username: str = ""
    password_file: SecretName = ""
    sender: MailAddress
    to: Annotated[list[MailAddress], msgspec.Meta(min_length=1, max_length=50)]
    people: dict[str, MailAddress] = {}
    """Name in the schedule → address; who is on call gets the message too."""


class Heartbeat(Channel, frozen=True, kw_only=True, tag="heartbeat"):
    """A dead man's switch elsewhere: asked every ``every_s`` while alerting works; its silence is the alarm. Takes no messages."""

    url_file: SecretName
    every_s: Annotated[int, msgspec.Meta(ge=10, le=3_600)] = 60


class LongTail(Channel, frozen=True, kw_only=True, tag="apprise"):
    """Anything that Apprise knows, when it is installed."""

    url_file: SecretName


AnyChannel = Topic | Webhook | Slack | Teams | PagerDuty | Opsgenie | Alertmanager | Mail | Heartbeat | LongTail


def decode_channel(body: dict[str, Any]) -> AnyChannel:
    """The channel of a configuration object. Raises ConfigurationError that names the field, never its value."""
    stray = sorted(SECRET_FIELDS & body.keys() - _fields_of(body.get("type")))
    if stray:
        raise ConfigurationError(
            f"'{stray[0]}' of a {body.get('type')} channel is a secret: put it into a file and name it in '{stray[0]}_file'"
        )
    try:
        channel: AnyChannel = msgspec.convert(body, AnyChannel)
        ZoneInfo(channel.zone)
    except msgspec.ValidationError as x:
        raise ConfigurationError(f"channel: {x}") from x
    except (ZoneInfoNotFoundError, ValueError, OSError) as x:
        raise ConfigurationError("channel: 'zone' is an IANA time zone, such as Asia/Tokyo") from x
    templates.check(channel.title, "title")
    templates.check(channel.text, "text")
    if isinstance(channel, Webhook) and bool(channel.url) == bool(channel.url_file):
        raise ConfigurationError("channel: a webhook has either 'url' or 'url_file'")
    return channel


def _fields_of(tag: object) -> set[str]:
    kind = next((k for k in AnyChannel.__args__ if k.__struct_config__.tag == tag), None)
    return set() if kind is None else set(kind.__struct_fields__)
