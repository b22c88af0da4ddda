"""Charts that go with messages: each channel's own way, against its own rules; and whatever the gateway does, the page goes out in time."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import SMTP

from kizashi.clock import ManualClock, SystemClock
from kizashi.contracts.pictures import Picture, read
from kizashi.secret_files import SecretFiles
from kizashi.settings import Settings
from services.alerting.channels import pictures as module
from services.alerting.channels.doors import Doors
from services.alerting.channels.https import Https
from services.alerting.channels.pictures import Pictures, Without
from services.alerting.channels.switchboard import Switchboard
from services.alerting.charts import BACK_MS, chart_of, series_of
from services.alerting.notification import Kind, Notification
from services.alerting.page import Attached
from services.alerting.targets import Reach
from tests.unit.alerting.channels.receiver import HOST, Asked, Reply, doors, here, receiver
from tests.unit.alerting.channels.test_payloads import NOW, Mailbox, notification, pagerduty_rules, slack_rules, teams_rules

KEY = b"k" * 64
SERIES = "00000000000000ff"
PUBLIC = "https://kizashi.example"


def png(side: int = 8, noise: bool = False) -> bytes:
    """A PNG; one of noise cannot be made small."""
    value = 12_345
    raw = bytearray()
    for _ in range(side):
        raw.append(0)
        for _ in range(side * 3):
            value = (value * 1_103_515_245 + 12_345) % 2**31
            raw.append(value >> 16 & 0xFF if noise else 0x7F)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(raw))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def about_series(kind: Kind = "firing") -> Notification:
    n = notification(kind)
    return msgspec.structs.replace(n, alerts=[msgspec.structs.replace(n.alerts[0], series=SERIES)])


@dataclass
class Gateway:
    """A server that answers for the gateway's pictures; ``asked`` are the pictures whose links were good."""

    url: str = ""
    status: int = 200
    body: bytes = field(default_factory=png)
    delay_s: float = 0.0
    asked: list[Picture] = field(default_factory=list)
    requests: int = 0


@contextlib.asynccontextmanager
async def gateway(now_ms: Callable[[], int] | None = None, **how: Any) -> AsyncIterator[Gateway]:
    running = Gateway(**how)
    now_ms = now_ms or SystemClock().now_ms
    open_now: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now[writer] = asyncio.current_task()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            running.requests += 1
            token = head.split(" ")[1].removeprefix("/api/v1/pictures/")
            running.asked.append(read(token, now_ms(), KEY))
            await asyncio.sleep(running.delay_s)  # the fault itself
            writer.write(f"HTTP/1.1 {running.status} X\r\nContent-Length: {len(running.body)}\r\nConnection: close\r\n\r\n".encode())
            writer.write(running.body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        server.close()
        tasks = [task for task in open_now.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in open_now:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def told(
    tmp_path: Path, body: dict[str, Any], judge: Callable[[Asked], Reply], *, public: str = PUBLIC, n: Notification | None = None,
    picture: bytes | None = None,
) -> tuple[str, list[Asked]]:  # fmt: skip
    """(state and text, requests of the channel) of one message about a series, with a gateway that draws."""
    for name in ("url", "key"):
        (tmp_path / name).write_text("R0UT1NGK3Y")
    (tmp_path / "whsec").write_text("whsec_" + "A" * 43 + "=")
    async with receiver(judge=judge) as running, gateway(body=picture or png()) as drawing:
        (tmp_path / "url").write_text(running.url("/hook"))
        filled = {k: v.replace("{url}", running.url("").rstrip("/")) if isinstance(v, str) else v for k, v in body.items()}
        pictures = Pictures(drawing.url, public, KEY, SystemClock())
        board = Switchboard(lambda _t, _n: filled, replace(doors(running, tmp_path, SystemClock()), pictures=pictures))
        outcome = await board.send(n or about_series())
        await board.doors.https.close()
        await pictures.close()
        return f"{outcome.state}: {outcome.text}", running.asked


def checked(url: str) -> Picture:
    """What a link shows; it is ours, public, and lasts a week."""
    assert url.startswith(f"{PUBLIC}/api/v1/pictures/") and len(url) < 3_000
    token = url.rpartition("/")[2]
    now_ms = SystemClock().now_ms()
    assert read(token, now_ms + 6 * 86_400_000, KEY) == read(token, now_ms, KEY)
    with pytest.raises(Exception, match="expired"):
        read(token, now_ms + 8 * 86_400_000, KEY)
    return read(token, now_ms, KEY)


SLACK = {"type": "slack", "url_file": "url", "language": "ja", "zone": "Asia/Tokyo"}


async def test_slack_gets_a_link_that_its_servers_can_fetch(tmp_path: Path) -> None:
    said, (asked,) = await told(tmp_path, SLACK, slack_rules)
    assert said == "sent: HTTP 200; with a chart"
    (image,) = [b for b in asked.json["attachments"][0]["blocks"] if b["type"] == "image"]
    shown = checked(image["image_url"])
    assert (shown.series, shown.lang, shown.zone, shown.tenant) == ([SERIES], "ja", "Asia/Tokyo", "default") and image["alt_text"]


async def test_when_slack_cannot_fetch_the_picture_the_message_goes_without_it(tmp_path: Path) -> None:
    def judge(asked: Asked) -> Reply:
        assert b'"image"' not in asked.body, "downloading image failed"
        return slack_rules(asked)

    said, asked = await told(tmp_path, SLACK, judge)
    assert said == "sent: HTTP 200; no chart: with it the message was refused" and len(asked) == 2


async def test_without_a_public_address_no_link_is_written(tmp_path: Path) -> None:
    for public in ("", "http://kizashi.example"):
        said, (asked,) = await told(tmp_path, SLACK, slack_rules, public=public)
        assert said.startswith("sent: HTTP 200; no chart: public_url") and b"/pictures/" not in asked.body


async def test_a_channel_may_say_no(tmp_path: Path) -> None:
    said, (asked,) = await told(tmp_path, {**SLACK, "picture": False}, slack_rules)
    assert said == "sent: HTTP 200" and b"/pictures/" not in asked.body


@pytest.mark.parametrize("kind", ["acknowledged", "resolved"])
async def test_messages_with_nothing_to_show_have_none(kind: Kind, tmp_path: Path) -> None:
    said, _ = await told(
        tmp_path, {"type": "pagerduty", "routing_key_file": "key", "url": "{url}/v2/enqueue"}, pagerduty_rules, n=about_series(kind)
    )
    assert said.startswith("sent") and "chart" not in said


async def test_pagerduty_shows_it_in_the_incident(tmp_path: Path) -> None:
    def judge(asked: Asked) -> Reply:
        """``images`` after the Events API v2: src over https, optional href and alt."""
        (image,) = asked.json["images"]
        assert set(image) <= {"src", "href", "alt"} and image["src"].startswith("https://")
        return Reply(202, body=b"{}")

    said, (asked,) = await told(tmp_path, {"type": "pagerduty", "routing_key_file": "key", "url": "{url}/v2/enqueue"}, judge)
    assert said.endswith("with a chart") and checked(asked.json["images"][0]["src"])


async def test_a_webhook_is_told_where_it_is(tmp_path: Path) -> None:
    body = {"type": "webhook", "url": "{url}/in", "secret_file": "whsec"}
    said, (asked,) = await told(tmp_path, body, lambda _: Reply(204, body=b""))
    assert said.endswith("with a chart") and checked(asked.json["data"]["picture_url"])


async def test_teams_carries_a_small_picture_or_a_link(tmp_path: Path) -> None:
    def image(asked: Asked) -> dict[str, Any]:
        (found,) = [part for part in asked.json["attachments"][0]["content"]["body"] if part["type"] == "Image"]
        return dict(found)

    said, (asked,) = await told(tmp_path, {"type": "teams", "url_file": "url"}, teams_rules, public="")
    assert said.endswith("with a chart") and image(asked)["url"].startswith("data:image/png;base64,iVBOR") and image(asked)["altText"]
    said, (asked,) = await told(tmp_path, {"type": "teams", "url_file": "url"}, teams_rules)
    assert said.endswith("with a chart") and checked(image(asked)["url"])


async def test_a_picture_that_is_too_large_for_teams_costs_no_word_of_the_message(tmp_path: Path) -> None:
    plain = await told(tmp_path, {"type": "teams", "url_file": "url", "picture": False}, teams_rules, public="")
    said, (asked,) = await told(tmp_path, {"type": "teams", "url_file": "url"}, teams_rules, public="", picture=png(120, noise=True))
    assert said.endswith("no chart: the message would be larger than Teams takes") and asked.json == plain[1][0].json


async def test_mail_carries_it_inside(tmp_path: Path) -> None:
    box, loop = Mailbox(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    https = Https(Reach(True, frozenset({f"{HOST}:{port}"})), resolve=here)
    body = {"type": "email", "host": HOST, "port": port, "security": "none", "sender": "kizashi@example.com", "to": ["ops@example.com"]}
    async with gateway() as drawing:
        pictures = Pictures(drawing.url, "", KEY, SystemClock())
        at = Doors(https, SecretFiles(tmp_path), SystemClock(), "https://kizashi.test", pictures)
        outcome = await Switchboard(lambda _t, _n: body, at).send(about_series())
        await pictures.close()
    server.close()
    await server.wait_closed()
    await https.close()
    assert outcome.text == "accepted by the relay; with a chart"
    message: EmailMessage = box.messages[0]
    assert message.get_content_type() == "multipart/alternative"
    plain, related = list(message.iter_parts())
    assert plain.get_content_type() == "text/plain" and related.get_content_type() == "multipart/related"
    html, picture = list(related.iter_parts())
    assert picture.get_content() == png() and picture.get_content_type() == "image/png"
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html.get_content() and picture.get_content_disposition() == "inline"
    assert message.get_body(("plain",)) is not None


async def test_apprise_attaches_it_where_the_service_takes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise", reason="Apprise is an optional extra")
    async with receiver() as running, gateway() as drawing:
        running.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        pictures = Pictures(drawing.url, "", KEY, SystemClock())
        opened = Https(Reach(True, frozenset({f"127.0.0.1:{running.port}"})), running.trust())
        (tmp_path / "a").write_text(f"jsons://127.0.0.1:{running.port}/x")
        board = Switchboard(
            lambda _t, _n: {"type": "apprise", "url_file": "a"}, replace(doors(running, tmp_path), https=opened, pictures=pictures)
        )
        outcome = await board.send(about_series())
        assert outcome.text == "taken; with a chart"
        (attached,) = running.asked[0].json["attachments"]
        assert attached["mimetype"] == "image/png" and attached["base64"].startswith("iVBOR")
        await pictures.close()
        await opened.close()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"delay_s": 30.0}, "within"), ({"status": 503}, "within"), ({"status": 404}, "answered 404"), ({"status": 302}, "answered 302"),
        ({"body": b"<html>log in</html>"}, "no PNG"), ({"body": b""}, "no PNG"), ({"body": b"x" * 1_100_000}, "too large"),
    ],
    ids=str,
)  # fmt: skip
async def test_whatever_the_gateway_does_the_page_goes_out_in_time(how: dict[str, Any], why: str, tmp_path: Path) -> None:
    async with receiver() as running, gateway(**how) as drawing:
        (tmp_path / "url").write_text(running.url("/hook"))
        pictures = Pictures(drawing.url, PUBLIC, KEY, SystemClock(), within_s=0.5)
        board = Switchboard(lambda _t, _n: SLACK, replace(doors(running, tmp_path, SystemClock()), pictures=pictures))
        began = time.monotonic()
        outcome = await board.send(about_series())
        assert time.monotonic() - began < 3.0  # half a second and the exchange with the channel, on a machine with much to do
        assert outcome.state == "sent" and "no chart" in outcome.text and why in outcome.text and len(running.asked) == 1
        await board.doors.https.close()
        await pictures.close()


@pytest.mark.parametrize("status", [500, 429])
async def test_after_a_failure_nobody_waits_for_half_a_minute(status: int) -> None:
    clock = ManualClock(NOW)
    async with gateway(clock.now_ms, status=status) as drawing:
        pictures = Pictures(drawing.url, PUBLIC, KEY, clock)
        assert isinstance(await pictures.of(about_series(), "en", "UTC"), Without)
        for _ in range(50):
            assert isinstance(await pictures.of(about_series(), "en", "UTC"), Without)
        assert drawing.requests == 1
        drawing.status = 200
        clock.advance(module.REST_S + 1)
        assert isinstance(await pictures.of(about_series(), "en", "UTC"), Attached)
        await pictures.close()


async def test_one_series_that_cannot_be_drawn_stops_no_other() -> None:
    async with gateway(status=404) as drawing:
        pictures = Pictures(drawing.url, PUBLIC, KEY, SystemClock())
        assert isinstance(await pictures.of(about_series(), "en", "UTC"), Without)
        drawing.status = 200
        assert isinstance(await pictures.of(about_series(), "en", "UTC"), Attached)
        await pictures.close()


async def test_a_gateway_that_is_away_costs_nothing() -> None:
    pictures = Pictures("http://127.0.0.1:1", PUBLIC, KEY, SystemClock())
    assert isinstance(await pictures.of(about_series(), "en", "UTC"), Without)
    await pictures.close()


async def test_a_storm_asks_for_a_few_pictures() -> None:
    clock = ManualClock(NOW)
    async with gateway(clock.now_ms) as drawing:
        pictures = Pictures(drawing.url, PUBLIC, KEY, clock)
        found = [await pictures.of(about_series(), "en", "UTC") for _ in range(1_000)]
        assert drawing.requests == module.BURST == sum(isinstance(f, Attached) for f in found)
        clock.advance(5)
        for _ in range(100):
            await pictures.of(about_series(), "en", "UTC")
        assert drawing.requests == module.BURST + 5 * module.A_SECOND
        await pictures.close()


async def test_no_more_than_four_are_waited_for_at_once() -> None:
    async with gateway(delay_s=0.3) as drawing:
        pictures = Pictures(drawing.url, PUBLIC, KEY, SystemClock())
        found = await asyncio.gather(*(pictures.of(about_series(), "en", "UTC") for _ in range(12)))
        assert sum(isinstance(f, Attached) for f in found) == module.AT_ONCE == drawing.requests
        await pictures.close()


def test_which_chart_a_message_has() -> None:
    n = about_series()
    chart = chart_of(n, "ja", "Asia/Tokyo")
    assert chart is not None and chart.to_ms - chart.from_ms == BACK_MS and chart.to_ms == NOW
    assert chart.threshold is None and chart.shaded == [(NOW - 60_000, NOW)] and (chart.lang, chart.zone) == ("ja", "Asia/Tokyo")
    limit = msgspec.structs.replace(n.alerts[0], lower=None, upper=0.9)
    drawn = chart_of(msgspec.structs.replace(n, alerts=[limit]), "en", "UTC")
    assert drawn is not None and drawn.threshold == 0.9, "a rule's limit"
    assert chart_of(notification(), "en", "UTC") is None, "no alert is about a series"
    assert chart_of(msgspec.structs.replace(n, alerts=[]), "en", "UTC") is None
    assert (series_of("incident-1"), series_of(f"{SERIES}x"), series_of(f"{SERIES}:level")) == ("", "", SERIES)


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ({}, "http://127.0.0.1:8080"), ({"bind": "0.0.0.0"}, "http://127.0.0.1:8080"), ({"bind": "10.0.0.5", "port": 9}, "http://10.0.0.5:9"),
        ({"bind": "0.0.0.0", "gateway_host": "gateway"}, "http://gateway:8080"), ({"gateway_host": "fd00::1"}, "http://[fd00::1]:8080"),
        ({"bind": "fd00::1"}, "http://[fd00::1]:8080"),
    ],
    ids=str,
)  # fmt: skip
def test_where_alerting_asks(said: dict[str, Any], url: str) -> None:
    assert Settings(**said).gateway_url == url
