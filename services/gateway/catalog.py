"""What series ids mean and whose they are. Positive answers are kept: an id never changes its meaning."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

from kizashi.contracts.ids import parse_series_id
from kizashi.errors import KizashiError
from services.gateway.answers import Answers
from services.gateway.problems import Problem
from services.gateway.queries import series as q

KEPT = 50_000
"""Series described in memory, about 1 kB each at most."""
LOADED = 10_000
"""Series of a tenant that its first question loads."""
Described = dict[str, Any]


class Catalog:
    """Asked by routes and at every WebSocket subscription."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._kept: OrderedDict[tuple[str, int], Described] = OrderedDict()
        self._loading: dict[str, asyncio.Task[None]] = {}

    async def visible(self, tenant: str, series: frozenset[int]) -> frozenset[int]:
        """Those of the series that belong to the tenant."""
        return frozenset(await self.describe(tenant, series))

    async def describe(self, tenant: str, series: frozenset[int]) -> dict[int, Described]:
        """id, metric, labels, unit, kind, service and host of each series of the tenant; others are left out."""
        if tenant not in self._loading:
            self._loading[tenant] = asyncio.create_task(self._load(tenant))
        await asyncio.shield(self._loading[tenant])
        found = {s: kept for s in series if (kept := self._kept.get((tenant, s))) is not None}
        missing = sorted(series - found.keys())
        if missing:
            for row in await self._answers.rows(tenant, q.DESCRIBE, {"tenant": tenant, "ids": missing}):
                number = parse_series_id(row["id"])
                found[number] = row
                self._keep(tenant, number, row)
        return found

    async def _load(self, tenant: str) -> None:
        """All series of a tenant in one question: a hundred screens that open at once would otherwise ask a thousand."""
        try:
            for row in await self._answers.rows(tenant, q.FIRST, {"tenant": tenant, "limit": LOADED}):
                self._keep(tenant, parse_series_id(row["id"]), row)
        except (KizashiError, Problem):  # not fatal: each question then asks for its own series
            del self._loading[tenant]

    def _keep(self, tenant: str, number: int, row: Described) -> None:
        self._kept[tenant, number] = row
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
