"""Many small questions to the store as few large ones: while one is being answered, those that come meanwhile wait and are asked together.

A first question waits for a moment too: the charts of a dashboard come one after the other within a few milliseconds, and each question
costs the store more than what is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


@dataclass
class _Waiting(Generic[R]):
    ids: set[int] = field(default_factory=set)
    answer: asyncio.Future[R] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gather(Generic[K, R]):
    """``ask(key, ids)`` gives an answer that holds at least these ids. The first question of a key waits ``wait_s`` for others."""

    def __init__(self, work: Callable[[K, list[int]], Awaitable[R]], most: int = 500, wait_s: float = 0.0) -> None:
        self._work = work
        self._wait_s = wait_s
        self._most = most
        self._waiting: dict[K, _Waiting[R]] = {}
        self._running: dict[K, asyncio.Task[None]] = {}
        self.questions = 0
        """Questions that reached the store."""

    async def ask(self, key: K, ids: Iterable[int]) -> R:
        """The answer of the question that these ids went along with. Raises what the work raised."""
        wanted = set(ids)
        slot = self._waiting.get(key)
        if slot is not None and len(slot.ids | wanted) > self._most:
            self.questions += 1
            return await self._work(key, sorted(wanted))
        if slot is None:
            slot = self._waiting[key] = _Waiting()
        slot.ids |= wanted
        if key not in self._running:
            task = asyncio.create_task(self._run(key))
            self._running[key] = task
        return await asyncio.shield(slot.answer)

    async def _run(self, key: K) -> None:
        try:
            await asyncio.sleep(self._wait_s)
            while (slot := self._waiting.pop(key, None)) is not None:
                self.questions += 1
                try:
                    answer = await self._work(key, sorted(slot.ids))
                except Exception as x:  # handed to everybody who waits, as it is
                    slot.answer.set_exception(x)
                    slot.answer.exception()  # looked at: a reader that went away leaves no warning behind
                else:
                    slot.answer.set_result(answer)
        finally:
            del self._running[key]
