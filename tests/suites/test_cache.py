"""The cache suite on memory, and on Redis where there is one."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator

import pytest

from kizashi.cache import Cache, MemoryCache, connect
from kizashi.cache.memory import ENTRY_OVERHEAD
from kizashi.clock import ManualClock, SystemClock
from kizashi.errors import Recoverable
from tests.suites.cache_suite import CacheSuite

REDIS = os.environ.get("KIZASHI_TEST_REDIS", "")


class TestMemory(CacheSuite):
    clock = ManualClock(1_000)

    @pytest.fixture
    async def cache(self) -> AsyncIterator[Cache]:
        yield MemoryCache(self.clock)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def test_stays_below_its_limit_and_keeps_what_is_used(self) -> None:
        cache = MemoryCache(self.clock, limit=10 * (100 + 1 + ENTRY_OVERHEAD))
        for name in "abcdefghij":
            await cache.put(name, b"x" * 100, 10)
        assert await cache.get("a")
        await cache.put("k", b"x" * 100, 10)
        assert await cache.get("b") is None
        assert await cache.get("a") and await cache.get("k")
        assert cache.size <= 10 * (100 + 1 + ENTRY_OVERHEAD)

    async def test_close_empties_it(self) -> None:
        cache = connect(None, self.clock)
        await cache.put("a", b"x", 10)
        await cache.close()
        assert await cache.get("a") is None


@pytest.mark.skipif(not REDIS, reason="no Redis server: name one in KIZASHI_TEST_REDIS (redis://host:port/db)")
class TestRedis(CacheSuite):
    @pytest.fixture
    async def cache(self) -> AsyncIterator[Cache]:
        from kizashi.cache.redis_cache import RedisCache

        cache = RedisCache(REDIS, prefix=f"test:{uuid.uuid4().hex}:")
        yield cache
        await cache.close()

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # Redis has its own clock


async def test_redis_that_is_away_is_recoverable() -> None:
    from pydantic import SecretStr

    cache = connect(SecretStr("redis://127.0.0.1:1/0"), SystemClock())
    assert not await cache.ready()
    with pytest.raises(Recoverable, match="KIZASHI_REDIS"):
        await cache.get("a")
    with pytest.raises(Recoverable):
        await cache.count("a", 1)
    await cache.close()
