"""The one guard: every route passes it, and a route that the table does not know is refused."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from fastapi.requests import HTTPConnection
from starlette.exceptions import WebSocketException

from services.gateway import credentials
from services.gateway.doors import Doors, doors
from services.gateway.principal import ASKING, Principal, identify
from services.gateway.problems import Problem
from services.gateway.roles import ROUTES, SHARED_ROUTES, Access, Door, Scope, may
from services.gateway.tickets import redeem

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "WS"})


async def guard(connection: HTTPConnection) -> None:
    """Let the request through, or raise. Leaves the principal in ``connection.state.principal``."""
    try:
        await _check(connection)
    except Problem as x:
        if connection.scope["type"] == "websocket":
            raise WebSocketException(1008, x.detail) from x
        raise


async def _check(connection: HTTPConnection) -> None:
    method = "WS" if connection.scope["type"] == "websocket" else str(connection.scope["method"])
    access = access_of(method, str(connection.scope["route"].path))
    if access is None:
        raise Problem(403, "this route has no entry in the table of rights, so nobody may use it")
    connection.state.principal = None
    if isinstance(access, Door):
        return
    parts = doors(connection)
    now_ms = parts.clock.now_ms()
    who = await identify(connection, parts.directory, parts.sessions, now_ms, parts.limits.secure_cookies, parts.settings.tenant)
    if who is None and method == "WS":
        who = await _by_ticket(connection, parts)
    if who is None:
        raise Problem(401, "log in, or send 'Authorization: Bearer KEY' with a key that is valid")
    if who.csrf:
        check_origin(connection, parts.limits.allowed_origins, needed=method == "WS")
        if method not in SAFE and not credentials.same(connection.headers.get("x-csrf-token", ""), who.csrf):
            raise Problem(403, "send the X-CSRF-Token that /api/v1/me gives")
    shared = Scope.SHARED in who.scopes and (method, str(connection.scope["route"].path)) in SHARED_ROUTES
    if not may(who.scopes, access) and not shared:
        raise Problem(403, f"this needs the right '{access}', which {who.role} does not have")
    wait_s = parts.buckets.spend(who.session or who.name, parts.clock.monotonic_s())
    if wait_s:
        raise Problem(429, "too many requests from one session or key", retry_after_s=max(1, round(wait_s)))
    connection.state.principal = who
    ASKING.set(who.name)


def access_of(method: str, path: str) -> Access | None:
    """Entry of the table; HEAD is as GET."""
    return ROUTES.get(("GET" if method == "HEAD" else method, path))


def check_origin(connection: HTTPConnection, allowed: tuple[str, ...], needed: bool) -> None:
    """A browser says where a request comes from; it must be our own page. Raises Problem."""
    origin = connection.headers.get("origin")
    if origin is None:
        if needed:
            raise Problem(403, "a browser sends an Origin with a WebSocket; programs use a key or a ticket")
        return
    if origin not in allowed and urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise Problem(403, "this request comes from another site")


async def _by_ticket(connection: HTTPConnection, parts: Doors) -> Principal | None:
    return await redeem(parts.cache, connection.query_params.get("ticket", ""))


def principal(connection: HTTPConnection) -> Principal:
    """The one who asks."""
    who = connection.state.principal
    if not isinstance(who, Principal):
        raise Problem(401, "log in first")
    return who


async def _parts(connection: HTTPConnection) -> Doors:
    """``doors`` as a coroutine: FastAPI sends plain functions through a pool of threads, twice a request."""
    return doors(connection)


async def _who(connection: HTTPConnection) -> Principal:
    return principal(connection)


Parts = Annotated[Doors, Depends(_parts)]
Who = Annotated[Principal, Depends(_who)]
