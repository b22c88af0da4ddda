"""The cache that several gateway replicas share. The only import of the redis client."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar, cast

import redis.asyncio as client
from redis.exceptions import RedisError

from kizashi.errors import Recoverable

T = TypeVar("T")

TIMEOUT_S = 1.0
"""A cache slower than the store it spares is no help."""


class RedisCache:
    """Keys carry the prefix ``kizashi:``; needs Redis 6.2 (GETDEL)."""

    def __init__(self, url: str, prefix: str = "kizashi:") -> None:
        self._redis = client.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._prefix = prefix

    async def get(self, key: str) -> bytes | None:
        return cast("bytes | None", await _answer(self._redis.get(self._prefix + key)))

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        if not keys:
            return []
        return cast("list[bytes | None]", await _answer(self._redis.mget([self._prefix + key for key in keys])))

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        await _answer(self._redis.set(self._prefix + key, value, px=_ms(ttl_s)))

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        return bool(await _answer(self._redis.set(self._prefix + key, value, px=_ms(ttl_s), nx=True)))

    async def take(self, key: str) -> bytes | None:
        return cast("bytes | None", await _answer(self._redis.getdel(self._prefix + key)))

    async def drop(self, key: str) -> None:
        await _answer(self._redis.delete(self._prefix + key))

    async def count(self, key: str, window_s: float) -> int:
        name = self._prefix + key
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(name, 0, px=_ms(window_s), nx=True)  # starts the window; both commands or neither
            pipe.incr(name)
            return int((await _answer(pipe.execute()))[1])

    async def ready(self) -> bool:
        try:
            return bool(await _answer(self._redis.ping()))
        except Recoverable:
            return False

    async def close(self) -> None:
        await self._redis.aclose()


async def _answer(call: Awaitable[T] | Any) -> Any:
    try:
        return await call
    except (RedisError, OSError) as x:
        raise Recoverable(f"Redis did not answer: {x}; check KIZASHI_REDIS and that the server runs") from x


def _ms(ttl_s: float) -> int:
    return max(1, round(ttl_s * 1_000))
