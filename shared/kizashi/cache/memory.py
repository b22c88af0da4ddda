"""The cache of one process: a dictionary in order of use, bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from kizashi.clock import Clock

ENTRY_OVERHEAD = 200
"""Bytes of dictionary slot, key and tuple that a small entry costs beside its value, measured with tracemalloc."""


class MemoryCache:
    """Forgets the least recently used entry when ``limit`` bytes are passed. Not for several threads."""

    def __init__(self, clock: Clock, limit: int = 64 << 20) -> None:
        self._clock = clock
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes held, overhead included."""
        return self._size

    async def get(self, key: str) -> bytes | None:
        return self.peek(key)

    def peek(self, key: str) -> bytes | None:
        """``get`` without a coroutine, for the hottest path."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._clock.monotonic_s():
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def left_s(self, key: str) -> float:
        """Seconds that the entry has left; 0 when it is absent. Costs no move in the order of use."""
        entry = self._entries.get(key)
        return 0.0 if entry is None else max(0.0, entry[0] - self._clock.monotonic_s())

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.peek(key) for key in keys]

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        self._forget(key)
        self._entries[key] = (self._clock.monotonic_s() + ttl_s, value)
        self._size += len(value) + len(key) + ENTRY_OVERHEAD
        while self._size > self._limit and self._entries:
            self._forget(next(iter(self._entries)))

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        if self.peek(key) is not None:
            return False
        await self.put(key, value, ttl_s)
        return True

    async def take(self, key: str) -> bytes | None:
        value = self.peek(key)
        self._forget(key)
        return value

    async def drop(self, key: str) -> None:
        self._forget(key)

    async def count(self, key: str, window_s: float) -> int:
        entry = self._entries.get(key)
        now = self._clock.monotonic_s()
        if entry is None or entry[0] <= now:
            await self.put(key, b"1", window_s)
            return 1
        seen = int(entry[1]) + 1
        await self.put(key, str(seen).encode(), entry[0] - now)
        return seen

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        self._entries.clear()
        self._size = 0

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= len(entry[1]) + len(key) + ENTRY_OVERHEAD
