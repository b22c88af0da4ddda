"""Delays as a person sees them: from the making of a sample to its score on a WebSocket of the gateway.

What comes too late must show. So it is decided beforehand which samples count, and listening ends when all of them came or are counted
as late; to count what arrives within some time would leave out the slow ones, and a house far behind would look quick.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import websockets

from kizashi.errors import Recoverable
from services.demo.load import now_ms

FIRST_WITHIN_S = 120.0
"""Until the first score: on a busy machine the scorer loads its code while samples wait."""
GRACE_S = 30.0
"""A series of which nothing came for so long after the end is late."""


class Socket(Protocol):
    """A WebSocket of the gateway, as a client holds it."""

    async def send(self, message: str, /) -> None: ...

    async def recv(self) -> str | bytes: ...


@dataclass(frozen=True)
class Heard:
    """What came of the watched series; times in ms since 1970."""

    first_point_s: float
    """From the start of the load to the first score of one of its samples."""
    begun_ms: float
    end_ms: float
    points: list[tuple[int, float]]
    """When each sample was made, from ``begun_ms`` until ``end_ms``, and ms until its score came."""
    late: int
    """Series of which nothing made at ``end_ms`` or later came."""
    conflated: int
    """Messages from which the gateway left out all but the newest points."""


async def listen(
    ws: Socket, wanted: list[str], seconds: float, load_began_ms: float, grace_s: float = GRACE_S, clock_ms: Callable[[], float] = now_ms
) -> Heard:
    """Subscribe to the series; from the first score of a sample made since ``load_began_ms`` on, hear what is made in ``seconds``.

    Raises Recoverable when the gateway says error, closes, or gives no score within FIRST_WITHIN_S.
    """
    await ws.send(json.dumps({"op": "sub", "id": "bench", "series": wanted}))
    deadline = clock_ms() + FIRST_WITHIN_S * 1e3
    try:
        while not any(ts >= load_began_ms for _, ts in _scores(await _message(ws, deadline, clock_ms))):
            pass  # the last seconds of an earlier load, or a heartbeat
    except TimeoutError as x:
        raise Recoverable(f"no score of {len(wanted)} series within {FIRST_WITHIN_S:g} s: is the machine busy?") from x
    begun = clock_ms()
    end = begun + seconds * 1e3
    points: list[tuple[int, float]] = []
    newest, conflated = dict.fromkeys(wanted, 0), 0
    while min(newest.values()) < end:
        try:
            message = await _message(ws, end + grace_s * 1e3, clock_ms)
        except TimeoutError:
            break
        now = clock_ms()
        conflated += bool(message.get("conflated"))
        for series, ts in _scores(message):
            newest[series] = max(newest[series], ts)
            if begun <= ts < end:
                points.append((ts, now - ts))
    late = sum(ts < end for ts in newest.values())
    return Heard(round((begun - load_began_ms) / 1e3, 1), begun, end, points, late, conflated)


async def _message(ws: Socket, deadline_ms: float, clock_ms: Callable[[], float]) -> dict[str, Any]:
    """The next one. Raises TimeoutError at the deadline, Recoverable when it is an error or the last."""
    left_s = (deadline_ms - clock_ms()) / 1e3
    if left_s <= 0:
        raise TimeoutError
    try:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(ws.recv(), left_s))
    except websockets.ConnectionClosed as x:
        raise Recoverable(f"the gateway closed the WebSocket: {x}") from x
    if message.get("op") == "error":
        raise Recoverable(f"the gateway refused the subscription: {message.get('detail')}")
    return message


def _scores(message: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """(series, ms) of each point in it."""
    if message.get("op") == "points":
        yield from ((s["id"], ts) for s in message["series"] for ts in s["ts"])


def delay_figures(heard: Heard) -> dict[str, float]:
    """p50 and p99 in ms of all points, and of those made in the second half alone, when the house has settled.

    With ``late`` series or ``conflated`` messages they are lower bounds: the slowest points are not among them.
    """
    found: dict[str, float] = {"points": len(heard.points), "late": heard.late, "conflated": heard.conflated}
    found["first_point_s"] = heard.first_point_s
    half = (heard.begun_ms + heard.end_ms) / 2
    for name, since in (("", heard.begun_ms), ("second_half_", half)):
        if chosen := [delay for ts, delay in heard.points if ts >= since]:
            p50, p99 = np.percentile(chosen, [50, 99])
            found |= {f"{name}p50_ms": round(float(p50)), f"{name}p99_ms": round(float(p99))}
    return found
