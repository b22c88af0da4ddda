"""When dashboards are opened, by hour of the day (UTC), so that their ranges are warm shortly before their usual peak.

Counts of four weeks are kept in the store among the analyses, a row a replica, hour and dashboard: what is added later is a row of its own,
so replicas never overwrite one another. Every hour they are added up anew: old ones go, and those of other replicas come.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np

from kizashi.clock import Clock
from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from kizashi.observe.metrics import CACHE
from kizashi.store.blocks import Block
from services.gateway.answers import Value
from services.gateway.problems import Problem
from services.gateway.queries import Statement
from services.gateway.queries import analyses as q

KIND = "opened"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LEAD_MS = 300_000
"""Ranges are warmed this long before the hour in which most people come."""
FEWEST = 3
"""Openings in four weeks from which on an hour is a habit."""
KEPT_S = 28 * 86_400
EXCHANGE_MS = HOUR_MS
WARM_FOR_MS = HOUR_MS + LEAD_MS
"""Who comes until the end of the peak hour finds what was warmed before it."""

Board = tuple[str, str]
"""Tenant and id."""


class Keeps(Protocol):
    """The door to the store: ``services.gateway.answers.Answers``."""

    async def rows(self, tenant: str, statement: Statement, values: dict[str, Value]) -> list[dict[str, Any]]: ...

    async def insert(self, table: str, block: Block) -> None: ...


class Counted(msgspec.Struct):
    """Body of a row: openings of a dashboard by hour of the day."""

    board: str
    hours: list[int]


@dataclass
class Openings:
    """``opened`` at each opening, ``turn`` now and then, ``flush`` at the end. Only dashboards that can be warmed are counted."""

    clock: Clock
    answers: Keeps
    _boards: frozenset[Board] = frozenset()
    _seen: dict[Board, list[int]] = field(default_factory=dict)
    _fresh: dict[Board, list[int]] = field(default_factory=dict)
    _warmed: dict[Board, int] = field(default_factory=dict)
    _exchanged_ms: int | None = None

    def opened(self, tenant: str, board: str) -> None:
        """Somebody opens a dashboard now."""
        key = tenant, board
        if key not in self._boards:
            return
        now_ms = self.clock.now_ms()
        hour = now_ms % DAY_MS // HOUR_MS
        for counts in (self._seen, self._fresh):
            counts.setdefault(key, [0] * 24)[hour] += 1
        ready = now_ms - self._warmed.get(key, -WARM_FOR_MS) < WARM_FOR_MS
        if ready or self.peak(*key) == hour:
            CACHE.labels("peak", "hit" if ready else "miss").inc()

    def peak(self, tenant: str, board: str) -> int | None:
        """The hour of the day in which most people open it; None while there is no habit."""
        hours = self._seen.get((tenant, board))
        if hours is None or max(hours) < FEWEST:
            return None
        return hours.index(max(hours))

    def due(self) -> list[Board]:
        """Those of the dashboards whose peak begins within ``LEAD_MS`` and that were not warmed for it yet."""
        now_ms = self.clock.now_ms()
        self._warmed = {board: at_ms for board, at_ms in self._warmed.items() if now_ms - at_ms < WARM_FOR_MS}
        peaks = {board: self.peak(*board) for board in self._boards - self._warmed.keys()}
        return [board for board, hour in peaks.items() if hour is not None and 0 < (hour * HOUR_MS - now_ms) % DAY_MS <= LEAD_MS]

    async def turn(self, boards: Iterable[Board], warm: Callable[[Board], Awaitable[bool]]) -> None:
        """Warm what is due of ``boards``, which are all that can be warmed; ``warm`` says whether it did, else it is tried again.

        At first and every hour what was counted is written, and what all have counted is read.
        """
        self._boards = frozenset(boards)
        now_ms = self.clock.now_ms()
        if self._exchanged_ms is None or now_ms - self._exchanged_ms >= EXCHANGE_MS:
            self._exchanged_ms = now_ms
            await self.flush()
            await self._load()
        for board in self.due():
            if await warm(board):
                self._warmed[board] = self.clock.now_ms()

    async def flush(self) -> None:
        """Write what was counted since the last time; what the store does not take is written with the next."""
        fresh, self._fresh = self._fresh, {}
        now_ms = self.clock.now_ms()
        if not fresh:
            return
        n = len(fresh)
        block = Block(n).text("tenant", [tenant for tenant, _ in fresh]).text("kind", [KIND] * n)
        block.text("id", [f"{board}/{secrets.token_hex(8)}" for _, board in fresh]).text("inputs", [""] * n)
        block.fixed("made_at", "DateTime64(3, 'UTC')", np.full(n, now_ms)).fixed(
            "expires", "DateTime('UTC')", np.full(n, now_ms // 1_000 + KEPT_S)
        )
        block.fixed("cost_ms", "UInt32", np.zeros(n, np.int64))
        block.documents("body", [msgspec.json.encode(Counted(board, hours)) for (_, board), hours in fresh.items()])
        try:
            await self.answers.insert("analyses", block)
        except (KizashiError, Problem) as x:
            logger().warning("openings.not_kept", error=str(x))
            for board, hours in fresh.items():
                _add(self._fresh, board, hours)

    async def _load(self) -> None:
        """Take what all have counted. A store that is away leaves what is known here."""
        asked: dict[str, Value] = {"kind": KIND, "now_s": self.clock.now_ms() // 1_000, "most": q.MOST_COUNTED}
        try:
            rows = await self.answers.rows("", q.COUNTED, asked)
        except (KizashiError, Problem) as x:
            logger().warning("openings.not_loaded", error=str(x))
            return
        self._seen = {board: list(hours) for board, hours in self._fresh.items()}
        for row in rows:
            _add(self._seen, (row["tenant"], row["board"]), row["hours"])


def _add(counts: dict[Board, list[int]], board: Board, hours: list[int]) -> None:
    counts[board] = [a + b for a, b in zip(counts.get(board, [0] * 24), hours, strict=True)]
