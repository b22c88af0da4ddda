"""Load on a running gateway: people with a page open, a WebSocket, and clicks. One process, no tool to install.

Used by ``kizashi bench gateway`` and ``deploy/load/load.py``; prints numbers only, judges nothing. aiohttp with uvloop, because a client
that costs more than the server measures itself.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvloop

THINK_S = 0.2
"""Mean pause between two clicks of one person: almost five requests a second each."""
SUBSCRIPTIONS = 10
SERIES_A_SUBSCRIPTION = 5
RAMP_S = 2.0
"""People do not come in the same millisecond."""
TIMEOUT_S = 30.0


@dataclass
class Tally:
    """What happened. Latencies in seconds by route."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    points: int = 0
    conflated: int = 0

    def failed(self, what: str) -> None:
        """Count an error by its name."""
        self.errors[what] = self.errors.get(what, 0) + 1

    def heard(self, text: str) -> None:
        """Count a message of a WebSocket."""
        self.messages += 1
        self.points += text.count('"ts":')
        self.conflated += '"conflated":true' in text

    def report(self, took_s: float) -> dict[str, object]:
        """Quantiles by route and the counts, as JSON holds them."""
        everything = sorted(s for route in self.seconds.values() for s in route)
        return {
            "took_s": round(took_s, 1),
            "requests": len(everything),
            "errors": self.errors,
            "all_ms": quantiles(everything),
            "routes_ms": {name: {"requests": len(s), **quantiles(sorted(s))} for name, s in sorted(self.seconds.items())},
            "websocket": {"messages": self.messages, "points": self.points, "conflated": self.conflated},
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
    """``people`` with a page open, a WebSocket of ten subscriptions, and clicks, for ``seconds``; the report."""
    return await _crowd(url, key, people, seconds, any_click, watched=True)


async def overview_only(url: str, key: str, people: int, seconds: float) -> dict[str, object]:
    """``people`` who only look at the overview, each five times a second; the report."""
    return await _crowd(url, key, people, seconds, lambda dice, series: ("overview", "/api/v1/overview", {}), watched=False)


async def watch_only(url: str, key: str, people: int, seconds: float) -> dict[str, object]:
    """``people`` connections of ten subscriptions each and no clicks; the report."""
    return await _crowd(url, key, people, seconds, None, watched=True)


Click = Callable[[random.Random, list[str]], tuple[str, str, dict[str, str]]]


async def _crowd(url: str, key: str, people: int, seconds: float, clicks: Click | None, watched: bool) -> dict[str, object]:
    tally = Tally()
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with (
        aiohttp.ClientSession(url, headers=bearer(key), connector=connector, timeout=timeout) as client,
        _keys(client, people) as keys,
    ):
        async with client.get("/api/v1/series", params={"limit": "500"}) as answer:
            answer.raise_for_status()
            series = [s["id"] for s in (await answer.json())["items"]]
        began = time.monotonic()
        until = began + seconds
        crowd = [Person(client, bearer(own), series, tally, until, random.Random(n)) for n, own in enumerate(keys)]
        jobs = [asyncio.create_task(person.click(clicks)) for person in crowd if clicks]
        jobs += [asyncio.create_task(person.watch()) for person in crowd if watched]
        for result in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(result, BaseException):
                tally.failed(type(result).__name__)
        took_s = time.monotonic() - began
    return tally.report(took_s)


@asynccontextmanager
async def _keys(client: aiohttp.ClientSession, people: int) -> AsyncIterator[list[str]]:
    """A key a person, as people have sessions of their own: limits count by key. Made with an administrator's key, deleted at the end."""
    made: list[dict[str, Any]] = []
    for n in range(people):
        async with client.post("/api/v1/tokens", json={"name": f"load {n}", "scopes": ["read"], "expires_days": 1}) as answer:
            answer.raise_for_status()
            made.append(await answer.json())
    try:
        yield [one["key"] for one in made]
    finally:
        for one in made:
            async with client.delete(f"/api/v1/config/key/{one['prefix']}", headers={"If-Match": '"1"'}) as answer:
                await answer.read()


def bearer(key: str) -> dict[str, str]:
    """The header of a key."""
    return {"Authorization": f"Bearer {key}"}


@dataclass
class Person:
    """One of the crowd."""

    client: aiohttp.ClientSession
    headers: dict[str, str]
    series: list[str]
    tally: Tally
    until: float
    dice: random.Random

    async def click(self, choose: Click) -> None:
        """Ask, look, ask again."""
        await asyncio.sleep(self.dice.random() * RAMP_S)
        while time.monotonic() < self.until:
            name, path, params = choose(self.dice, self.series)
            sent = time.monotonic()
            try:
                async with self.client.get(path, params=params, headers=self.headers) as answer:
                    await answer.read()
                if answer.status != 200:
                    self.tally.failed(f"{name} {answer.status}")
            except (aiohttp.ClientError, TimeoutError) as x:
                self.tally.failed(f"{name} {type(x).__name__}")
            self.tally.seconds.setdefault(name, []).append(time.monotonic() - sent)
            await asyncio.sleep(THINK_S * self.dice.uniform(0.5, 1.5))

    async def watch(self) -> None:
        """Ten subscriptions of five series, and the overview."""
        await asyncio.sleep(self.dice.random() * RAMP_S)
        async with self.client.ws_connect("/api/v1/ws", max_msg_size=0, headers=self.headers) as ws:
            for n in range(SUBSCRIPTIONS if self.series else 0):
                chosen = self.dice.sample(self.series, min(SERIES_A_SUBSCRIPTION, len(self.series)))
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


def any_click(dice: random.Random, series: list[str]) -> tuple[str, str, dict[str, str]]:
    """What a person asks next: half overview, a quarter a chart, the rest lists and searches."""
    kind = dice.random()
    if kind < 0.5:
        return "overview", "/api/v1/overview", {}
    if kind < 0.75 and series:
        start = dice.choice(("now-1h", "now-6h", "now-24h"))
        return "range", "/api/v1/range", {"series": dice.choice(series), "from": start}
    if kind < 0.9:
        return "episodes", "/api/v1/episodes", {}
    return "series", "/api/v1/series", {"q": dice.choice(("cpu", "mem", "a", ""))}
