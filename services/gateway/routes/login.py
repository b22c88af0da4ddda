"""Logging in and out, and who one is."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from kizashi.observe.logs import logger
from services.gateway import credentials, login_link, logins, tickets
from services.gateway.answers import json_answer
from services.gateway.attempts import WINDOW_S, Attempts
from services.gateway.doors import Doors
from services.gateway.guard import Parts, Who, check_origin
from services.gateway.principal import LINK_USER, cookie_name
from services.gateway.problems import Problem

router = APIRouter()


class Login(BaseModel):
    """Name and password of a local user."""

    model_config = ConfigDict(extra="forbid")
    user: str = Field(max_length=64, examples=["mika"])
    password: str = Field(max_length=1024, examples=["correct horse battery staple"])


@router.get("/login")
async def by_link(request: Request, parts: Parts, token: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Redeem the one-time link that ``kizashi up`` prints; without a token it is the log-in page."""
    if not token:
        return request.app.state.assets.answer("", request)  # type: ignore[no-any-return]  # state is untyped
    tenant = parts.settings.tenant
    if not await asyncio.to_thread(login_link.redeem, parts.settings.home, token, parts.limits.link_valid_s):
        await count_failure(request, parts, "link")
        await logins.record(parts, tenant, LINK_USER, "link", "failure", address(request), "the link is wrong, used or expired")
        return RedirectResponse("/login?expired=1", 303, {"Cache-Control": "no-store"})
    name, _ = await parts.sessions.open(LINK_USER, "admin", tenant)
    await logins.record(parts, tenant, LINK_USER, "link", "success", address(request))
    logger().info("login.link", address=address(request))
    answer = RedirectResponse("/", 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    set_cookie(answer, name, parts)
    return answer


@router.post("/api/v1/login")
async def by_password(request: Request, body: Login, parts: Parts) -> Response:
    """Open a session. Wrong name and wrong password give the same answer in the same time."""
    check_origin(request, parts.limits.allowed_origins, needed=False)
    attempts = _attempts(parts)
    attempt = await attempts.begin(f"password:{address(request)}")
    if attempt is None:
        raise _too_many()
    user = parts.directory.users.get(body.user)
    right = await asyncio.to_thread(credentials.password_opens, user.password if user else None, body.password)
    if not right or user is None:
        await attempts.fail(attempt)
        logger().warning("login.refused", address=address(request))
        reason = "wrong password" if user else "no such user"
        tenant = user.tenant if user else parts.settings.tenant
        await logins.record(parts, tenant, user.name if user else logins.NOBODY, "password", "failure", address(request), reason)
        raise Problem(401, "the name or the password is wrong")
    await attempts.give_back(attempt)
    old = request.cookies.get(cookie_name(parts.limits.secure_cookies))
    if old:
        await parts.sessions.end(old)
    name, session = await parts.sessions.open(user.name, user.role, user.tenant, user.proof)
    await logins.record(parts, user.tenant, user.name, "password", "success", address(request))
    logger().info("login.password", user=user.name, address=address(request))
    answer = json_answer({"user": user.name, "role": user.role, "tenant": user.tenant, "csrf": session.csrf})
    set_cookie(answer, name, parts)
    return answer


@router.post("/api/v1/logout", status_code=204)
async def logout(request: Request, parts: Parts, who: Who) -> Response:
    """End this session."""
    await parts.sessions.end(who.session)
    if who.session:
        how: logins.How = "link" if who.name == LINK_USER else "password"
        await logins.record(parts, who.tenant, who.name, how, "logout", address(request))
    answer = Response(status_code=204)
    answer.delete_cookie(cookie_name(parts.limits.secure_cookies), path="/", secure=parts.limits.secure_cookies, httponly=True)
    return answer


@router.get("/api/v1/me")
async def me(parts: Parts, who: Who) -> Response:
    """The one who asks; ``csrf`` goes into the header X-CSRF-Token of every change."""
    return json_answer({
        "user": who.name, "role": who.role, "tenant": who.tenant, "csrf": who.csrf, "scopes": sorted(who.scopes),
        "version": version("kizashi"), "demo": (parts.settings.home / "run" / "demo").exists(),
    })  # fmt: skip


@router.post("/api/v1/ws-ticket")
async def ticket(parts: Parts, who: Who) -> Response:
    """A ticket for one WebSocket, for programs that cannot set a header: ``/api/v1/ws?ticket=…`` within 30 s."""
    text = await tickets.issue(parts.cache, who, parts.limits.ticket_s)
    return json_answer({"ticket": text, "valid_s": parts.limits.ticket_s})


async def count_failure(request: Request, parts: Doors, kind: str) -> None:
    """Count a wrong link of this address; raises Problem 429 when there were too many.

    A right one always opens: nobody guesses it, and an old link that some page asks for again and again must not shut out a whole office.
    """
    if not await _attempts(parts).failed(f"{kind}:{address(request)}"):
        raise _too_many()


def _attempts(parts: Doors) -> Attempts:
    return Attempts(parts.cache, parts.clock, parts.limits.logins_per_minute)


def _too_many() -> Problem:
    return Problem(429, "too many failed attempts from this address: wait a minute", retry_after_s=round(WINDOW_S))


def address(request: Request) -> str:
    """Address of the caller; behind a trusted proxy uvicorn has put the real one there."""
    return request.client.host if request.client else "unknown"


def set_cookie(answer: Response, name: str, parts: Doors) -> None:
    """The session cookie: not readable by scripts, not sent from other sites."""
    put = partial(answer.set_cookie, httponly=True, samesite="lax", path="/", max_age=round(parts.limits.session_longest_s))
    put(cookie_name(parts.limits.secure_cookies), name, secure=parts.limits.secure_cookies)
