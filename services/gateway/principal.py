"""Who is asking: found from a key or a session, never from the body or the address."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from services.gateway import credentials
from services.gateway.directory import Directory
from services.gateway.roles import ROLES, Scope
from services.gateway.sessions import Sessions

SHARE_PREFIX = "share-"
LINK_USER = "local"
"""The person who opened the one-time link on this machine: administrator of the machine's tenant."""

ASKING: ContextVar[str] = ContextVar("asking", default="")
"""Name of the principal whose request this is, for the store's log of queries; empty in work that nobody has asked for."""


@dataclass(frozen=True)
class Principal:
    """A person or program with its rights. ``csrf`` is set for browsers only."""

    name: str
    tenant: str
    role: str
    scopes: frozenset[Scope]
    csrf: str = ""
    session: str = ""
    """Value of the session cookie, to end it."""
    only: frozenset[int] | None = None
    """Series that a share link is limited to; None for people and keys."""


def cookie_name(secure: bool) -> str:
    """``__Host-`` makes browsers refuse the cookie for other hosts and paths, but works over TLS only."""
    return "__Host-kizashi" if secure else "kizashi"


async def identify(
    connection: HTTPConnection, directory: Directory, sessions: Sessions, now_ms: int, secure: bool, home_tenant: str
) -> Principal | None:
    """The principal of a request, None when it has no valid credential. A bad key is not rescued by a good cookie."""
    authorization = connection.headers.get("authorization", "")
    if authorization:
        return _by_key(authorization, directory, now_ms)
    name = connection.cookies.get(cookie_name(secure), "")
    session = await sessions.find(name) if name else None
    if session is None:
        return None
    if session.user == LINK_USER:
        if session.tenant != home_tenant:
            return None
    else:
        user = directory.users.get(session.user)
        if user is None or user.proof != session.proof:
            await sessions.end(name)
            return None
    return Principal(session.user, session.tenant, session.role, ROLES[session.role], session.csrf, name)


def _by_key(authorization: str, directory: Directory, now_ms: int) -> Principal | None:
    kind, _, key = authorization.partition(" ")
    prefix, secret = credentials.split_key(key.strip())
    if prefix.startswith(SHARE_PREFIX):
        return _by_share(directory, prefix, secret, now_ms)
    if kind.lower() not in ("bearer", "token") or not prefix:
        return None
    record = directory.key(prefix)
    if not credentials.key_opens(record, secret, now_ms) or record is None:
        return None
    return Principal(f"key:{record.name or prefix}", record.tenant, "key", record.scopes)


def _by_share(directory: Directory, prefix: str, secret: str, now_ms: int) -> Principal | None:
    share = directory.shares.get(prefix)
    if not credentials.key_opens(share.record if share else None, secret, now_ms) or share is None:
        return None
    return Principal(f"share:{prefix}", share.record.tenant, "share", frozenset({Scope.SHARED}), only=share.series)
