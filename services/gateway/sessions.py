"""Who a browser is, kept on the server: the cookie is an unguessable name, its SHA-256 is the key in the cache."""

from __future__ import annotations

import msgspec

from kizashi.cache import Cache
from kizashi.clock import Clock
from services.gateway import credentials

REFRESH_MS = 60_000
"""A session is rewritten at most this often, so that reading pages does not write to the cache with every click."""


class Session(msgspec.Struct, frozen=True):
    """A logged-in browser. ``proof`` changes with the user's password or role: a session whose proof is old is over."""

    user: str
    role: str
    tenant: str
    csrf: str
    made_ms: int
    seen_ms: int
    proof: str = ""


class Sessions:
    """Opens, finds and ends sessions; any replica serves any client when the cache is Redis."""

    def __init__(self, cache: Cache, clock: Clock, idle_s: float, longest_s: float) -> None:
        self._cache = cache
        self._clock = clock
        self._idle_s = idle_s
        self._longest_ms = round(longest_s * 1_000)

    async def open(self, user: str, role: str, tenant: str, proof: str = "") -> tuple[str, Session]:
        """A new session under a new name (a name from before the login is never reused: no fixation)."""
        now = self._clock.now_ms()
        name = credentials.token()
        session = Session(user, role, tenant, credentials.token(24), now, now, proof)
        await self._cache.put(_key(name), msgspec.json.encode(session), self._idle_s)
        return name, session

    async def find(self, name: str) -> Session | None:
        """The session of this cookie, unless it idled too long, is too old, or was ended."""
        if not 20 <= len(name) <= 100:
            return None
        stored = await self._cache.get(_key(name))
        if stored is None:
            return None
        session = msgspec.json.decode(stored, type=Session)
        now = self._clock.now_ms()
        if now - session.made_ms >= self._longest_ms:
            await self._cache.drop(_key(name))
            return None
        if now - session.seen_ms >= REFRESH_MS:
            session = msgspec.structs.replace(session, seen_ms=now)
            await self._cache.put(_key(name), msgspec.json.encode(session), self._idle_s)
        return session

    async def end(self, name: str) -> None:
        """Log out."""
        await self._cache.drop(_key(name))


def _key(name: str) -> str:
    return f"session:{credentials.digest(name)}"
