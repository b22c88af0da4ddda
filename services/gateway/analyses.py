"""Expensive analyses, computed once: kept in the store with the version of what they were computed from, used again until that changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kizashi.clock import Clock
from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from kizashi.observe.metrics import CACHE
from kizashi.store.blocks import Block
from services.gateway.answers import AbsentTable, Answers, Value
from services.gateway.credentials import digest
from services.gateway.problems import Problem
from services.gateway.queries import analyses as q

MEMORY_S = 60.0
MODEL = "1"
"""Raised when an analysis computes something else: older results are then no longer used."""


@dataclass(frozen=True)
class Analysis:
    """One question: ``id`` names it within its kind, the rest says what it depends on."""

    tenant: str
    kind: str
    id: str
    start_s: int
    end_s: int
    series: tuple[int, ...] = ()
    """The series it reads; none means every series of the tenant."""
    settings: str = ""
    """Configuration it depends on."""


class Analyses:
    """Memory, then the store, then the work itself."""

    def __init__(self, answers: Answers, clock: Clock) -> None:
        self._answers, self._clock = answers, clock

    async def get(self, asked: Analysis, keep_s: float, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The result as JSON; ``make`` computes it when none is kept for the inputs as they are now."""
        key = f"analysis/{asked.tenant}/{asked.kind}/{digest(asked.id + asked.settings)}"
        return await self._answers.remembered(key, MEMORY_S, lambda: self._find(asked, keep_s, make))

    async def _find(self, asked: Analysis, keep_s: float, make: Callable[[], Awaitable[bytes]]) -> bytes:
        inputs = await self.version(asked)
        place: Mapping[str, Value] = {
            "tenant": asked.tenant, "kind": asked.kind, "id": asked.id, "now_s": self._clock.now_ms() // 1_000,
        }  # fmt: skip
        try:
            rows = await self._answers.rows(asked.tenant, q.KEPT, place)
        except AbsentTable:
            rows = []
        if rows and rows[0]["inputs"] == inputs:
            CACHE.labels("analysis", "hit").inc()
            return str(rows[0]["body"]).encode()
        CACHE.labels("analysis", "stale" if rows else "miss").inc()
        began = self._clock.monotonic_s()
        body = await make()
        await self._keep(asked, inputs, keep_s, round((self._clock.monotonic_s() - began) * 1_000), body)
        return body

    async def version(self, asked: Analysis) -> str:
        """What the inputs are now: changes with every new, late or imported row, and with the settings."""
        values: Mapping[str, Value] = {
            "tenant": asked.tenant, "start_s": asked.start_s, "end_s": asked.end_s, "ids": sorted(asked.series),
        }  # fmt: skip
        rows = await self._answers.rows(asked.tenant, q.VERSION, values)
        seen = "/".join(str(rows[0][name]) for name in ("samples", "newest", "buckets")) if rows else ""
        return f"{MODEL}/{seen}/{digest(asked.settings)[:12]}"

    async def _keep(self, asked: Analysis, inputs: str, keep_s: float, cost_ms: int, body: bytes) -> None:
        now_ms = self._clock.now_ms()
        block = Block(1).text("tenant", [asked.tenant]).text("kind", [asked.kind]).text("id", [asked.id]).text("inputs", [inputs])
        block.fixed("made_at", "DateTime64(3, 'UTC')", np.array([now_ms])).fixed(
            "expires", "DateTime('UTC')", np.array([now_ms // 1_000 + round(keep_s)])
        )
        block.fixed("cost_ms", "UInt32", np.array([cost_ms])).documents("body", [body])
        try:
            await self._answers.insert("analyses", block)
        except (KizashiError, Problem) as x:  # the answer is right all the same; it is computed again next time
            logger().warning("analysis.not_kept", kind=asked.kind, error=str(x))
