"""What series ids mean and whose they are. Positive answers are kept: an id never changes its meaning."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from kizashi.contracts.ids import parse_series_id
from services.gateway.answers import Answers
from services.gateway.queries import series as q

KEPT = 50_000
"""Series described in memory, about 1 kB each at most."""
Described = dict[str, Any]


class Catalog:
    """Asked by routes and at every WebSocket subscription."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._kept: OrderedDict[tuple[str, int], Described] = OrderedDict()

    async def visible(self, tenant: str, series: frozenset[int]) -> frozenset[int]:
        """Those of the series that belong to the tenant."""
        return frozenset(await self.describe(tenant, series))

    async def describe(self, tenant: str, series: frozenset[int]) -> dict[int, Described]:
        """id, metric, labels, unit, kind, service and host of each series of the tenant; others are left out."""
        found = {s: kept for s in series if (kept := self._kept.get((tenant, s))) is not None}
        missing = sorted(series - found.keys())
        if missing:
            for row in await self._answers.rows(tenant, q.DESCRIBE, {"tenant": tenant, "ids": missing}):
                number = parse_series_id(row["id"])
                found[number] = row
                self._kept[tenant, number] = row
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found
