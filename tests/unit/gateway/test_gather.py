"""Questions that come while one is being answered go along with the next: every reader gets its ids, the store is asked seldom."""

from __future__ import annotations

import asyncio

import pytest

from services.gateway.gather import Gather


class HeldStore:
    """Answers when it is let go, with the squares of what it is asked for, and refuses a question that holds ``refused``."""

    def __init__(self, refused: int = -1) -> None:
        self.asked: list[list[int]] = []
        self.release = asyncio.Event()
        self._refused = refused

    async def squares(self, key: str, ids: list[int]) -> dict[int, int]:
        self.asked.append(ids)
        await self.release.wait()
        if self._refused in ids:
            raise ValueError("no")
        return {i: i * i for i in ids}


async def test_a_crowd_asks_twice_and_everybody_gets_an_answer() -> None:
    store = HeldStore()
    gather: Gather[str, int, int] = Gather(store.squares)
    readers = [asyncio.create_task(gather.ask("k", [n])) for n in range(50)]
    readers.append(asyncio.create_task(gather.ask("other", [7])))
    for _ in range(3):
        await asyncio.sleep(0)
    late = [asyncio.create_task(gather.ask("k", [n, 99])) for n in range(50, 60)]
    await asyncio.sleep(0)
    store.release.set()
    found = await asyncio.gather(*readers, *late)
    assert all(found[n][n] == n * n for n in range(50)) and found[50] == {7: 49}
    assert all(answer[99] == 9801 for answer in found[51:])
    assert sorted(map(len, store.asked)) == [1, 11, 50] and gather.questions == 3
    assert await gather.ask("k", [3]) == {3: 9}


async def test_an_error_reaches_everybody_who_waited_and_nobody_else() -> None:
    async def work(key: str, ids: list[int]) -> dict[int, str]:
        if 1 in ids:
            raise ValueError("no")
        return dict.fromkeys(ids, key)

    gather: Gather[str, int, str] = Gather(work)
    results = await asyncio.gather(gather.ask("a", [1]), gather.ask("a", [2]), gather.ask("b", [2]), return_exceptions=True)
    assert [type(r) for r in results] == [ValueError, ValueError, dict]
    assert await gather.ask("a", [2]) == {2: "a"}


async def test_one_question_stays_bounded_and_a_reader_may_leave() -> None:
    sizes: list[int] = []

    async def work(key: str, ids: list[int]) -> dict[int, str]:
        sizes.append(len(ids))
        await asyncio.sleep(0)
        return dict.fromkeys(ids, key)

    gather: Gather[str, int, str] = Gather(work, most=10)
    leaving = asyncio.create_task(gather.ask("a", [0]))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await asyncio.gather(*(gather.ask("a", range(n, n + 6)) for n in (0, 10, 20)))
    assert max(sizes) <= 10


async def test_questions_that_come_within_the_wait_are_one_from_the_start() -> None:
    asked: list[list[int]] = []

    async def work(key: str, ids: list[int]) -> dict[int, str]:
        asked.append(ids)
        return dict.fromkeys(ids, key)

    gather: Gather[str, int, str] = Gather(work, wait_s=0.2)

    async def panel(n: int) -> dict[int, str]:
        await asyncio.sleep(n / 1_000)
        return await gather.ask("a", [n])

    assert await asyncio.gather(*(panel(n) for n in range(4))) == [dict.fromkeys(range(4), "a")] * 4
    assert asked == [[0, 1, 2, 3]]


async def test_what_is_being_asked_is_not_asked_again() -> None:
    store = HeldStore()
    gather: Gather[str, int, int] = Gather(store.squares)
    first = asyncio.create_task(gather.ask("k", [1, 2, 3]))
    for _ in range(3):
        await asyncio.sleep(0)
    same, more, other = [asyncio.create_task(gather.ask("k", ids)) for ids in ([2], [3, 4], [5])]
    await asyncio.sleep(0)
    store.release.set()
    assert (await first)[1] == 1 and (await same)[2] == 4 and (await other)[5] == 25
    assert {3: 9, 4: 16}.items() <= (await more).items()
    assert store.asked == [[1, 2, 3], [4, 5]]
    assert await gather.ask("k", [2]) == {2: 4} and store.asked[-1] == [2], "an answer is not kept"


async def test_who_came_for_what_is_on_its_way_does_not_get_the_error_of_others() -> None:
    store = HeldStore(refused=1)
    gather: Gather[str, int, int] = Gather(store.squares)
    first = asyncio.create_task(gather.ask("k", [1, 2]))
    for _ in range(3):
        await asyncio.sleep(0)
    same, more = [asyncio.create_task(gather.ask("k", ids)) for ids in ([2], [2, 3])]
    await asyncio.sleep(0)
    store.release.set()
    with pytest.raises(ValueError, match="no"):
        await first
    assert {2: 4}.items() <= (await same).items() and {2: 4, 3: 9}.items() <= (await more).items()
    with pytest.raises(ValueError, match="no"):
        await gather.ask("k", [1])
