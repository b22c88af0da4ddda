"""Answers that are kept: one computation for a crowd, an old answer at once while a newer one is made, errors to those who wait."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from kizashi.cache import MemoryCache
from kizashi.clock import ManualClock
from kizashi.errors import Recoverable
from kizashi.store.client import Store
from services.gateway.answers import Answers
from services.gateway.settings import GatewaySettings


class Maker:
    """Counts its calls; waits for ``go``."""

    def __init__(self) -> None:
        self.calls = 0
        self.go = asyncio.Event()
        self.fails = False

    async def __call__(self) -> bytes:
        self.calls += 1
        call = self.calls
        await self.go.wait()
        if self.fails:
            raise Recoverable("away")
        return b"%d" % call


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_crowd_waits_once_and_then_nobody_waits() -> None:
    clock, make = ManualClock(), Maker()
    near = MemoryCache(clock)
    answers = Answers(cast("Store", None), near, near, GatewaySettings())
    crowd = [asyncio.create_task(answers.remembered("k", 2.0, make, 8.0)) for _ in range(50)]
    await settle()
    make.go.set()
    assert await asyncio.gather(*crowd) == [b"1"] * 50 and make.calls == 1
    clock.advance(1.9)
    assert await answers.remembered("k", 2.0, make, 8.0) == b"1" and make.calls == 1
    clock.advance(0.2)
    make.go.clear()
    assert await asyncio.gather(*(answers.remembered("k", 2.0, make, 8.0) for _ in range(20))) == [b"1"] * 20
    await settle()
    assert make.calls == 2, "one newer answer is being made while everybody got the old one"
    make.go.set()
    await settle()
    assert await answers.remembered("k", 2.0, make, 8.0) == b"2"
    clock.advance(10.1)
    assert await answers.remembered("k", 2.0, make, 8.0) == b"3", "beyond its stale time an answer is not given any more"
    answers.close()


async def test_a_failure_reaches_who_waits_and_keeps_what_is_there() -> None:
    clock, make = ManualClock(), Maker()
    near = MemoryCache(clock)
    answers = Answers(cast("Store", None), near, near, GatewaySettings())
    make.go.set()
    make.fails = True
    with pytest.raises(Recoverable):
        await answers.remembered("k", 2.0, make, 8.0)
    make.fails = False
    assert await answers.remembered("k", 2.0, make, 8.0) == b"2"
    clock.advance(3.0)
    make.fails = True
    assert await answers.remembered("k", 2.0, make, 8.0) == b"2"
    await settle()
    assert await answers.remembered("k", 2.0, make, 8.0) == b"2"
    answers.close()
