"""Failed attempts: only they count, a burst is not ahead of the count, and who is right always gets in."""

from __future__ import annotations

import asyncio

from kizashi.cache import MemoryCache
from kizashi.clock import ManualClock
from services.gateway.attempts import Attempts

MOST = 5


class TurningCache(MemoryCache):
    """Lets others run before every answer, as a cache beyond a network does."""

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        await asyncio.sleep(0)
        return await super().add(key, value, ttl_s)

    async def drop(self, key: str) -> None:
        await asyncio.sleep(0)
        await super().drop(key)


class Checked:
    """Attempts on one cache, and how many checks there were, how many of them at once."""

    def __init__(self, most: int = MOST) -> None:
        self.clock = ManualClock()
        self.cache = TurningCache(self.clock)
        self.attempts = Attempts(self.cache, self.clock, most)
        self.checks = self.now = self.at_once = 0

    async def guess(self, right: bool, subject: str = "password:10.0.0.1") -> bool:
        """One password; False when it was refused unchecked."""
        attempt = await self.attempts.begin(subject)
        if attempt is None:
            return False
        self.checks, self.now = self.checks + 1, self.now + 1
        self.at_once = max(self.at_once, self.now)
        await asyncio.sleep(0.001)
        self.now -= 1
        await (self.attempts.give_back(attempt) if right else self.attempts.fail(attempt))
        return True


async def test_who_is_right_never_waits() -> None:
    checked = Checked()
    assert [await checked.guess(True) for _ in range(100)] == [True] * 100


async def test_failures_count_for_a_minute_each_and_for_their_subject_alone() -> None:
    checked = Checked()
    for _ in range(MOST):
        assert await checked.guess(False)
        checked.clock.advance(10)
    assert not await checked.guess(True), "after five failures nothing is checked"
    assert await checked.guess(False, "password:10.0.0.2")
    assert await checked.attempts.failed("share:10.0.0.1")
    checked.clock.advance(11)  # the first was 61 seconds ago, the second 51
    assert await checked.guess(False)
    assert not await checked.guess(False)


async def test_a_right_answer_clears_no_guesses() -> None:
    checked = Checked()
    answers = [await checked.guess(right) for right in (False, True, False, True, False, True, False, True, False, True, False)]
    assert answers == [True] * 9 + [False] * 2


async def test_a_burst_of_guesses_is_not_ahead_of_the_count() -> None:
    checked = Checked()
    answers = await asyncio.gather(*(checked.guess(False) for _ in range(60)))
    assert (sum(answers), checked.checks) == (MOST, MOST)


async def test_guesses_among_right_answers_stay_bounded() -> None:
    checked = Checked()
    answers = await asyncio.gather(*(checked.guess(k % 3 == 0) for k in range(60)))
    assert sum(answer for k, answer in enumerate(answers) if k % 3) <= MOST


async def test_many_who_are_right_at_once_take_turns() -> None:
    checked = Checked()
    assert all(await asyncio.gather(*(checked.guess(True) for _ in range(40))))
    assert checked.at_once <= MOST


async def test_links_count_when_they_are_wrong() -> None:
    checked = Checked()
    assert [await checked.attempts.failed("link:10.0.0.1") for _ in range(7)] == [True] * MOST + [False] * 2
    checked.clock.advance(61)
    assert await checked.attempts.failed("link:10.0.0.1")


async def test_a_check_that_took_longer_than_a_minute_frees_nobody_elses_place() -> None:
    checked = Checked(most=1)
    slow = await checked.attempts.begin("s")
    assert slow is not None
    checked.clock.advance(61)
    later = await checked.attempts.begin("s")
    assert later is not None and later.place == slow.place
    await checked.attempts.give_back(slow)
    assert await checked.cache.get(later.place) is not None
    await checked.attempts.give_back(later)
    assert await checked.cache.get(later.place) is None
