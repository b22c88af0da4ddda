"""The doors when the other side fails, and what may never leave them: secrets."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.clock import ManualClock
from kizashi.errors import ConfigurationError, Refused
from kizashi.secret_files import SecretFiles
from services.alerting.breaker import LONGEST_OPEN_S, Breaker
from services.alerting.channels.heartbeat import Heartbeats
from services.alerting.channels.https import Https
from services.alerting.channels.kinds import Mail, Webhook, decode_channel
from services.alerting.channels.outcome import of_status
from services.alerting.channels.switchboard import Switchboard, example
from services.alerting.page import WORDS, page_of
from services.alerting.retry import LONGEST_S, delay_s, retry_after_s, spent_s
from services.alerting.targets import Reach
from services.alerting.templates import check, fill
from tests.unit.alerting.channels.receiver import Reply, doors, receiver

NOW = 1_764_000_000_000
SLACK = {"type": "slack", "url_file": "url"}


@pytest.mark.parametrize(
    ("reply", "state", "text", "after_s"),
    [
        (Reply(200), "sent", "HTTP 200", None),
        (Reply(500, body=b"boom\r\nx"), "retry", "HTTP 500: boom x", None),
        (Reply(503, {"Retry-After": "17"}, b""), "retry", "HTTP 503", 17.0),
        (Reply(429, {"Retry-After": "Mon, 24 Nov 2025 16:01:00 GMT"}, b""), "retry", "HTTP 429", 60.0),
        (Reply(404, body=b"no_such_hook"), "failed", "HTTP 404: no_such_hook", None),
        (Reply(302, {"Location": "https://169.254.169.254/"}), "failed", "redirects are not followed", None),
        (Reply(0), "retry", "the connection failed", None),
        (Reply(200, delay_s=3.0), "retry", "no answer within 0.3 s", None),
        (Reply(200, body=b"x" * 300_000), "sent", "HTTP 200", None),
        (Reply(400, body=b"\xff\x00\x1b[31m"), "failed", "HTTP 400: ", None),
    ],
)  # fmt: skip
async def test_every_answer_has_its_meaning(reply: Reply, state: str, text: str, after_s: float | None, tmp_path: Path) -> None:
    async with receiver(reply) as running:
        at = doors(running, tmp_path, ManualClock(NOW), within_s=0.3 if reply.delay_s else 5.0)
        outcome = await at.https.tell(running.url(), b"{}", {})
        await at.https.close()
    assert (outcome.state, outcome.retry_after_s) == (state, after_s) and text in outcome.text and outcome.text.isprintable()


async def test_names_that_do_not_resolve_and_ports_that_nobody_listens_on_are_tried_again(tmp_path: Path) -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def slow(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with receiver() as running:
        url = running.url()
        for resolve in (nowhere, slow):
            at = doors(running, tmp_path, resolve=resolve, within_s=0.2)
            assert (await at.https.tell(url, b"", {})).state == "retry"
            await at.https.close()
        at = doors(running, tmp_path)
    closed = await at.https.tell(url, b"", {})
    await at.https.close()
    assert closed.state == "retry" and "127.0.0.1" not in closed.text


async def test_the_second_address_is_tried_when_the_first_does_not_answer(tmp_path: Path) -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with receiver() as running:
        at = doors(running, tmp_path, resolve=both)
        assert (await at.https.tell(running.url(), b"", {})).state == "sent"
        await at.https.close()


async def test_no_cookie_is_kept_and_no_proxy_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with receiver(Reply(200, {"Set-Cookie": "a=b"})) as running:
        at = doors(running, tmp_path)
        for _ in range(2):
            assert (await at.https.tell(running.url(), b"", {})).state == "sent"
        assert running.connections == 1, "a connection is used again"
        await at.https.close()
    assert not any("cookie" in a.headers for a in running.asked)


def test_secrets_are_named_not_written_and_never_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("s3cret\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "lines").write_text("a\nb")
    (tmp_path / "big").write_bytes(b"a" * 9_000)
    secrets = SecretFiles(tmp_path)
    assert secrets.read("good", "default") == "s3cret"
    for name in ("../good", "/etc/passwd", "..", "", ".hidden", "absent", "empty", "binary", "lines", "big", "a/b", "good\n"):
        with pytest.raises(Refused) as refused:
            secrets.read(name, "default")
        assert "s3cret" not in str(refused.value) and str(tmp_path) not in str(refused.value)
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "own").write_text("acmes")
    assert secrets.read("own", "acme") == "acmes"
    for name, tenant in (("good", "acme"), ("own", "default"), ("own", ".."), ("own", "acme/../acme"), ("good", "."), ("good", "")):
        with pytest.raises(Refused):
            secrets.read(name, tenant)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"type": "slack", "url": "https://hooks.slack.com/T0K3N"}, "'url' of a slack channel is a secret"),
    ({"type": "pagerduty", "routing_key": "T0K3N"}, "'routing_key' of a pagerduty channel is a secret"),
    ({"type": "email", "host": "a", "sender": "a@b", "to": ["c@d"], "password": "T0K3N"}, "is a secret"),
    ({"type": "slack", "url_file": "../../etc/shadow"}, "url_file"),
    ({"type": "slack"}, "url_file"),
    ({"type": "fax"}, "type"),
    ({}, "type"),
    ({"type": "slack", "url_file": "u", "colour": "T0K3N"}, "colour"),
    ({"type": "slack", "url_file": "u", "zone": "Mars/Phobos"}, "zone"),
    ({"type": "slack", "url_file": "u", "zone": "../../etc/passwd"}, "zone"),
    ({"type": "slack", "url_file": "u", "zone": "Asia"}, "zone"),
    ({"type": "slack", "url_file": "u", "title": "a\n{{ titel }}"}, "title, line 2: there is no 'titel'"),
    ({"type": "slack", "url_file": "u", "text": "{{ title.__class__ }}"}, "text, line 1"),
    ({"type": "slack", "url_file": "u", "text": "{{ title"}, "has no '}}'"),
    ({"type": "slack", "url_file": "u", "text": "a" * 4_001}, "4000 characters"),
    ({"type": "slack", "url_file": "u", "give_up_after_s": 0}, "give_up_after_s"),
    ({"type": "webhook", "secret_file": "s"}, "either 'url' or 'url_file'"),
    ({"type": "webhook", "secret_file": "s", "url": "https://a.example", "url_file": "u"}, "either"),
    ({"type": "email", "host": "a", "sender": "a@b", "to": []}, "to"),
    ({"type": "email", "host": "a", "sender": "a@b\r\nBcc: c@d", "to": ["c@d"]}, "sender"),
    ({"type": "email", "host": "a", "sender": "a@b", "to": ["c@d, e@f"]}, "to"),
    ({"type": "email", "host": "a", "sender": "a@b", "to": ["c@d"], "security": "maybe"}, "security"),
]


@pytest.mark.parametrize(("body", "said"), BAD)
def test_a_bad_channel_is_refused_with_its_field_and_never_its_value(body: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        decode_channel(body)
    assert said in str(refused.value) and "T0K3N" not in str(refused.value)


def test_good_channels_are_taken() -> None:
    mail = decode_channel({"type": "email", "host": "relay.example", "sender": "a@b.example", "to": ["c@d.example"], "fallback": "x"})
    assert isinstance(mail, Mail) and (mail.security, mail.fallback) == ("starttls", "x")
    hook = decode_channel({"type": "webhook", "url": "https://a.example", "secret_file": "s", "give_up_after_s": 60})
    assert isinstance(hook, Webhook) and hook.give_up_after_s == 60


async def test_the_last_channel_of_a_chain_has_the_whole_time(tmp_path: Path) -> None:
    mail: dict[str, Any] = {"type": "email", "host": "a.example", "sender": "a@b.example", "to": ["c@d.example"]}
    channels = {"a": {**mail, "fallback": "b"}, "b": {**mail, "fallback": "a"}, "self": {**mail, "fallback": "self"}}
    channels["hasty"] = {**mail, "give_up_after_s": 60}
    channels["lost"] = {**mail, "fallback": "nobody"}
    channels["easy"] = {**mail, "fallback": "topic"}
    board = Switchboard(lambda _t, name: channels.get(name), doors(None, tmp_path))
    first, alone, hasty, lost, easy = (example("default", name, NOW) for name in ("a", "self", "hasty", "lost", "easy"))
    last = msgspec.structs.replace(first, channel="b", given_up=["a"])
    assert [(board.has_fallback(n), board.budget_s(n)) for n in (first, last, alone, hasty, lost, easy)] == [
        (True, 300), (False, 14_400), (False, 14_400), (False, 60), (False, 14_400), (True, 300),
    ]  # fmt: skip
    await board.doors.https.close()


async def test_a_secret_that_is_wrong_or_missing_fails_without_being_shown(tmp_path: Path) -> None:
    async with receiver() as running:
        for secret in ("T0K3N", "whsec_T0K3N!", "whsec_" + "QUFB"):
            (tmp_path / "s").write_text(secret)
            board = Switchboard(lambda _t, _n: {"type": "webhook", "url": running.url(), "secret_file": "s"}, doors(running, tmp_path))
            outcome = await board.send(example("default", "x", NOW))
            assert outcome.state == "failed" and "whsec_" in outcome.text and "T0K3N" not in outcome.text and not running.asked
        board = Switchboard(lambda _t, _n: SLACK, doors(running, tmp_path))
        outcome = await board.send(example("default", "x", NOW))
        assert outcome.state == "failed" and "'url'" in outcome.text


async def test_a_channel_that_is_not_there_says_so_and_the_topic_always_is(tmp_path: Path) -> None:
    board = Switchboard(lambda _t, _n: None, doors(None, tmp_path))
    assert (await board.send(example("default", "gone", NOW))).text == "there is no channel 'gone'"
    assert (await board.send(example("default", "topic", NOW))).state == "sent"
    assert not board.has_fallback(example("default", "gone", NOW)) and board.budget_s(example("default", "gone", NOW)) == 14_400
    beat = Switchboard(lambda _t, _n: {"type": "heartbeat", "url_file": "u"}, doors(None, tmp_path))
    assert (await beat.send(example("default", "b", NOW))).state == "failed"
    await board.doors.https.close()


async def test_a_relay_without_tls_needs_the_operator(tmp_path: Path) -> None:
    body = {"type": "email", "host": "10.0.0.5", "security": "none", "sender": "a@b.example", "to": ["c@d.example"]}
    board = Switchboard(lambda _t, _n: body, doors(None, tmp_path))
    assert "without TLS" in (await board.send(example("default", "m", NOW))).text
    inside = Switchboard(lambda _t, _n: {**body, "security": "tls", "host": "relay.example"}, doors(None, tmp_path))
    assert "this machine itself" in (await inside.send(example("default", "m", NOW))).text


async def test_the_heart_beats_only_while_alerting_lives(tmp_path: Path) -> None:
    clock, alive = ManualClock(NOW), [True]
    async with receiver(Reply(200), Reply(500), Reply(500), Reply(200)) as running:
        (tmp_path / "dms").write_text(running.url("/ping"))
        channels: list[tuple[str, str, dict[str, Any]]] = [
            ("default", "dms", {"type": "heartbeat", "url_file": "dms", "every_s": 60}),
            ("default", "bad", {"type": "heartbeat", "url_file": "absent"}),
            ("default", "broken", {"type": "heartbeat"}),
            ("default", "other", SLACK),
        ]
        at = doors(running, tmp_path, clock)

        async def living() -> bool:
            return alive[0]

        hearts = Heartbeats(lambda: channels, living, at, clock)
        assert [await hearts.beat(), await hearts.beat()] == [1, 0]
        tried = await Switchboard(lambda _t, _n: None, at).send_test("default", channels[0][2])
        assert (tried.state, tried.text) == ("retry", "HTTP 500: ok"), "the test button pings"
        clock.advance(61)
        assert await hearts.beat() == 0 and len(running.asked) == 3, "a 500 is no heartbeat, and is not hidden"
        alive[0] = False
        clock.advance(600)
        assert await hearts.beat() == 0 and len(running.asked) == 3
        alive[0], stop = True, asyncio.Event()
        task = asyncio.create_task(hearts.run(stop))
        async with asyncio.timeout(10):
            while len(running.asked) < 4:  # noqa: ASYNC110 - the server knows no event of ours
                await asyncio.sleep(0.01)
        stop.set()
        await task
        await at.https.close()


def test_templates_fill_names_and_nothing_else() -> None:
    page = page_of(example("default", "x", NOW), "https://kizashi.test")
    text = "{{ severity }} {{labels.service}} {{ annotations.cause }} {{ value }} {{ labels.absent }}|{{ rule }} {{ count }} {{ kind }}"
    check(text, "text")
    assert fill(text, page) == "warning checkout deploy 2.14 of payments, 3 min before 1.84 |test 1 FIRING"
    inside = page_of(example("default", "{{ key }}", NOW), "")
    assert "{{" not in fill("{{ group }}", inside)
    n = example("default", "x", NOW)
    n.title = "{{ key }}"
    assert fill("{{ title }}", page_of(n, "")) == "{{ key }}", "what is filled in is not looked at again"


def test_both_languages_say_everything() -> None:
    assert WORDS["en"].keys() == WORDS["ja"].keys()
    for language in ("en", "ja"):
        plain = page_of(example("default", "x", NOW), "https://kizashi.test", language, "Asia/Tokyo").plain()
        for part in ("1.84", "0.29 … 0.55", "JST", "errors x 9", "deploy 2.14", "cart (likely)", "/runbook", "/alerts?silence=alert-test"):
            assert part in plain, (language, part)


@given(st.text(max_size=200), st.floats(allow_nan=True))
def test_no_text_of_a_label_begins_a_line_of_its_own(text: str, value: float) -> None:
    n = example("default", "x", NOW)
    lines = len(page_of(n, "").plain().splitlines())
    n.title = n.alerts[0].title = n.alerts[0].annotations["cause"] = f"x{text}x"
    n.alerts[0].value = value
    assert len(page_of(n, "").plain().splitlines()) == lines


def test_statuses() -> None:
    for status in (200, 202, 204):
        assert of_status(status, "", None).state == "sent"
    for status in (408, 425, 429, 500, 502, 503, 599):
        assert of_status(status, "", None).state == "retry"
    for status in (300, 304, 400, 401, 403, 404, 410, 413):
        assert of_status(status, "", None).state == "failed"


def test_delays_grow_to_five_minutes_and_spread() -> None:
    for attempt in range(1, 60):
        whole = min(LONGEST_S, 2.0 ** (attempt - 1))
        waits = {delay_s(0, f"k{i}", attempt) for i in range(50)}
        assert len(waits) == 50 and all(whole / 2 <= w < whole for w in waits)
    assert delay_s(1, "k", 3) == delay_s(1, "k", 3) != delay_s(2, "k", 3)
    assert spent_s(5_000, 2_000, 3.0) == 3.0 and spent_s(0, 2_000, 3.0) == 5.0


@given(st.text(max_size=60))
def test_any_retry_after_is_a_wait_or_none(text: str) -> None:
    found = retry_after_s(text, NOW)
    assert found is None or 0 <= found <= 3_600


def test_a_breaker_opens_probes_and_closes() -> None:
    b, now = Breaker(), 0.0
    for _ in range(4):
        b.failed(now)
    assert b.state == "closed" and b.take(now)
    b.failed(now)
    waits = []
    for _ in range(6):
        assert b.state == "open" and not b.take(now)
        waits.append(b.wait_s(now))
        now += b.wait_s(now)
        assert b.take(now) and b.state == "half-open" and not b.take(now)
        b.failed(now)
    assert waits == [30, 60, 120, 240, LONGEST_OPEN_S, LONGEST_OPEN_S]
    now += LONGEST_OPEN_S
    assert b.take(now)
    b.answered()
    assert b.state == "closed" and b.take(now) and b.take(now)


def test_a_request_does_not_look_for_a_package_that_is_not_there() -> None:
    """httpcore tries to import sniffio six times a request: it is there, or known not to be."""
    Https(Reach())
    assert "sniffio" in sys.modules
    missing = sys.modules.get("sniffio") is None
    with pytest.raises(ImportError) if missing else contextlib.nullcontext():
        importlib.import_module("sniffio")
