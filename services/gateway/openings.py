"""When dashboards are opened, by hour of the day (UTC), so that their ranges are warm shortly before their usual peak.

Counts of four weeks are kept in the store among the analyses, a row a replica, hour and dashboard: what is added later is a row of its own,
so replicas never overwrite one another.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np

from kizashi.clock import Clock
from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from kizashi.observe.metrics import CACHE
from kizashi.store.blocks import Block
from services.gateway.answers import AbsentTable, Value
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
FLUSH_MS = HOUR_MS
WARM_FOR_MS = HOUR_MS + LEAD_MS
"""Who comes until the end of the peak hour finds what was warmed before it."""
MOST_BOARDS = 10_000
"""Dashboards that are counted; what is beyond is left out."""

Board = tuple[str, str]
"""Tenant and id."""


class Keeps(Protocol):
    """The door to the store: ``services.gateway.answers.Answers``."""

    async def rows(self, tenant: str, statement: Statement, values: dict[str, Value]) -> list[dict[str, str]]: ...

    async def insert(self, table: str, block: Block) -> None: ...


class Counted(msgspec.Struct):
    """Body of a row: openings of a dashboard by hour of the day."""

    board: str
    hours: list[int]


@dataclass
class Openings:
    """``load`` once, ``opened`` at each opening, ``turn`` now and then."""

    clock: Clock
    answers: Keeps
    _seen: dict[Board, list[int]] = field(default_factory=dict)
    _fresh: dict[Board, list[int]] = field(default_factory=dict)
    _warmed: dict[Board, int] = field(default_factory=dict)
    _flushed_ms: int = 0

    async def load(self) -> None:
        """Take what was counted before. A store that is away means that habits are learned anew."""
        self._flushed_ms = self.clock.now_ms()
        try:
            rows = await self.answers.rows("", q.COUNTED, {"kind": KIND, "now_s": self._flushed_ms // 1_000})
        except (KizashiError, Problem, AbsentTable) as x:
            logger().info("openings.not_loaded", error=str(x))
            return
        for row in rows:
            try:
                found = msgspec.json.decode(row["body"], type=Counted)
            except (msgspec.DecodeError, msgspec.ValidationError):
                continue
            if len(found.hours) == 24:
                _add(self._seen, (row["tenant"], found.board), found.hours)

    def opened(self, tenant: str, board: str) -> None:
        """Somebody opens a dashboard now."""
        now_ms = self.clock.now_ms()
        hours = [0] * 24
        hours[now_ms % DAY_MS // HOUR_MS] = 1
        for counts in (self._seen, self._fresh):
            _add(counts, (tenant, board), hours)
        if (tenant, board) in self._warmed or self.peak(tenant, board) == now_ms % DAY_MS // HOUR_MS:
            ready = now_ms - self._warmed.get((tenant, board), -WARM_FOR_MS) < WARM_FOR_MS
            CACHE.labels("peak", "hit" if ready else "miss").inc()

    def peak(self, tenant: str, board: str) -> int | None:
        """The hour of the day in which most people open it; None while there is no habit."""
        hours = self._seen.get((tenant, board))
        if hours is None or max(hours) < FEWEST:
            return None
        return hours.index(max(hours))

    def due(self, boards: Iterable[Board]) -> list[Board]:
        """Those of the dashboards whose peak begins within ``LEAD_MS`` and that were not warmed for it yet; each is given once."""
        now_ms = self.clock.now_ms()
        out = []
        for board in boards:
            hour = self.peak(*board)
            if hour is None or now_ms - self._warmed.get(board, -DAY_MS) < WARM_FOR_MS:
                continue
            if 0 < (hour * HOUR_MS - now_ms) % DAY_MS <= LEAD_MS:
                self._warmed[board] = now_ms
                out.append(board)
        return out

    async def turn(self, boards: Iterable[Board], warm: Callable[[Board], Awaitable[None]]) -> None:
        """Warm what is due, and keep what was counted since an hour."""
        for board in self.due(boards):
            await warm(board)
        if self.clock.now_ms() - self._flushed_ms >= FLUSH_MS:
            await self.flush()

    async def flush(self) -> None:
        """Write what was counted since the last time; what the store does not take is written with the next."""
        fresh, self._fresh = self._fresh, {}
        self._flushed_ms = now_ms = self.clock.now_ms()
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


def _add(counts: dict[Board, list[int]], board: Board, hours: list[int]) -> None:
    if board not in counts and len(counts) >= MOST_BOARDS:
        return
    counts[board] = [a + b for a, b in zip(counts.get(board, [0] * 24), hours, strict=True)]
