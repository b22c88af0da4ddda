"""Live push: the WebSocket, and its twin for ``curl -N`` as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, WebSocket
from starlette.responses import Response, StreamingResponse

from kizashi.contracts.ids import parse_series_id
from kizashi.observe.metrics import WS_CLIENTS
from services.gateway.doors import Doors, doors
from services.gateway.guard import Parts, Who, principal
from services.gateway.live.connection import Connection, Live
from services.gateway.live.cursor import BadCursor, parse_cursor
from services.gateway.live.outbox import Outbox, Overflow
from services.gateway.live.rows import Fragment
from services.gateway.live.subscription import SeriesSubscription, partitions_of
from services.gateway.principal import Principal, identify
from services.gateway.problems import Problem

router = APIRouter(prefix="/api/v1")


@router.websocket("/ws")
async def socket(websocket: WebSocket) -> None:
    """Subscriptions and pushes; product of ``live.connection``."""
    parts, who = doors(websocket), principal(websocket)
    if parts.open_sockets.get(who.name, 0) >= parts.limits.ws_per_user:
        await websocket.close(1013, "too many open connections of one user or key")
        return

    async def allowed() -> bool:
        return await still_good(websocket, parts, who)

    live = Live(parts.hub, parts.boards, parts.catalog, parts.clock, parts.limits, allowed)
    await websocket.accept()
    WS_CLIENTS.inc()
    parts.open_sockets[who.name] = parts.open_sockets.get(who.name, 0) + 1
    try:
        await Connection(websocket, who.tenant, live).run()
    finally:
        WS_CLIENTS.dec()
        parts.open_sockets[who.name] -= 1
        if not parts.open_sockets[who.name]:
            del parts.open_sockets[who.name]


async def still_good(connection: WebSocket, parts: Doors, who: Principal) -> bool:
    """Whether the credential that opened the connection would still open it, with the same tenant."""
    if connection.query_params.get("ticket") and not who.session:
        return True  # the ticket was checked when it was redeemed; it carries no credential to look at again
    now_ms = parts.clock.now_ms()
    again = await identify(connection, parts.directory, parts.sessions, now_ms, parts.limits.secure_cookies, parts.settings.tenant)
    return again is not None and again.tenant == who.tenant


class _Events:
    """The hub's client behind a server-sent event stream."""

    def __init__(self, tenant: str, outbox: Outbox) -> None:
        self.tenant = tenant
        self.outbox = outbox
        self.something = asyncio.Event()
        self.full = False

    def points(self, sub_id: str, cursor: str, found: dict[int, Fragment]) -> None:
        self.outbox.put_points(sub_id, cursor, found)
        self.something.set()

    def send(self, message: bytes) -> None:
        try:
            self.outbox.put(message)
        except Overflow:
            self.full = True
        self.something.set()

    def drop_points(self, sub_id: str) -> None:
        self.outbox.forget(sub_id)


@router.get("/stream")
async def stream(
    request: Request, parts: Parts, who: Who, series: Annotated[list[str], Query(max_length=500)], since: str | None = None
) -> Response:
    """Points of some series as server-sent events; ``id`` is the cursor, so a reconnect with Last-Event-ID loses nothing."""
    try:
        asked = frozenset(parse_series_id(s) for s in series)
        cursor = since if since is not None else request.headers.get("last-event-id")
        place = None if cursor is None else parse_cursor(cursor)
    except (ValueError, BadCursor) as x:
        raise Problem(400, str(x)) from x
    visible = await parts.catalog.visible(who.tenant, asked)
    if not visible:
        raise Problem(404, "none of these series exists")
    client = _Events(who.tenant, Outbox(parts.limits.ws_queue_messages, parts.limits.ws_queue_bytes))
    sub = SeriesSubscription(client, "sse", visible, partitions_of(visible, parts.hub.partitions), place)
    return StreamingResponse(_events(client, sub, parts), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(client: _Events, sub: SeriesSubscription, parts: Doors) -> AsyncIterator[bytes]:
    parts.hub.subscribe(sub)
    try:
        while not client.full:
            try:
                async with asyncio.timeout(parts.limits.ws_heartbeat_s):
                    await client.something.wait()
            except TimeoutError:
                yield b": hb\n\n"
                continue
            client.something.clear()
            while (message := client.outbox.take()) is not None:
                head = msgspec.json.decode(message, type=_Head)
                mark = f"id: {head.cursor}\n".encode() if head.cursor else b""
                yield mark + b"event: " + head.op.encode() + b"\ndata: " + message + b"\n\n"
    finally:
        parts.hub.unsubscribe([sub])


class _Head(msgspec.Struct):
    op: str
    cursor: str = ""
