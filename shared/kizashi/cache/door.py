"""What a cache promises, whichever adapter is behind it. Memory and Redis pass the same suite (tests/suites/cache_suite.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Cache(Protocol):
    """Small values under text keys, each with a time to live in seconds. An adapter that cannot answer raises Recoverable."""

    async def get(self, key: str) -> bytes | None:
        """Value, or None when absent or expired."""

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """One answer a key, in order."""

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Store, replacing what was there."""

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Store only when absent; True for the one caller that did."""

    async def take(self, key: str) -> bytes | None:
        """Get and delete in one step: of two callers only one gets the value."""

    async def drop(self, key: str) -> None:
        """Delete; nothing happens when absent."""

    async def count(self, key: str, window_s: float) -> int:
        """Add one to a counter that starts at 0 and dies ``window_s`` after its first increment; the new count."""

    async def ready(self) -> bool:
        """Whether it answers now; never raises."""

    async def close(self) -> None:
        """Let go of connections."""
