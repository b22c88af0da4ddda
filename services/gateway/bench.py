"""Load on a running gateway: people with a page open, a WebSocket, and clicks. One process, no tool to install.

Used by ``kizashi bench gateway`` and by ``deploy/load/people.py``; prints numbers only, judges nothing.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field

import httpx
import websockets

THINK_S = 0.2
"""Pause between two clicks of one person: five requests a second each."""
SUBSCRIPTIONS = 10
SERIES_A_SUBSCRIPTION = 5


@dataclass
class Tally:
    """What happened. Latencies in seconds by route."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    points: int = 0
    conflated: int = 0

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


async def load(url: str, key: str, people: int, seconds: float) -> dict[str, object]:
    """Run ``people`` for ``seconds``; the report."""
    tally = Tally()
    limits = httpx.Limits(max_connections=people, max_keepalive_connections=people)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, limits=limits, trust_env=False) as client:
        listed = (await client.get("/api/v1/series", params={"limit": 500})).raise_for_status().json()["items"]
        series = [s["id"] for s in listed]
        began = time.monotonic()
        jobs = [asyncio.create_task(_clicks(client, series, tally, began + seconds, n)) for n in range(people)]
        jobs += [asyncio.create_task(_watch(url, headers, series, tally, began + seconds, n)) for n in range(people)]
        for result in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(result, BaseException):
                tally.errors[type(result).__name__] = tally.errors.get(type(result).__name__, 0) + 1
    return tally.report(time.monotonic() - began)


async def _clicks(client: httpx.AsyncClient, series: list[str], tally: Tally, until: float, seed: int) -> None:
    dice = random.Random(seed)
    await asyncio.sleep(dice.random() * THINK_S * 5)
    while time.monotonic() < until:
        name, path, params = _click(dice, series)
        sent = time.monotonic()
        answer = await client.get(path, params=params)
        tally.seconds.setdefault(name, []).append(time.monotonic() - sent)
        if answer.status_code != 200:
            what = f"{name} {answer.status_code}"
            tally.errors[what] = tally.errors.get(what, 0) + 1
        await asyncio.sleep(THINK_S * dice.uniform(0.5, 1.5))


def _click(dice: random.Random, series: list[str]) -> tuple[str, str, dict[str, str]]:
    kind = dice.random()
    if kind < 0.5:
        return "overview", "/api/v1/overview", {}
    if kind < 0.75 and series:
        start = dice.choice(("now-1h", "now-6h", "now-24h"))
        return "range", "/api/v1/range", {"series": dice.choice(series), "from": start}
    if kind < 0.9:
        return "episodes", "/api/v1/episodes", {}
    return "series", "/api/v1/series", {"q": dice.choice(("cpu", "mem", "a", ""))}


async def _watch(url: str, headers: dict[str, str], series: list[str], tally: Tally, until: float, seed: int) -> None:
    dice = random.Random(seed)
    address = url.replace("http", "ws", 1) + "/api/v1/ws"
    async with websockets.connect(address, additional_headers=headers, compression=None) as ws:
        for n in range(SUBSCRIPTIONS if series else 0):
            chosen = dice.sample(series, min(SERIES_A_SUBSCRIPTION, len(series)))
            await ws.send(json.dumps({"op": "sub", "id": f"p{n}", "series": chosen}))
        await ws.send(json.dumps({"op": "sub", "id": "o", "topic": "overview"}))
        while (left := until - time.monotonic()) > 0:
            try:
                text = await asyncio.wait_for(ws.recv(), left)
            except TimeoutError:
                return
            tally.messages += 1
            tally.points += str(text).count('"ts":')
            tally.conflated += '"conflated":true' in str(text)
