"""A message that is refused with its chart goes without it, where the chart can be why; nobody gets a text twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from kizashi.clock import SystemClock
from kizashi.secret_files import SecretFiles
from services.alerting.channels import longtail
from services.alerting.channels.doors import Doors
from services.alerting.channels.https import Https
from services.alerting.channels.outcome import Outcome
from services.alerting.channels.pictures import Pictures
from services.alerting.channels.switchboard import Switchboard
from services.alerting.targets import Reach
from tests.unit.alerting.channels.receiver import HOST, Asked, Receiver, Reply, doors, here, receiver
from tests.unit.alerting.channels.test_pictures import KEY, SLACK, about_series, gateway, told

WEBHOOK = {"type": "webhook", "url": "{url}/in", "secret_file": "whsec"}


@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("body", [SLACK, WEBHOOK], ids=["slack", "webhook"])
async def test_what_the_picture_cannot_cause_is_asked_once(status: int, body: dict[str, Any], tmp_path: Path) -> None:
    said, asked = await told(tmp_path, body, lambda _: Reply(status, body=b"no"))
    assert said == f"failed: HTTP {status}: no" and len(asked) == 1


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_where_the_content_is_refused_the_message_goes_without_the_picture(status: int, tmp_path: Path) -> None:
    said, asked = await told(tmp_path, WEBHOOK, lambda a: Reply(status if b"picture_url" in a.body else 204, body=b""))
    assert said == "sent: HTTP 204; no chart: with it the message was refused" and len(asked) == 2


class Relay:
    """An SMTP relay that refuses as ``refuse`` says; ``data`` are the messages that it was given, taken or not."""

    def __init__(self, refuse: Callable[[bytes], str], to: str = "250 OK") -> None:
        self.refuse, self.to, self.data, self.named = refuse, to, list[bytes](), 0

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.named += 1
        if self.to.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        assert isinstance(envelope.content, bytes)
        self.data.append(envelope.content)
        return self.refuse(envelope.content)


async def mailed(relay: Relay, tmp_path: Path) -> Outcome:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(relay, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    https = Https(Reach(True, frozenset({f"{HOST}:{port}"})), resolve=here)
    body = {"type": "email", "host": HOST, "port": port, "security": "none", "sender": "kizashi@example.com", "to": ["ops@example.com"]}
    async with gateway() as drawing:
        pictures = Pictures(drawing.url, "", KEY, SystemClock())
        outcome = await Switchboard(
            lambda _t, _n: body, Doors(https, SecretFiles(tmp_path), SystemClock(), "https://kizashi.test", pictures)
        ).send(about_series())
        await pictures.close()
    server.close()
    await server.wait_closed()
    await https.close()
    return outcome


async def test_a_relay_that_takes_no_pictures_takes_the_text_and_one_that_knows_nobody_is_asked_once(tmp_path: Path) -> None:
    strict = Relay(lambda content: "552 5.3.4 too large" if b"image/png" in content else "250 OK")
    outcome = await mailed(strict, tmp_path)
    assert outcome.text == "accepted by the relay; no chart: with it the message was refused" and len(strict.data) == 2
    nobody = Relay(lambda _: "250 OK", to="550 5.1.1 no such user")
    outcome = await mailed(nobody, tmp_path)
    assert outcome.state == "failed" and (nobody.named, nobody.data) == (1, [])


Tell = Callable[[str], Awaitable[Outcome]]


@asynccontextmanager
async def through_apprise(
    judge: Callable[[Asked], Reply], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Receiver, Tell]]:
    """A server that judges, and how to send it a message with a chart through Apprise's URL."""
    pytest.importorskip("apprise", reason="Apprise is an optional extra")
    async with receiver(judge=judge) as running, gateway() as drawing:
        running.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        pictures = Pictures(drawing.url, "", KEY, SystemClock())
        opened = Https(Reach(True, frozenset({f"127.0.0.1:{running.port}"})), running.trust())
        at = replace(doors(running, tmp_path), https=opened, pictures=pictures)

        async def tell(url: str) -> Outcome:
            (tmp_path / "a").write_text(url)
            return await Switchboard(lambda _t, _n: {"type": "apprise", "url_file": "a"}, at).send(about_series())

        yield running, tell
        await pictures.close()
        await opened.close()


async def test_a_service_that_took_the_text_and_then_refused_the_file_is_not_told_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord takes the text in one request and the file in the next."""
    discord = pytest.importorskip("apprise.plugins.discord", reason="Apprise is an optional extra")

    def judge(asked: Asked) -> Reply:
        return Reply(413 if b"image/png" in asked.body else 200, body=b"{}")

    async with through_apprise(judge, tmp_path, monkeypatch) as (running, tell):
        monkeypatch.setattr(discord.NotifyDiscord, "notify_url", f"https://127.0.0.1:{running.port}/api/webhooks")
        outcome = await tell("discord://1234567890/abcdefghij")
        assert (outcome.state, outcome.text) == ("sent", "taken; no chart: it was not taken with it")
        texts = [a for a in running.asked if b"image/png" not in a.body]
        assert len(texts) == 1 and "checkout" in texts[0].json["content"] and len(running.asked) > 1


async def test_a_service_that_refuses_both_at_once_is_told_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(asked: Asked) -> Reply:
        return Reply(413 if json.loads(asked.body)["attachments"] else 200)

    async with through_apprise(judge, tmp_path, monkeypatch) as (running, tell):
        outcome = await tell(f"jsons://127.0.0.1:{running.port}/x")
        assert outcome.text == "taken; no chart: it was not taken with it"
        assert [len(a.json["attachments"]) for a in running.asked] == [1, 0]
        monkeypatch.setattr(longtail, "_taken", lambda: None)  # an Apprise of another time
        outcome = await tell(f"jsons://127.0.0.1:{running.port}/x")
        assert "no chart: this version" in outcome.text and [len(a.json["attachments"]) for a in running.asked] == [1, 0, 0]
