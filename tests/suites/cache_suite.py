"""What every cache must do. Adapters subclass this and give a ``cache`` fixture and a way to let time pass."""

from __future__ import annotations

import asyncio

from kizashi.cache import Cache


class CacheSuite:
    """Run by tests/suites/test_cache.py for memory and, when KIZASHI_TEST_REDIS names a server, for Redis."""

    async def pass_time(self, seconds: float) -> None:
        """Let this much time pass for the cache."""
        raise NotImplementedError

    async def test_gives_back_what_was_put(self, cache: Cache) -> None:
        await cache.put("a", b"\x00one", 10)
        await cache.put("a", b"two", 10)
        assert await cache.get("a") == b"two"
        assert await cache.get_many(["b", "a"]) == [None, b"two"]
        assert await cache.get_many([]) == []

    async def test_forgets_after_the_time_to_live(self, cache: Cache) -> None:
        await cache.put("a", b"x", 0.2)
        assert await cache.get("a") == b"x"
        await self.pass_time(0.3)
        assert await cache.get("a") is None

    async def test_only_one_may_add(self, cache: Cache) -> None:
        wins = await asyncio.gather(*(cache.add("lock", str(n).encode(), 10) for n in range(10)))
        assert sum(wins) == 1
        assert await cache.get("lock") == str(wins.index(True)).encode()

    async def test_only_one_may_take(self, cache: Cache) -> None:
        await cache.put("ticket", b"t", 10)
        taken = await asyncio.gather(*(cache.take("ticket") for _ in range(5)))
        assert taken.count(b"t") == 1 and taken.count(None) == 4
        assert await cache.take("ticket") is None

    async def test_drop_is_final_and_harmless(self, cache: Cache) -> None:
        await cache.put("a", b"x", 10)
        await cache.drop("a")
        await cache.drop("a")
        assert await cache.get("a") is None

    async def test_counts_in_a_window(self, cache: Cache) -> None:
        assert [await cache.count("tries", 0.3) for _ in range(3)] == [1, 2, 3]
        await self.pass_time(0.4)
        assert await cache.count("tries", 0.3) == 1

    async def test_is_ready(self, cache: Cache) -> None:
        assert await cache.ready()
