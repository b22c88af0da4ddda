"""The page of a house that is starting: told to browsers and programs, gone when the gateway needs the port."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from kizashi.settings import Settings
from kizashi.standalone.probe import free_port
from kizashi.standalone.start_page import TEXTS, StartPage, let_go

BROWSER = "GET /login?token=x HTTP/1.1\r\nHost: h\r\nAccept: text/html,*/*;q=0.8\r\nAccept-Language: {lang}\r\n\r\n"


def parts() -> list[tuple[str, str]]:
    return [("kafka", "ready"), ("<b>", "starting")]


async def asked(port: int, head: bytes) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    answer = (await reader.read()).decode()
    writer.close()
    head_, _, body = answer.partition("\r\n\r\n")
    return head_, body


@pytest.mark.parametrize(("lang", "told"), [("en-GB,en", "en"), ("ja,en;q=0.5", "ja"), ("", "en")])
async def test_a_browser_sees_the_parts_in_its_language(lang: str, told: str) -> None:
    page = StartPage("127.0.0.1", port := free_port(), parts)
    await page.open()
    head, body = await asked(port, BROWSER.format(lang=lang).encode())
    page.close()
    assert head.startswith("HTTP/1.1 503 ") and "Retry-After: 1" in head and "text/html" in head
    assert TEXTS[told]["title"] in body and f"<dd>{TEXTS[told]['starting']}</dd>" in body
    assert "<b>" not in body and "&lt;b&gt;" in body


async def test_programs_get_json_and_the_port_is_free_for_the_gateway_at_once() -> None:
    page = StartPage("127.0.0.1", port := free_port(), parts)
    await page.open()
    head, body = await asked(port, b"POST /api/v1/query HTTP/1.1\r\nHost: h\r\n\r\n")
    assert "application/problem+json" in head and json.loads(body)["parts"][0] == ["kafka", "ready"]
    head, body = await asked(port, b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert head.startswith("HTTP/1.1 503 ") and body == ""
    await asyncio.to_thread(let_go, Settings(bind="0.0.0.0").near_host, port)
    with socket.create_server(("127.0.0.1", port)):
        pass
    page.close()


@pytest.mark.parametrize(
    "head", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\x00 \r\nnonsense\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"]
)
async def test_nonsense_ends_one_connection_and_nothing_else(head: bytes) -> None:
    page = StartPage("127.0.0.1", port := free_port(), parts)
    await page.open()
    try:
        answer, _ = await asked(port, head)
    except ConnectionError:
        answer = ""
    assert not answer or answer.startswith("HTTP/1.1 503 ")
    assert (await asked(port, b"GET /starting.json HTTP/1.1\r\n\r\n"))[0].startswith("HTTP/1.1 503 ")
    page.close()


async def test_a_taken_port_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        page = StartPage("127.0.0.1", other.getsockname()[1], parts)
        await page.open()
        page.close()


def test_both_languages_say_the_same_things() -> None:
    assert TEXTS["en"].keys() == TEXTS["ja"].keys()
