"""What series ids mean, whose they are and what they are called: a tenant's series are kept in memory and searched there.

The store takes 20 ms of CPU to find a word among ten thousand series, and a dashboard that opens searches once a panel. A tenant with more
than ``INDEXED`` series is searched in the store. New series come by asking for what was announced since; all are read again once in a
while, since what lands late was announced long before.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from kizashi.clock import Clock
from kizashi.contracts.ids import parse_series_id
from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from services.gateway.answers import Answers, Value
from services.gateway.gather import Gather
from services.gateway.problems import Problem
from services.gateway.queries import series as q
from services.gateway.series_index import Described, Search, SeriesIndex

INDEXED = 20_000
"""Series of one tenant, about 1 kB each at most."""
KEPT = 100_000
"""Series of all tenants; the tenant that was not asked about for longest goes first."""
PAGE = 10_000
NEWS_EVERY_S = 2.0
OLD_S = 3.0
"""Who searches waits for the news when they are older than this."""
WHOLE_EVERY_S = 60.0
OVERLAP_MS = 10_000
"""Announcements of several partitions land in any order."""
TOGETHER_S = 0.003
"""A browser sends the searches of one dashboard within this time."""


def asked(tenant: str, wanted: Search) -> dict[str, Value]:
    """What the statements that search in the store take."""
    return {
        "tenant": tenant, "service": wanted.service, "host": wanted.host, "metric": wanted.metric, "words": list(wanted.words),
        "after_metric": wanted.after[0], "after_id": wanted.after[1], "limit": wanted.limit,
    }  # fmt: skip


@dataclass
class _Home:
    """A tenant's series. Times in seconds of the steady clock; ``through_ms`` is when the newest of them was announced."""

    index: SeriesIndex = field(default_factory=lambda: SeriesIndex(INDEXED))
    loaded: bool = False
    looked_s: float = -OLD_S
    read_s: float = 0.0
    through_ms: int = 0
    looking: asyncio.Task[None] | None = None


class Catalog:
    """Asked by routes and at every WebSocket subscription."""

    def __init__(self, answers: Answers, clock: Clock) -> None:
        self._answers, self._clock = answers, clock
        self._homes: OrderedDict[str, _Home] = OrderedDict()
        self._describing: Gather[str, int, Described] = Gather(self._ask_described)
        self._newest: Gather[str, str, dict[str, Any]] = Gather(self._ask_newest, most=2_000, wait_s=TOGETHER_S)

    async def visible(self, tenant: str, series: frozenset[int]) -> frozenset[int]:
        """Those of the series that belong to the tenant."""
        return frozenset(await self.describe(tenant, series))

    async def describe(self, tenant: str, series: frozenset[int]) -> dict[int, Described]:
        """id, metric, labels, unit, kind, service and host of each series of the tenant; others are left out."""
        home = await self._home(tenant)
        found = {s: row for s in series if (row := home.index.get(s)) is not None}
        if missing := series - found.keys():
            described = await self._describing.ask(tenant, missing)
            found |= {s: row for s in missing if (row := described.get(s)) is not None}
        return found

    async def search(self, tenant: str, wanted: Search) -> list[Described]:
        """The first ``wanted.limit`` that match, in order of metric and id."""
        home = await self._home(tenant, OLD_S)
        if home.loaded and home.index.whole:
            return home.index.search(wanted)
        return await self._answers.rows(tenant, q.SEARCH, asked(tenant, wanted))

    async def newest(self, tenant: str, rows: list[Described]) -> dict[str, dict[str, Any]]:
        """Id → last_ms, value, score, band and flags of each that has landed."""
        return await self._newest.ask(tenant, [parse_series_id(row["id"]) for row in rows]) if rows else {}

    async def _home(self, tenant: str, oldest_s: float = float("inf")) -> _Home:
        """A tenant's series, loaded; news of them are asked for by the way, and waited for when the last are older than ``oldest_s``."""
        home = self._homes.setdefault(tenant, _Home())
        self._homes.move_to_end(tenant)
        age_s = self._clock.monotonic_s() - home.looked_s
        if home.looking is None and age_s >= NEWS_EVERY_S:
            home.looking = asyncio.create_task(self._look(tenant, home))
        if home.looking is not None and (not home.loaded or age_s >= oldest_s):
            await asyncio.shield(home.looking)
        return home

    async def _look(self, tenant: str, home: _Home) -> None:
        now_s = self._clock.monotonic_s()
        try:
            if not home.loaded or (home.index.whole and now_s - home.read_s >= WHOLE_EVERY_S):
                home.index = await self._read_all(tenant, home)
                home.read_s, home.loaded = now_s, True
            elif home.index.whole:  # a tenant that has become too large stays so: series are never taken away
                since: dict[str, Value] = {"tenant": tenant, "since": home.through_ms - OVERLAP_MS, "limit": PAGE}
                news = _taken(home, await self._answers.rows(tenant, q.ANNOUNCED, since))
                home.index.add(news)
                if len(news) >= PAGE:
                    home.read_s = -WHOLE_EVERY_S
            home.looked_s = now_s
        except (KizashiError, Problem) as x:  # not fatal: each question then asks the store for itself
            logger().info("catalog.not_read", tenant=tenant, error=str(x))
        finally:
            home.looking = None
        others = iter(list(self._homes))
        while sum(len(h.index) for h in self._homes.values()) > KEPT and (first := next(others)) != tenant:
            del self._homes[first]

    async def _read_all(self, tenant: str, home: _Home) -> SeriesIndex:
        index, after = home.index if home.loaded else SeriesIndex(INDEXED), ("", 0)
        while index.whole:
            page: dict[str, Value] = {"tenant": tenant, "after_metric": after[0], "after_id": after[1], "limit": PAGE}
            rows = _taken(home, await self._answers.rows(tenant, q.ALL, page))
            index.add(rows)
            if len(rows) < PAGE:
                break
            after = rows[-1]["metric"], parse_series_id(rows[-1]["id"])
        return index

    async def _ask_described(self, tenant: str, ids: list[int]) -> dict[int, Described]:
        rows = await self._answers.rows(tenant, q.DESCRIBE, {"tenant": tenant, "ids": ids})
        if (home := self._homes.get(tenant)) is not None:
            home.index.add(rows)
        return {parse_series_id(row["id"]): row for row in rows}

    async def _ask_newest(self, tenant: str, ids: list[int]) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in await self._answers.rows(tenant, q.CURRENT, {"ids": ids})}


def _taken(home: _Home, rows: list[Described]) -> list[Described]:
    """The rows without the time of their announcement, which moves the home's."""
    home.through_ms = max([home.through_ms, *(row.pop("seen_ms") for row in rows)])
    return rows
