"""The door to the cache: memory on one machine, Redis where several replicas share sessions and results."""

from __future__ import annotations

from pydantic import SecretStr

from kizashi.cache.door import Cache
from kizashi.cache.memory import MemoryCache
from kizashi.clock import Clock

__all__ = ["Cache", "MemoryCache", "connect"]


def connect(url: SecretStr | None, clock: Clock) -> Cache:
    """Redis when there is an address, else a cache of this process."""
    if url is None:
        return MemoryCache(clock)
    from kizashi.cache.redis_cache import RedisCache  # loaded only where Redis is used: saves 12 MB on one machine

    return RedisCache(url.get_secret_value())
