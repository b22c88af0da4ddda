"""Failed attempts of an address are bounded over all replicas: whoever guesses waits a minute, whoever knows never does.

Only failures count, so that an office behind one address signs in as often as it likes. Nothing is checked without a place, so that a
burst of guesses is not ahead of the count; a right answer gives back its own place and no other, so that whoever has an account cannot
clear what was guessed (the flaw of counters that a success resets). A place is free again a minute after its failure: in no minute,
wherever it begins, fail more than there are places. It needs of the cache only that one of many may add a key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from kizashi.cache import Cache
from kizashi.clock import Clock

WINDOW_S = 60.0
"""How long a failure counts."""
POLL_S, TURNS = 0.05, 100
"""While all places are only being checked, somebody may yet be right: looked at again for five seconds; a check takes a tenth of one."""
CHECKING, FAILED = b"checking", b"failed"


@dataclass(frozen=True)
class Attempt:
    """A place taken at ``since_s``, monotonic seconds."""

    place: str
    since_s: float


class Attempts:
    """At most ``most`` failures a minute of each subject, such as ``password:10.0.0.1``. Whatever the cache raises comes through."""

    def __init__(self, cache: Cache, clock: Clock, most: int) -> None:
        self._cache, self._clock, self._most = cache, clock, most

    async def begin(self, subject: str) -> Attempt | None:
        """Take a place before anything is checked; None when there is none. End it with ``fail`` or ``give_back``."""
        for _ in range(TURNS):
            if (place := await self._take(subject, CHECKING)) is not None:
                return Attempt(place, self._clock.monotonic_s())
            if all(held == FAILED for held in await self._cache.get_many(list(self._places(subject)))):
                return None
            await asyncio.sleep(POLL_S)
        return None

    async def fail(self, attempt: Attempt) -> None:
        """It was wrong: its place is taken for a minute from now on."""
        await self._cache.put(attempt.place, FAILED, WINDOW_S)

    async def give_back(self, attempt: Attempt) -> None:
        """It was right: it does not count."""
        if self._clock.monotonic_s() - attempt.since_s < WINDOW_S:  # later the place may be another's
            await self._cache.drop(attempt.place)

    async def failed(self, subject: str) -> bool:
        """Count a failure of something that nobody can guess, after it was checked; False when there were too many."""
        return await self._take(subject, FAILED) is not None

    async def _take(self, subject: str, state: bytes) -> str | None:
        for place in self._places(subject):
            if await self._cache.add(place, state, WINDOW_S):
                return place
        return None

    def _places(self, subject: str) -> Iterator[str]:
        return (f"attempt:{subject}:{n}" for n in range(self._most))
