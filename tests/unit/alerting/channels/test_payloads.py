"""Every channel against a local server that judges what it is sent: by the client library or schema of the receiver where there is one,
else by the rules of its reference, written out."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from jsonschema import Draft6Validator
from pagerduty import EventsApiV2Client
from slack_sdk.models.blocks import Block
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from kizashi.clock import SystemClock
from kizashi.secret_files import SecretFiles
from services.alerting.channels import longtail
from services.alerting.channels.doors import Doors
from services.alerting.channels.https import Https
from services.alerting.channels.switchboard import Switchboard, example, preview
from services.alerting.notification import AlertSummary, Kind, Notification
from services.alerting.targets import Reach
from services.ingest.alerts_in import decode_alerts, decode_pagerduty
from tests.unit.alerting.channels.receiver import HOST, Asked, Receiver, Reply, certificate, doors, here, receiver

NOW = 1_764_000_000_000
KINDS: tuple[Kind, ...] = ("firing", "acknowledged", "escalated", "resolved")
NASTY = "<!channel> [x](https://evil.example) *b* `c` & \r\nBcc: all@example.com \x07 日本語 " + "長" * 400
Run = Callable[[dict[str, Any], Notification], Awaitable[tuple[str, Receiver]]]


def notification(kind: Kind = "firing", alerts: int = 1, text: str = "checkout is slow") -> Notification:
    state: Literal["firing", "acknowledged", "resolved"] = "firing"
    if kind in ("acknowledged", "resolved"):
        state = kind
    told = {"changes": text, "cause": text, "blast": text, "runbook": "https://example.com/r", "owner": "team-shop"}
    summaries = [
        AlertSummary(
            f"alert-{i}", "latency", "critical", state, f"{text} {i}", NOW - 60_000, NOW, NOW if kind == "resolved" else None,
            {"service": "checkout", "k8s.pod": text}, told, 1.5, 0.4, 0.2, 0.6,
        )
        for i in range(alerts)
    ]  # fmt: skip
    return Notification(
        f"notification-{kind}", "default", "it", kind, "group-1", "v1", "critical", text, [text, "second sentence"], NOW,
        alerts=summaries, links={"alerts": "/alerts", "silence": "/alerts?silence=1", "runbook": "https://example.com/r"},
        recipients=["aiko"],
    )  # fmt: skip


async def told(tmp_path: Path, body: dict[str, Any], n: Notification, judge: Callable[[Asked], Reply]) -> tuple[str, Receiver]:
    """(state, server) after one attempt; ``{url}`` in the body and the secret files becomes the server's address."""
    async with receiver(judge=judge) as running:
        secrets = {
            "url": running.url("/hook/T0K3N"), "key": "R0UT1NGK3Y", "whsec": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
            "bearer": "Bearer T0K3N",
        }  # fmt: skip
        for name, value in secrets.items():
            (tmp_path / name).write_text(value + "\n")
        filled = {k: v.replace("{url}", running.url("").rstrip("/")) if isinstance(v, str) else v for k, v in body.items()}
        board = Switchboard(lambda _tenant, _name: filled, doors(running, tmp_path, SystemClock()))
        outcome = await board.send(n)
        await board.doors.https.close()
        assert not any(secret in outcome.text for secret in ("T0K3N", "R0UT1NGK3Y", "whsec_"))
        return f"{outcome.state}: {outcome.text}", running


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["checkout is slow", NASTY], ids=["plain", "nasty"])
async def test_webhook_satisfies_the_standard_webhooks_library(kind: Kind, text: str, tmp_path: Path) -> None:
    body = {"type": "webhook", "url": "{url}/in", "secret_file": "whsec", "authorization_file": "bearer"}
    state, running = await told(tmp_path, body, notification(kind, text=text), lambda _: Reply(204, body=b""))
    (asked,) = running.asked
    verifier = Verifier("whsec_" + base64.b64encode(bytes(range(32))).decode())
    found = verifier.verify(asked.body, dict(asked.headers))
    assert state.startswith("sent") and found["data"]["kind"] == kind and asked.headers["authorization"] == "Bearer T0K3N"
    assert asked.headers["webhook-id"] == found["data"]["key"] == asked.headers["idempotency-key"]
    for change in ({"webhook-id": "other"}, {"webhook-timestamp": str(int(asked.headers["webhook-timestamp"]) + 1)}):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(asked.body, {**asked.headers, **change})
    with pytest.raises(WebhookVerificationError):
        verifier.verify(asked.body.replace(b'"version":1', b'"version":2'), dict(asked.headers))


def slack_rules(asked: Asked) -> Reply:
    """What Slack's own library checks of blocks, and the limits of its reference that the library leaves to the server."""
    message = asked.json
    assert set(message) == {"text", "attachments"} and len(message["attachments"]) == 1
    blocks = message["attachments"][0]["blocks"]
    assert 0 < len(blocks) <= 50
    parsed = Block.parse_all(blocks)
    for block, sent in zip(parsed, blocks, strict=True):
        assert block is not None
        block.validate_json()
        assert block.to_dict() == sent  # the library knows every field that we set
    texts = [b["text"] for b in blocks if "text" in b] + [f for b in blocks for f in (*b.get("fields", []), *b.get("elements", []))]
    spoken = [t["text"] for t in texts if t["type"] == "mrkdwn"] + [message["text"]]
    assert all(0 < len(t) <= 3_000 for t in spoken) and not any("<!" in t or "<http" in t for t in spoken)
    return Reply(200, body=b"ok")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("alerts", "text"), [(1, "checkout is slow"), (40, NASTY), (0, "x")], ids=["plain", "nasty", "empty"])
async def test_slack_takes_it(kind: Kind, alerts: int, text: str, tmp_path: Path) -> None:
    body = {"type": "slack", "url_file": "url", "people": {"aiko": "U0AIKO"}}
    state, running = await told(tmp_path, body, notification(kind, alerts, text), slack_rules)
    assert state == "sent: HTTP 200"
    said = running.asked[0].body.decode()
    assert f"notification-{kind}" in said and "<@U0AIKO>" in said
    if alerts == 1:
        assert all(part in said for part in ("1.5", "0.2 … 0.6", "2025-11-24 15:59:00 UTC", "https://kizashi.test/alerts?silence=1"))


def teams_rules(asked: Asked) -> Reply:
    """The official schema of adaptive cards 1.4 (``msteams`` is Teams' own addition), and Teams' limit of 28 KB."""
    message = asked.json
    assert message["type"] == "message" and len(asked.body) <= 28 * 1_024
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive" and attachment["contentUrl"] is None
    card = {k: v for k, v in attachment["content"].items() if k != "msteams"}
    schema = json.loads(resources.files("adaptive_cards.schemas").joinpath("schema-1.4.json").read_text(encoding="utf-8"))
    errors = [e.message for e in Draft6Validator(schema).iter_errors(card)]
    assert not errors, errors
    return Reply(202, body=b"")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("alerts", "text"), [(1, "checkout is slow"), (40, NASTY), (0, "x")], ids=["plain", "nasty", "empty"])
async def test_teams_takes_it(kind: Kind, alerts: int, text: str, tmp_path: Path) -> None:
    state, running = await told(tmp_path, {"type": "teams", "url_file": "url"}, notification(kind, alerts, text), teams_rules)
    assert state == "sent: HTTP 202"
    assert "[x](" not in running.asked[0].body.decode()


def pagerduty_rules(asked: Asked) -> Reply:
    """PagerDuty's OpenAPI document of Events v2, written out: required fields, enumerations, lengths."""
    event = asked.json
    known = {"payload", "routing_key", "event_action", "dedup_key", "client", "client_url", "links", "images"}
    assert set(event) <= known and event["routing_key"] and len(asked.body) <= 512 * 1_024
    assert event["event_action"] in ("trigger", "acknowledge", "resolve") and 0 < len(event["dedup_key"]) <= 255
    if event["event_action"] == "trigger":
        payload = event["payload"]
        assert set(payload) <= {"summary", "timestamp", "severity", "source", "component", "group", "class", "custom_details"}
        assert 0 < len(payload["summary"]) <= 1_024 and payload["source"] and isinstance(payload["custom_details"], dict)
        assert payload["severity"] in ("critical", "warning", "error", "info")
        datetime.fromisoformat(payload["timestamp"])
        assert all(link["href"].startswith("https://") for link in event.get("links", []))
    decode_pagerduty(asked.body)
    return Reply(202, body=json.dumps({"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}).encode())


@pytest.mark.parametrize(
    ("kind", "action"), [("firing", "trigger"), ("escalated", "trigger"), ("acknowledged", "acknowledge"), ("resolved", "resolve")]
)
@pytest.mark.parametrize(("alerts", "text"), [(1, "checkout is slow"), (40, NASTY), (0, "x")], ids=["plain", "nasty", "empty"])
async def test_pagerduty_takes_it(kind: Kind, action: str, alerts: int, text: str, tmp_path: Path) -> None:
    body = {"type": "pagerduty", "routing_key_file": "key", "url": "{url}/v2/enqueue"}
    state, running = await told(tmp_path, body, notification(kind, alerts, text), pagerduty_rules)
    asked = running.asked[0].json
    assert state.startswith("sent") and (asked["event_action"], asked["dedup_key"], asked["routing_key"]) == (
        action,
        "group-1",
        "R0UT1NGK3Y",
    )


async def test_pagerdutys_own_client_passes_the_same_rules() -> None:
    """The rules are not ours alone: PagerDuty's library meets them, and takes the server's answer."""
    async with receiver(judge=pagerduty_rules) as running:
        client = EventsApiV2Client("R0UT1NGK3Y", base_url=running.url("", "127.0.0.1"), verify=running.trust())
        key = await asyncio.to_thread(
            client.trigger, "slow", "checkout", "group-9", custom_details={"a": 1}, payload={"timestamp": "2026-01-01T00:00:00Z"}
        )
        await asyncio.to_thread(client.resolve, "group-9")
        client.close()
    assert key == "group-9" and [a.json["event_action"] for a in running.asked] == ["trigger", "resolve"]


def opsgenie_rules(asked: Asked) -> Reply:
    """Opsgenie's Alert API reference: 202, ``GenieKey``, lengths, priorities; actions by alias."""
    assert asked.headers["authorization"] == "GenieKey R0UT1NGK3Y"
    body = asked.json
    if asked.path == "/v2/alerts":
        assert 0 < len(body["message"]) <= 130 and 0 < len(body["alias"]) <= 512 and len(body["description"]) <= 15_000
        assert body["priority"] in ("P1", "P2", "P3", "P4", "P5") and all(isinstance(v, str) for v in body["details"].values())
    else:
        assert asked.path in (f"/v2/alerts/group-1/{verb}?identifierType=alias" for verb in ("acknowledge", "close"))
        assert set(body) <= {"user", "source", "note"}
    return Reply(202, body=b'{"result":"Request will be processed","took":0.1,"requestId":"x"}')


@pytest.mark.parametrize("kind", KINDS)
async def test_opsgenie_and_jira_service_management_take_it(kind: Kind, tmp_path: Path) -> None:
    body = {"type": "opsgenie", "api_key_file": "key", "url": "{url}/v2/alerts"}
    state, _ = await told(tmp_path, body, notification(kind, 40, NASTY), opsgenie_rules)
    assert state.startswith("sent")


def alertmanager_rules(asked: Asked) -> Reply:
    """Alertmanager's OpenAPI document (postableAlerts) and its validation of labels and times, written out; and our own receiver."""
    assert asked.path == "/api/v2/alerts"
    for alert in asked.json:
        assert set(alert) <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"} and alert["labels"]["alertname"]
        for names in (alert["labels"], alert["annotations"]):
            assert all(isinstance(v, str) and k.replace("_", "a").isalnum() and not k[0].isdigit() for k, v in names.items())
        assert datetime.fromisoformat(alert["startsAt"]) < datetime.fromisoformat(alert["endsAt"])
    assert len(decode_alerts(asked.body)) == len(asked.json) > 0
    return Reply(200, body=b"")


@pytest.mark.parametrize("kind", KINDS)
async def test_another_alertmanager_takes_it(kind: Kind, tmp_path: Path) -> None:
    body = {"type": "alertmanager", "url": "{url}/", "authorization_file": "bearer"}
    state, running = await told(tmp_path, body, notification(kind, 3, NASTY), alertmanager_rules)
    assert state.startswith("sent")
    ends = datetime.fromisoformat(running.asked[0].json[0]["endsAt"]).timestamp() * 1_000
    assert (ends == NOW) == (kind == "resolved")


class Mailbox:
    """Keeps what a relay was given; ``code`` answers something else."""

    def __init__(self, code: str = "") -> None:
        self.code, self.messages, self.to = code, [], []  # type: ignore[var-annotated]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        if self.code:
            return self.code
        self.messages.append(message_from_bytes(cast("bytes", envelope.content), policy=policy.default))
        self.to.append(list(envelope.rcpt_tos))
        return "250 OK"


@pytest.fixture
async def mailed(tmp_path: Path) -> AsyncIterator[Callable[[Mailbox, Notification], Awaitable[str]]]:
    """Sends one message through an aiosmtpd relay on this machine."""

    async def run(box: Mailbox, n: Notification) -> str:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(box, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reach = Reach(True, frozenset({f"{HOST}:{port}"}))

        at = Doors(Https(reach, resolve=here), SecretFiles(tmp_path), SystemClock(), "https://kizashi.test")
        body = {
            "type": "email", "host": HOST, "port": port, "security": "none", "sender": "kizashi@example.com", "to": ["ops@example.com"],
            "people": {"aiko": "aiko@example.com"},
        }  # fmt: skip
        outcome = await Switchboard(lambda _tenant, _name: body, at).send(n)
        server.close()
        await server.wait_closed()
        await at.https.close()
        return f"{outcome.state}: {outcome.text}"

    yield run


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["checkout is slow", NASTY], ids=["plain", "nasty"])
async def test_a_mail_relay_takes_it(kind: Kind, text: str, mailed: Callable[[Mailbox, Notification], Awaitable[str]]) -> None:
    box = Mailbox()
    assert (await mailed(box, notification(kind, text=text))).startswith("sent")
    message: EmailMessage = box.messages[0]
    assert box.to == [["ops@example.com", "aiko@example.com"]] and message["Bcc"] is None
    assert message["Message-ID"] == f"<notification-{kind}@example.com>" and message["References"] == "<group-1@example.com>"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and html is not None
    assert ("0.2 … 0.6" in plain.get_content() and "<!channel>" not in html.get_content() and "&lt;" in html.get_content()) or text != NASTY


@pytest.mark.parametrize(("code", "state"), [("451 busy", "retry"), ("554 no", "failed")])
async def test_what_a_relay_says_decides(code: str, state: str, mailed: Callable[[Mailbox, Notification], Awaitable[str]]) -> None:
    assert (await mailed(Mailbox(code), notification())) == f"{state}: SMTP {code[:3]}"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # the server's own TLS does not see that it is wrapped in TLS
@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("secret", ["s3cret", "wrong"])
async def test_a_relay_with_tls_and_a_password(security: str, secret: str, tmp_path: Path) -> None:
    """The certificate is checked against the name although the connection goes to the judged address."""
    box, loop = Mailbox(), asyncio.get_running_loop()
    authority, context = certificate()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    def known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"kizashi", b"s3cret"), handled=False)

    def made() -> SMTP:
        more = {"tls_context": context, "require_starttls": True} if security == "starttls" else {"auth_require_tls": False}
        return SMTP(box, loop=loop, auth_required=True, authenticator=known, **more)

    server = await loop.create_server(made, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    port = server.sockets[0].getsockname()[1]
    (tmp_path / "smtp").write_text(secret)
    body = {
        "type": "email", "port": port, "security": security, "username": "kizashi", "password_file": "smtp", "sender": "k@example.com",
        "to": ["ops@example.com"],
    }  # fmt: skip
    reach = Reach(True, frozenset({f"{HOST}:{port}", f"other.test:{port}"}))

    async def two(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # nobody listens on the first

    at = Doors(Https(reach, trust, two), SecretFiles(tmp_path), SystemClock())
    try:
        outcome = await Switchboard(lambda _t, _n: body | {"host": HOST}, at).send(notification())
        assert outcome.state == ("sent" if secret == "s3cret" else "failed"), outcome.text
        assert len(box.messages) == (secret == "s3cret") and "s3cret" not in outcome.text
        wrong_name = await Switchboard(lambda _t, _n: body | {"host": "other.test"}, at).send(notification())
        assert wrong_name.state == "failed" and "certificate" in wrong_name.text
    finally:
        server.close()
        await server.wait_closed()
        await at.https.close()


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    "body",
    [
        {"type": "slack", "url_file": "a"}, {"type": "teams", "url_file": "a"}, {"type": "pagerduty", "routing_key_file": "a"},
        {"type": "opsgenie", "api_key_file": "a"}, {"type": "alertmanager", "url": "https://x.example"}, {"type": "topic"},
        {"type": "webhook", "url": "https://x.example", "secret_file": "a"},
        {"type": "email", "host": "x.example", "sender": "a@b.example", "to": ["c@d.example"]},
    ],
    ids=lambda b: b["type"],
)  # fmt: skip
def test_a_preview_shows_what_would_be_sent_without_any_secret(body: dict[str, Any], language: str) -> None:
    shown = preview({**body, "language": language}, example("default", "x", NOW), "https://kizashi.test", NOW)
    assert ("警告" if language == "ja" else "Expected") in shown["text"] and "deploy 2.14" in shown["text"]
    msgspec.json.encode(shown)


@pytest.mark.parametrize("kind", ["webhook", "slack"])
async def test_the_test_button_sends_an_example(kind: str, tmp_path: Path) -> None:
    async with receiver() as running:
        (tmp_path / "a").write_text("whsec_" + base64.b64encode(bytes(32)).decode() if kind == "webhook" else running.url())
        body = {"type": "webhook", "url": running.url(), "secret_file": "a"} if kind == "webhook" else {"type": "slack", "url_file": "a"}
        board = Switchboard(lambda _tenant, _name: None, doors(running, tmp_path))
        assert (await board.send_test("default", body)).state == "sent" and b"TEST" in running.asked[0].body
        assert (await board.send_test("default", {"type": kind})).state == "failed"
        await board.doors.https.close()


async def test_apprise_takes_the_long_tail_where_the_operator_opened_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise", reason="Apprise is an optional extra")
    async with receiver() as running:
        running.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        at = doors(running, tmp_path)
        opened = replace(at, https=Https(Reach(True, frozenset({f"127.0.0.1:{running.port}"})), running.trust()))
        (tmp_path / "a").write_text(f"jsons://127.0.0.1:{running.port}/x")
        board = Switchboard(lambda _t, _n: {"type": "apprise", "url_file": "a"}, opened)
        assert (await board.send(notification())).state == "sent" and running.asked[0].json["title"].startswith("[FIRING] critical")
        refused = await Switchboard(lambda _t, _n: {"type": "apprise", "url_file": "a"}, at).send(notification())
        assert refused.state == "failed" and "operator opened" in refused.text and len(running.asked) == 1
        for url in ("syslog://", "nonsense", "json://169.254.169.254/"):
            (tmp_path / "a").write_text(url)
            assert (await board.send(notification())).state == "failed"


def test_what_apprise_may_reach() -> None:
    reach = Reach(False, frozenset({"chat.internal"}))
    for scheme in ("discord", "tgram"):
        assert longtail.admitted(scheme, "whatever", None, reach)
    for scheme, host, taken in (("mmost", "chat.internal", True), ("mmost", "10.0.0.1", False), ("syslog", "", False), ("json", "", False)):
        assert longtail.admitted(scheme, host, None, reach) is taken
