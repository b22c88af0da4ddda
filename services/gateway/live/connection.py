"""One WebSocket: commands in, messages out. Reading never waits for writing, and writing waits at most a few seconds for the client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from kizashi.clock import Clock
from kizashi.contracts.ids import parse_series_id
from kizashi.errors import KizashiError
from services.gateway.live.boards import Boards
from services.gateway.live.cursor import BadCursor, parse_cursor
from services.gateway.live.findings import KINDS
from services.gateway.live.hub import Hub, error_message
from services.gateway.live.outbox import Outbox, Overflow
from services.gateway.live.rows import Fragment
from services.gateway.live.subscription import SeriesSubscription, partitions_of
from services.gateway.problems import Problem
from services.gateway.settings import GatewaySettings

TRY_AGAIN_LATER = 1013
POLICY = 1008


class Command(msgspec.Struct, forbid_unknown_fields=True):
    """What a client may say."""

    op: Literal["sub", "unsub", "ping"]
    id: str = ""
    series: list[str] = []
    topic: str = ""
    since: str | None = None


class Rights(Protocol):
    """Asked at every subscribe."""

    async def visible(self, tenant: str, series: frozenset[int]) -> frozenset[int]:
        """Those of the series that belong to the tenant."""


@dataclass
class Live:
    """What a connection works with."""

    hub: Hub
    boards: Boards
    rights: Rights
    clock: Clock
    limits: GatewaySettings
    allowed: Callable[[], Awaitable[bool]]
    """Whether the session or key is still good."""


class Connection:
    """A client of the hub. ``points``, ``send`` and ``drop_points`` come from the hub and never block."""

    def __init__(self, socket: WebSocket, tenant: str, live: Live) -> None:
        self.tenant = tenant
        self._socket, self._live = socket, live
        self._outbox = Outbox(live.limits.ws_queue_messages, live.limits.ws_queue_bytes)
        self._something = asyncio.Event()
        self._series: dict[str, SeriesSubscription] = {}
        self._topics: dict[str, str] = {}
        self._full = False

    def points(self, sub_id: str, cursor: str, found: dict[int, Fragment]) -> None:
        self._outbox.put_points(sub_id, cursor, found)
        self._something.set()

    def send(self, message: bytes) -> None:
        try:
            self._outbox.put(message)
        except Overflow:
            self._full = True
        self._something.set()

    def drop_points(self, sub_id: str) -> None:
        self._outbox.forget(sub_id)

    async def run(self) -> None:
        """Serve until either side ends."""
        jobs = [asyncio.create_task(job) for job in (self._read(), self._write(), self._beat())]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for job in jobs:
                job.cancel()
            results = await asyncio.gather(*jobs, return_exceptions=True)
            self._live.hub.unsubscribe(self._series.values())
            self._live.hub.findings.unsubscribe(self)
            self._live.boards.unsubscribe(self)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, (WebSocketDisconnect, TimeoutError, OSError, RuntimeError)):
                raise result

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] != "websocket.receive":
                return
            data = message.get("text") or message.get("bytes") or b""
            try:
                command = msgspec.json.decode(data, type=Command)
            except (msgspec.DecodeError, msgspec.ValidationError) as x:
                self.send(error_message("", f"not a command: {x}"))
                continue
            await self._obey(command)

    async def _obey(self, command: Command) -> None:
        if command.op == "ping":
            self.send(msgspec.json.encode({"op": "pong", "now_ms": self._live.clock.now_ms()}))
        elif not 1 <= len(command.id) <= 64:
            self.send(error_message(command.id[:64], "a subscription needs an id of 1 to 64 characters"))
        elif command.op == "unsub":
            self._end(command.id)
        elif not await self._live.allowed():
            await self._socket.close(POLICY, "the session has ended: log in again")
        else:
            self._end(command.id)
            detail = self._subscribe_topic(command) if command.topic else await self._subscribe_series(command)
            if detail:
                self.send(error_message(command.id, detail))

    def _subscribe_topic(self, command: Command) -> str:
        if len(self._series) + len(self._topics) >= self._live.limits.ws_subscriptions:
            return f"at most {self._live.limits.ws_subscriptions} subscriptions a connection"
        if command.topic in KINDS:
            self._live.hub.findings.subscribe(self, command.id, command.topic)
        elif command.topic in self._live.boards.names:
            self._live.boards.subscribe(self, command.id, command.topic)
        else:
            return f"there is no topic {command.topic[:40]!r}: {', '.join((*KINDS, *self._live.boards.names))}"
        self._topics[command.id] = command.topic
        return ""

    async def _subscribe_series(self, command: Command) -> str:
        limits = self._live.limits
        if len(self._series) + len(self._topics) >= limits.ws_subscriptions:
            return f"at most {limits.ws_subscriptions} subscriptions a connection"
        if not 1 <= len(command.series) <= limits.ws_series_per_subscription:
            return f"name 1 to {limits.ws_series_per_subscription} series"
        try:
            asked = frozenset(parse_series_id(s) for s in command.series)
            since = None if command.since is None else parse_cursor(command.since)
        except (ValueError, BadCursor) as x:
            return str(x)
        try:
            series = await self._live.rights.visible(self.tenant, asked)
        except (KizashiError, Problem):
            return "the store does not answer now: subscribe again shortly"
        if not series:
            return "none of these series exists"
        if len(series) < len(asked):
            self.send(error_message(command.id, f"{len(asked) - len(series)} of these series do not exist"))
        sub = SeriesSubscription(self, command.id, series, partitions_of(series, self._live.hub.partitions), since)
        self._series[command.id] = sub
        self._live.hub.subscribe(sub)
        return ""

    def _end(self, sub_id: str) -> None:
        if sub := self._series.pop(sub_id, None):
            self._live.hub.unsubscribe([sub])
            self.drop_points(sub_id)
        if self._topics.pop(sub_id, None):
            self._live.hub.findings.unsubscribe(self, sub_id)
            self._live.boards.unsubscribe(self, sub_id)

    async def _write(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            if self._full:
                await self._socket.close(TRY_AGAIN_LATER, "too slow: reconnect and resume from the last cursor")
                return
            while (message := self._outbox.take()) is not None:
                async with asyncio.timeout(self._live.limits.ws_send_s):
                    await self._socket.send_text(message.decode())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._live.limits.ws_heartbeat_s)
            self.send(msgspec.json.encode({"op": "hb", "now_ms": self._live.clock.now_ms()}))
