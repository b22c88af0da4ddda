"""Load on a running gateway: people with a dashboard open, a WebSocket, and clicks. One process, no tool to install.

Used by ``kizashi bench gateway`` and ``deploy/load/load.py``; prints numbers only, judges nothing. Each person asks what the web
client asks (``bench_pages``), thinks, and clicks again. Latencies end where the kernel got the last byte (``bench_http``).
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import uvloop

from kizashi.errors import Recoverable, Refused
from services.gateway.bench_http import Browser
from services.gateway.bench_pages import Ask, Pages

THINK_S = (2.0, 6.0)
"""Pause between two clicks of one person, evenly spread: a click every four seconds."""
REFRESH_S = 60.0
"""The web client folds live points into its charts and asks again once a minute, for what landed late."""
GLANCE_S = 0.2
"""``overview_only``: five questions a second and person."""
SUBSCRIPTIONS = 10
COUNTED = ("gateway", "clickhouse")
"""Parts that a request is worked on in."""
SERIES_A_SUBSCRIPTION = 5
RAMP_S = 4.0
"""People do not come in the same millisecond."""
TIMEOUT_S = 30.0
LOOKED_AT = 16
"""Of so many messages of points one is decoded for its delay: to decode all would cost more than the server's work."""


@dataclass
class Tally:
    """What happened. Latencies in seconds by route."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    late_s: list[float] = field(default_factory=list)
    """How much later than the kernel this process noticed an answer; not counted as latency."""
    delays_s: list[float] = field(default_factory=list)
    """From the time of a point to its arrival on a WebSocket."""
    errors: dict[str, int] = field(default_factory=dict)
    received: int = 0
    kernel: bool = True
    messages: int = 0
    points: int = 0
    conflated: int = 0

    def failed(self, what: str) -> None:
        """Count an error by its name."""
        self.errors[what] = self.errors.get(what, 0) + 1

    def heard(self, text: str) -> None:
        """Count a message of a WebSocket."""
        self.messages += 1
        self.conflated += '"conflated":true' in text
        if found := text.count('"ts":'):
            self.points += found
            if self.messages % LOOKED_AT == 0:
                now_ms = time.time() * 1_000
                self.delays_s += [(now_ms - s["ts"][-1]) / 1_000 for s in json.loads(text).get("series", ()) if s["ts"]]

    def report(self, took_s: float, cpu_s: float) -> dict[str, object]:
        """Quantiles by route and the counts, as JSON holds them."""
        everything = sorted(s for route in self.seconds.values() for s in route)
        websocket = {"messages": self.messages, "points": self.points, "conflated": self.conflated}
        return {
            "took_s": round(took_s, 1),
            "requests": len(everything),
            "requests_per_s": round(len(everything) / took_s, 1),
            "megabytes": round(self.received / 1e6, 1),
            "errors": self.errors,
            "all_ms": quantiles(everything),
            "routes_ms": {name: {"requests": len(s), **quantiles(sorted(s))} for name, s in sorted(self.seconds.items())},
            "websocket": websocket | {"delay_ms": quantiles(sorted(self.delays_s))},
            "driver": {
                "cores": round(cpu_s / took_s, 2),
                "clock": "kernel" if self.kernel else "process",
                "noticed_late_ms": quantiles(sorted(self.late_s)),
            },
        }


def quantiles(ordered: list[float]) -> dict[str, float]:
    """p50, p95, p99 and the worst of ascending seconds, in ms; empty when there are none."""
    if not ordered:
        return {}
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "worst": 1.0}
    return {name: round(1_000 * ordered[min(len(ordered) - 1, int(q * len(ordered)))], 1) for name, q in at.items()}


def run(work: Coroutine[Any, Any, dict[str, object]]) -> dict[str, object]:
    """Run a load on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def load(url: str, key: str, people: int, seconds: float) -> dict[str, object]:
    """``people`` with a dashboard open, a WebSocket of ten subscriptions, and a click every few seconds, for ``seconds``; the report."""
    return await _crowd(url, key, people, seconds, lambda person: [person.click(), person.keep_open(), person.watch()])


async def overview_only(url: str, key: str, people: int, seconds: float) -> dict[str, object]:
    """``people`` who only look at the overview, each five times a second; the report."""
    return await _crowd(url, key, people, seconds, lambda person: [person.glance()])


async def watch_only(url: str, key: str, people: int, seconds: float) -> dict[str, object]:
    """``people`` connections of ten subscriptions each and no clicks; the report."""
    return await _crowd(url, key, people, seconds, lambda person: [person.watch()])


COST_REQUESTS = 200
"""The system counts CPU in hundredths of a second: 0.05 ms a request."""
COST_EVERY_S = 0.025
"""Below the limit of requests of one key."""
SETTLE_S = 3.0


async def cost(url: str, key: str, used: Callable[[], Mapping[str, float]]) -> dict[str, object]:
    """CPU-ms that one request of each kind costs in each part of the house, one request after the other.

    ``used`` gives the CPU seconds of every part so far. What the parts use when nobody asks is measured first and taken away.
    """
    browser = _browser(url, key)
    try:
        pages = Pages(json.loads((await browser.get("/api/v1/series?limit=1000")).body)["items"])
        began, before = time.monotonic(), used()
        await asyncio.sleep(SETTLE_S)
        idle = {name: (now - before[name]) / (time.monotonic() - began) for name, now in used().items()}
        return {name: await _cost(browser, ask, used, idle) for name, ask in pages.kinds(random.Random(1)).items()}
    finally:
        browser.close()


async def _cost(
    browser: Browser, ask: Callable[[int], Ask], used: Callable[[], Mapping[str, float]], idle: Mapping[str, float]
) -> dict[str, float]:
    await browser.get(ask(_now_ms()).path)
    began, before = time.monotonic(), used()
    for _ in range(COST_REQUESTS):
        answer = await browser.get(ask(_now_ms()).path)
        if answer.status != 200:
            raise Recoverable(f"{ask(0).path} was answered with {answer.status}: {answer.body[:200].decode(errors='replace')}")
        await asyncio.sleep(COST_EVERY_S)
    took_s = time.monotonic() - began
    spent = {name: (now - before[name] - idle[name] * took_s) / COST_REQUESTS * 1_000 for name, now in used().items()}
    return {name: round(ms, 2) for name, ms in spent.items() if name in COUNTED} | {"bytes": len(answer.body)}


Doing = Callable[["Person"], list[Coroutine[Any, Any, None]]]


async def _crowd(url: str, key: str, people: int, seconds: float, doing: Doing) -> dict[str, object]:
    tally = Tally()
    async with (
        aiohttp.ClientSession(url, headers=bearer(key), connector=aiohttp.TCPConnector(limit=0)) as client,
        _keys(client, people) as keys,
    ):
        async with client.get("/api/v1/series", params={"limit": "1000"}) as answer:
            answer.raise_for_status()
            pages = Pages((await answer.json())["items"])
        began, used = time.monotonic(), time.process_time()
        crowd = [
            Person(
                client,
                own,
                _browser(url, own),
                pages,
                tally,
                began + seconds,
                random.Random(n),
            )
            for n, own in enumerate(keys)
        ]
        jobs = [asyncio.create_task(job) for person in crowd for job in doing(person)]
        for result in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(result, BaseException):
                tally.failed(type(result).__name__)
        took_s, cpu_s = time.monotonic() - began, time.process_time() - used
        for person in crowd:
            person.browser.close()
    return tally.report(took_s, cpu_s)


@asynccontextmanager
async def _keys(client: aiohttp.ClientSession, people: int) -> AsyncIterator[list[str]]:
    """A key a person, as people have sessions of their own: limits count by key. Made with an administrator's key, deleted at the end."""

    async def make(n: int) -> dict[str, Any]:
        async with client.post("/api/v1/tokens", json={"name": f"load {n}", "scopes": ["read"], "expires_days": 1}) as answer:
            answer.raise_for_status()
            made: dict[str, Any] = await answer.json()
            return made

    async def drop(prefix: str) -> None:
        async with client.delete(f"/api/v1/config/key/{prefix}", headers={"If-Match": '"1"'}) as answer:
            await answer.read()

    made = await asyncio.gather(*(make(n) for n in range(people)))
    try:
        yield [one["key"] for one in made]
    finally:
        await asyncio.gather(*(drop(one["prefix"]) for one in made))


def _browser(url: str, key: str) -> Browser:
    """Raises Refused for TLS: what its records take to open would be measured as the server's."""
    address = urlsplit(url)
    if address.scheme != "http":
        raise Refused(f"{url}: the load client speaks plain HTTP, so that it measures the gateway alone: name its own port")
    return Browser(address.hostname or "127.0.0.1", address.port or 80, key)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def bearer(key: str) -> dict[str, str]:
    """The header of a key."""
    return {"Authorization": f"Bearer {key}"}


@dataclass
class Person:
    """One of the crowd."""

    client: aiohttp.ClientSession
    key: str
    browser: Browser
    pages: Pages
    tally: Tally
    until: float
    dice: random.Random

    async def click(self) -> None:
        """Open a page, look at it, open the next."""
        await self._come(RAMP_S)
        while time.monotonic() < self.until:
            for together in self.pages.click(self.dice, _now_ms()):
                await asyncio.gather(*(self._ask(ask) for ask in together))
            await asyncio.sleep(self.dice.uniform(*THINK_S))

    async def keep_open(self) -> None:
        """The person's own dashboard in another window: its charts are asked again as the web client does."""
        charts = self.pages.dashboard(self.dice)
        await self._come(REFRESH_S)
        while time.monotonic() < self.until:
            await asyncio.gather(*(self._ask(chart(_now_ms())) for chart in charts))
            await asyncio.sleep(REFRESH_S)

    async def glance(self) -> None:
        """The overview, again and again."""
        await self._come(RAMP_S)
        while time.monotonic() < self.until:
            await self._ask(Ask("overview", "/api/v1/overview"))
            await asyncio.sleep(GLANCE_S * self.dice.uniform(0.5, 1.5))

    async def _come(self, within_s: float) -> None:
        """Some time within these seconds, or within a quarter of a short run."""
        await asyncio.sleep(self.dice.random() * min(within_s, (self.until - time.monotonic()) / 4))

    async def _ask(self, ask: Ask) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self.browser.get(ask.path)
        except (OSError, TimeoutError) as x:
            self.tally.failed(f"{ask.name} {type(x).__name__}")
            return
        if answer.status != 200:
            self.tally.failed(f"{ask.name} {answer.status}")
        self.tally.kernel &= answer.kernel
        self.tally.received += len(answer.body)
        self.tally.late_s.append(answer.late_s)
        self.tally.seconds.setdefault(ask.name, []).append(answer.seconds)

    async def watch(self) -> None:
        """Ten subscriptions of five series, and the overview."""
        await self._come(RAMP_S)
        series = self.pages.series
        async with self.client.ws_connect("/api/v1/ws", max_msg_size=0, headers=bearer(self.key)) as ws:
            for n in range(SUBSCRIPTIONS if series else 0):
                chosen = self.dice.sample(series, min(SERIES_A_SUBSCRIPTION, len(series)))
                await ws.send_str(json.dumps({"op": "sub", "id": f"p{n}", "series": chosen}))
            await ws.send_str(json.dumps({"op": "sub", "id": "o", "topic": "overview"}))
            while (left := self.until - time.monotonic()) > 0:
                try:
                    message = await ws.receive(left)
                except TimeoutError:
                    return
                if message.type is not aiohttp.WSMsgType.TEXT:
                    self.tally.failed(f"websocket {message.type.name} {ws.close_code}")
                    return
                self.tally.heard(str(message.data))
