"""One-time tickets for WebSockets of programs that can set neither header nor cookie: valid 30 s, and once."""

from __future__ import annotations

import msgspec

from kizashi.cache import Cache
from services.gateway import credentials
from services.gateway.principal import Principal
from services.gateway.roles import Scope


class _Ticket(msgspec.Struct):
    name: str
    tenant: str
    role: str
    scopes: list[str]


async def issue(cache: Cache, who: Principal, valid_s: float) -> str:
    """A ticket that carries this principal's rights."""
    text = credentials.token(24)
    body = msgspec.json.encode(_Ticket(who.name, who.tenant, who.role, sorted(who.scopes)))
    await cache.put(f"ticket:{credentials.digest(text)}", body, valid_s)
    return text


async def redeem(cache: Cache, text: str) -> Principal | None:
    """The principal of a ticket, once."""
    if not 20 <= len(text) <= 100:
        return None
    body = await cache.take(f"ticket:{credentials.digest(text)}")
    if body is None:
        return None
    t = msgspec.json.decode(body, type=_Ticket)
    return Principal(t.name, t.tenant, t.role, frozenset(Scope(s) for s in t.scopes))
