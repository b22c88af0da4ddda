"""Many small questions to the store as few large ones: while one is being answered, those that come meanwhile wait and are asked together.

What is being asked just now is not asked again: who comes for it takes the answer that is on its way, and asks for the rest. A first
question waits for a moment too: the charts of a dashboard come one after the other within a few milliseconds, and each question costs the
store more than what is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=Hashable)
B = TypeVar("B")


@dataclass
class _Slot(Generic[A, B]):
    ids: set[int] = field(default_factory=set)
    answer: asyncio.Future[dict[A, B]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gather(Generic[K, A, B]):
    """``ask(key, ids)`` gives a dictionary that holds at least these ids. The first question of a key waits ``wait_s`` for others."""

    def __init__(self, work: Callable[[K, list[int]], Awaitable[dict[A, B]]], most: int = 500, wait_s: float = 0.0) -> None:
        self._work = work
        self._wait_s = wait_s
        self._most = most
        self._waiting: dict[K, _Slot[A, B]] = {}
        self._asked: dict[K, _Slot[A, B]] = {}
        self._running: dict[K, asyncio.Task[None]] = {}
        self.questions = 0
        """Questions that reached the store."""

    async def ask(self, key: K, ids: Iterable[int]) -> dict[A, B]:
        """The answers of the questions that these ids went along with. Raises what the work raised for them."""
        wanted = set(ids)
        asked = self._asked.get(key)
        if asked is None or asked.ids.isdisjoint(wanted):
            return await self._next(key, wanted)
        coming = self._coming(key, asked, wanted & asked.ids)
        rest = wanted - asked.ids
        if not rest:
            return await coming
        found, more = await asyncio.gather(coming, self._next(key, rest))
        return found | more

    async def _coming(self, key: K, asked: _Slot[A, B], wanted: set[int]) -> dict[A, B]:
        try:
            return await asyncio.shield(asked.answer)
        except Exception:  # that question held more than ours, which may have been what was wrong with it
            return await self._next(key, wanted)

    async def _next(self, key: K, wanted: set[int]) -> dict[A, B]:
        slot = self._waiting.get(key)
        if slot is not None and len(slot.ids | wanted) > self._most:
            self.questions += 1
            return await self._work(key, sorted(wanted))
        if slot is None:
            slot = self._waiting[key] = _Slot()
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
                self._asked[key] = slot
                try:
                    answer = await self._work(key, sorted(slot.ids))
                except Exception as x:  # handed to everybody who waits, as it is
                    slot.answer.set_exception(x)
                    slot.answer.exception()  # looked at: a reader that went away leaves no warning behind
                else:
                    slot.answer.set_result(answer)
        finally:
            self._asked.pop(key, None)
            del self._running[key]
