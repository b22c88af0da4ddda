"""Refused log-ins in the trail: few of each name, so that guesses fill nothing and hide nobody; never a reason to turn somebody away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from kizashi.cache import MemoryCache
from kizashi.clock import ManualClock
from kizashi.contracts.findings import ConfigChange
from kizashi.errors import Recoverable
from services.gateway import logins
from services.gateway.doors import Doors
from services.gateway.logins import FAILURES_AN_HOUR, NOBODY, WINDOW_S


class House:
    """What of the doors a record touches; ``written`` is the trail."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.written: list[ConfigChange] = []
        cache: Any = MemoryCache(self.clock)
        self.parts = SimpleNamespace(cache=cache, clock=self.clock, writer=SimpleNamespace(write=self.write))

    async def write(self, change: ConfigChange) -> int:
        self.written.append(change)
        return 1

    async def refused(self, user: str, times: int = 1) -> None:
        for _ in range(times):
            await logins.record(cast(Doors, self.parts), "acme", user, "password", "failure", "10.0.0.1", "wrong password")

    def by(self, user: str) -> list[str]:
        """Reasons of a user's entries."""
        return [str((c.body or {})["reason"]) for c in self.written if c.author == user]


async def test_guesses_leave_few_entries_and_hide_nobody_else() -> None:
    house = House()
    await house.refused(NOBODY, 500)
    await house.refused("ken", 500)
    await house.refused("mika")
    assert [len(house.by(name)) for name in (NOBODY, "ken", "mika")] == [FAILURES_AN_HOUR, FAILURES_AN_HOUR, 1]
    assert "in the log" in house.by("ken")[-1] and "in the log" not in house.by("ken")[-2], "the last says that there were more"
    house.clock.advance(WINDOW_S + 1)
    await house.refused("ken")
    assert len(house.by("ken")) == FAILURES_AN_HOUR + 1, "the next hour is told again"


async def test_a_cache_that_is_away_turns_no_refusal_into_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()

    async def away(key: str, window_s: float) -> int:
        raise Recoverable("away")

    monkeypatch.setattr(house.parts.cache, "count", away)
    await house.refused("mika")
    assert not house.written, "what cannot be counted is in the log alone: it might be the thousandth"
