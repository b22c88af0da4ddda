"""The load generator: its own waiting is not the server's, an error is counted, and pages ask routes that there are."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from kizashi.errors import Refused
from services.gateway.bench import Tally, cost, run
from services.gateway.bench_http import BadAnswer, Browser, Wire
from services.gateway.bench_pages import Pages
from services.gateway.roles import ROUTES
from services.gateway.times import parse_span

ROWS = [{"id": f"{n:016x}", "service": f"s{n % 3}", "metric": "cpu"} for n in range(60)]
STALL_S = 0.3


def busy() -> None:
    """As a client that has other things to do."""
    time.sleep(STALL_S)


@pytest.fixture
def server() -> Iterator[tuple[str, int]]:
    """Answers in a thread of its own: ``/slow`` after STALL_S, ``/odd`` with something that is not HTTP as measured, others at once."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(5)

    def serve(one: socket.socket) -> None:
        with one, contextlib.suppress(ConnectionError):
            while request := one.recv(65536):
                path = request.split()[1]
                if path == b"/slow":
                    time.sleep(STALL_S)
                if path == b"/gone":
                    return
                if path == b"/last":  # answered, and then the server hangs up, as it does to a connection that idles
                    one.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                    return
                head = b"HTTP/1.1 200 OK\r\n" + (b"" if path == b"/odd" else b"content-length: 100000\r\n") + b"\r\n"
                one.sendall(head + b"x" * 50_000)
                one.sendall(b"y" * 50_000)

    def accept() -> None:
        while True:
            try:
                one, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listening.getsockname()
    listening.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's time of arrival is Linux's")
def test_a_client_that_wakes_late_does_not_count_it_as_the_servers_time(server: tuple[str, int]) -> None:
    async def work() -> None:
        wire = await Wire.open(*server)
        asked = asyncio.create_task(wire.ask(b"GET / HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0)
        busy()  # the answer is there long before the client looks
        answer = await asked
        wire.close()
        assert answer.kernel and len(answer.body) == 100_000
        assert answer.seconds < STALL_S / 2 < answer.late_s

    asyncio.run(work())


def test_the_servers_time_is_counted(server: tuple[str, int]) -> None:
    async def work() -> None:
        browser = Browser(*server, key="k")
        assert (await browser.get("/slow")).seconds >= STALL_S
        fast = await browser.get("/")
        assert (fast.status, fast.seconds < STALL_S) == (200, True)
        browser.close()

    asyncio.run(work())


@pytest.mark.parametrize("path", ["/odd", "/gone"])
def test_an_answer_that_cannot_be_measured_is_an_error(server: tuple[str, int], path: str) -> None:
    async def work() -> None:
        browser = Browser(*server, key="k")
        with pytest.raises(BadAnswer):
            await browser.get(path)
        assert (await browser.get("/")).status == 200  # on a new connection
        browser.close()

    asyncio.run(work())


def test_a_connection_that_the_server_let_go_is_not_used_again(server: tuple[str, int]) -> None:
    async def work() -> tuple[int, int]:
        browser = Browser(*server, "key")
        try:
            first = await browser.get("/last")
            await asyncio.sleep(0.1)
            async with asyncio.timeout(2):
                second = await browser.get("/")
            return len(first.body), len(second.body)
        finally:
            browser.close()

    assert asyncio.run(work()) == (2, 100_000)


def test_every_page_asks_routes_that_there_are_for_a_span_that_ends_now() -> None:
    pages, dice, now_ms = Pages(ROWS), random.Random(1), 1_800_000_000_000
    asks = [ask for _ in range(300) for step in pages.click(dice, now_ms) for ask in step]
    asks += [chart(now_ms) for chart in pages.dashboard(dice)] + [ask(now_ms) for ask in pages.kinds(dice).values()]
    assert {ask.name for ask in asks} >= {"overview", "series", "episodes", "incidents", "risks", "annotations", "chart, dashboard"}
    for ask in asks:
        url = urlsplit(ask.path)
        assert ("GET", url.path) in ROUTES
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if "from" in asked:
            span = parse_span(asked["from"], asked.get("to", "now"), now_ms, 1 << 60)
            assert span.end_ms == now_ms


def test_pages_of_a_house_without_series_ask_for_no_chart() -> None:
    pages, dice = Pages([]), random.Random(1)
    assert pages.dashboard(dice) == []
    assert not [ask for _ in range(200) for step in pages.click(dice, 0) for ask in step if "range" in ask.path]


def test_a_report_has_the_quantiles_and_the_errors() -> None:
    tally = Tally()
    tally.seconds = {"a": [0.001 * n for n in range(1, 101)]}
    tally.failed("a 503")
    tally.heard('{"op":"points","series":[{"id":"1","ts":[1]}]}')
    report = tally.report(10.0, 1.0)
    assert report["all_ms"] == {"p50": 51.0, "p95": 96.0, "p99": 100.0, "worst": 100.0}
    assert (report["errors"], report["requests_per_s"]) == ({"a 503": 1}, 10.0)


def test_tls_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused, match="name its own port"):
        run(cost("https://127.0.0.1:1", "k", dict))
