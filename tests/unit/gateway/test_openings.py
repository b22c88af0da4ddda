"""When dashboards are opened is learned, kept over a restart, and used five minutes before the usual peak; the clock is the test's."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kizashi.clock import ManualClock
from kizashi.errors import StoreUnavailable
from kizashi.observe.metrics import CACHE
from kizashi.store.blocks import Block
from services.gateway import warm
from services.gateway.doors import Doors
from services.gateway.openings import DAY_MS, HOUR_MS, Openings
from services.gateway.problems import Problem

MIDNIGHT = 20_000 * DAY_MS
BOARD = ("acme", "main")


class Store:
    """Keeps what a row is made of and adds it up as the statement does (tried on the real store in test_warm.py); may be away."""

    def __init__(self) -> None:
        self.rows_kept: list[dict[str, Any]] = []
        self.away: Exception | None = None

    async def rows(self, tenant: str, statement: Any, values: Any) -> list[dict[str, Any]]:
        if self.away:
            raise self.away
        return [{"tenant": "acme", **row} for row in self.rows_kept]

    async def insert(self, table: str, block: Block) -> None:
        if self.away:
            raise self.away
        assert table == "analyses"
        self.rows_kept += [json.loads(body) for body in BODIES]
        BODIES.clear()


BODIES: list[bytes] = []


@pytest.fixture(autouse=True)
def bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a block was given as documents, which it writes in the engine's own format."""
    BODIES.clear()
    plain = Block.documents

    def documents(self: Block, name: str, values: list[bytes]) -> Block:
        BODIES.extend(values)
        return plain(self, name, values)

    monkeypatch.setattr(Block, "documents", documents)


def at(hour: float, day: int = 0) -> int:
    return MIDNIGHT + day * DAY_MS + round(hour * HOUR_MS)


def learned(clock: ManualClock, store: Store) -> Openings:
    """Opened at nine on three days, once at noon."""
    made = Openings(clock, store)
    warmed(made)
    for day in range(3):
        for hour in (9.1, 12.5)[: 2 if day == 0 else 1]:
            clock.advance((at(hour, day) - clock.now_ms()) / 1_000)
            made.opened(*BOARD)
    return made


def warmed(made: Openings, works: bool = True) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []

    async def warm(board: tuple[str, str]) -> bool:
        out.append(board)
        return works

    asyncio.run(made.turn([BOARD, ("acme", "never opened")], warm))
    return out


def test_it_is_warm_five_minutes_before_the_peak_once_a_day() -> None:
    clock = ManualClock(MIDNIGHT)
    made = learned(clock, Store())
    assert made.peak(*BOARD) == 9
    when = {}
    for minute in range(24 * 60):
        clock.advance((at(minute / 60, 3) - clock.now_ms()) / 1_000)
        for board in warmed(made):
            when[minute] = board
    assert when == {9 * 60 - 5: BOARD}


def test_two_openings_are_no_habit_and_a_peak_at_midnight_is_met() -> None:
    clock = ManualClock(at(0.2))
    made = Openings(clock, Store())
    warmed(made)
    for _ in range(2):
        made.opened(*BOARD)
    assert made.peak(*BOARD) is None and warmed(made) == []
    made.opened(*BOARD)
    clock.advance((at(23.95) - clock.now_ms()) / 1_000)
    assert made.peak(*BOARD) == 0 and warmed(made) == [BOARD] and warmed(made) == []


def test_a_board_that_could_not_be_warmed_is_tried_again() -> None:
    clock = ManualClock(MIDNIGHT)
    made = learned(clock, Store())
    clock.advance((at(8.95, 3) - clock.now_ms()) / 1_000)
    assert [warmed(made, works) for works in (False, False, True, True)] == [[BOARD], [BOARD], [BOARD], []]


@pytest.mark.parametrize("away", [StoreUnavailable("away"), Problem(422, "the question is too big")])
def test_counts_outlive_the_process_and_a_store_that_is_away(away: Exception) -> None:
    clock, store = ManualClock(MIDNIGHT), Store()
    made = learned(clock, store)
    store.away = away
    clock.advance(HOUR_MS / 1_000)
    warmed(made)
    BODIES.clear()
    assert made.peak(*BOARD) == 9, "what is known is known still"
    store.away = None
    asyncio.run(made.flush())
    asyncio.run(made.flush())
    assert len(store.rows_kept) == 1, "what was counted is written once"
    again = Openings(clock, store)
    store.away = away
    warmed(again)
    assert again.peak(*BOARD) is None
    store.away = None
    clock.advance(HOUR_MS / 1_000)
    warmed(again)
    assert again.peak(*BOARD) == 9, "a store that was away at the start is asked again"


def test_what_the_store_no_longer_has_is_forgotten_and_other_replicas_are_heard() -> None:
    clock, store = ManualClock(MIDNIGHT), Store()
    made = learned(clock, store)
    clock.advance(HOUR_MS / 1_000)
    warmed(made)
    store.rows_kept = [{"board": "main", "hours": [0, 5, *[0] * 22]}]
    clock.advance(HOUR_MS / 1_000)
    warmed(made)
    assert made.peak(*BOARD) == 1


def wanted(outcome: str) -> dict[str, str]:
    return {"layer": "peak", "outcome": outcome}


def test_hits_are_counted() -> None:
    def count(outcome: str) -> float:
        return sum(s.value for m in CACHE.collect() for s in m.samples if s.name.endswith("_total") and s.labels == wanted(outcome))

    clock = ManualClock(MIDNIGHT)
    made = learned(clock, Store())
    before = count("hit"), count("miss")
    clock.advance((at(8.95, 3) - clock.now_ms()) / 1_000)
    assert warmed(made) == [BOARD]
    clock.advance((at(9.2, 3) - clock.now_ms()) / 1_000)
    made.opened(*BOARD)
    clock.advance((at(9.2, 4) - clock.now_ms()) / 1_000)
    made.opened(*BOARD)
    assert (count("hit") - before[0], count("miss") - before[1]) == (1, 1)


def test_boards_that_nobody_starred_are_neither_counted_nor_written() -> None:
    store = Store()
    made = Openings(ManualClock(MIDNIGHT), store)
    warmed(made)
    for n in range(5_000):
        for _ in range(3):
            made.opened("acme", f"b{n}")
    asyncio.run(made.flush())
    assert made.peak("acme", "b0") is None and store.rows_kept == []


async def test_what_was_counted_is_written_when_the_gateway_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    made = Openings(ManualClock(MIDNIGHT), store)
    looked = asyncio.Event()

    def pinned(parts: Any) -> dict[Any, Any]:
        looked.set()
        return {BOARD: warm.Dashboard()}

    monkeypatch.setattr(warm, "pinned", pinned)
    running = asyncio.create_task(warm.warm_for_peaks(cast(Doors, SimpleNamespace(openings=made))))
    await looked.wait()
    made.opened(*BOARD)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [row["board"] for row in store.rows_kept] == [BOARD[1]]
