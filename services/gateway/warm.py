"""Caches are filled before people come: the first pages of the house's own tenant, and every dashboard that somebody starred or made home.

One question at a time, so that warming never stands in the way of somebody who is there already.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec

from kizashi.contracts.ids import parse_series_id
from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from services.gateway.doors import Doors
from services.gateway.openings import Board
from services.gateway.overview import overview
from services.gateway.problems import Problem
from services.gateway.ranges import Asked
from services.gateway.series_index import Search, words_of
from services.gateway.times import BadTime, parse_span

MOST_DASHBOARDS = 20
MOST_SERIES = 50
LOOK_EVERY_S = 30.0
FLUSH_WITHIN_S = 2.0
"""At the end of the gateway, which waits for nothing longer."""
POINTS = 600
"""As the web client asks."""


class Panel(msgspec.Struct):
    """What is read of a panel."""

    query: dict[str, Any] = {}


class Dashboard(msgspec.Struct):
    """What is read of a dashboard."""

    panels: list[Panel] = []
    from_: str = msgspec.field(default="now-1h", name="from")


async def warm(parts: Doors) -> None:
    """Ask everything once. What cannot be asked now is left for the person who comes."""
    began = parts.clock.monotonic_s()
    panels = 0
    try:
        await overview(parts, parts.settings.tenant)
        await parts.catalog.describe(parts.settings.tenant, frozenset())
        for (tenant, _), board in pinned(parts).items():
            for panel in board.panels:
                panels += await _panel(parts, tenant, board, panel)
    except (KizashiError, Problem) as x:
        logger().info("cache.warming_ended", error=str(x))
        return
    logger().info("cache.warm", panels=panels, took_s=round(parts.clock.monotonic_s() - began, 2))


async def warm_for_peaks(parts: Doors) -> None:
    """For ever: shortly before the hour in which a dashboard is usually opened, ask for its ranges; see ``openings``."""
    try:
        while True:
            await parts.openings.turn(pinned(parts), lambda board: _board(parts, board))
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_WITHIN_S):
                await parts.openings.flush()


async def _board(parts: Doors, board: Board) -> bool:
    """Whether its ranges are warm now."""
    found = pinned(parts).get(board)
    if found is None:
        return False
    try:
        asked = [await _panel(parts, board[0], found, panel) for panel in found.panels]
    except (KizashiError, Problem) as x:
        logger().info("cache.warming_ended", error=str(x))
        return False
    logger().info("cache.warm_for_peak", panels=sum(asked), tenant=board[0])
    return True


def pinned(parts: Doors) -> dict[Board, Dashboard]:
    """Everybody's stars and homes by tenant and id, each once; what is no dashboard is left out."""
    state = parts.config.state
    wanted: dict[tuple[str, str], None] = {}
    for view in state.living("view"):
        body = view.body or {}
        stars = body.get("stars")
        names = [*(stars if isinstance(stars, list) else ()), body.get("home")]
        wanted |= {(view.tenant, name): None for name in names if isinstance(name, str) and name}
    boards: dict[Board, Dashboard] = {}
    for tenant, name in list(wanted)[:MOST_DASHBOARDS]:
        found = state.get("dashboard", name, tenant)
        if found is None:
            continue
        try:
            boards[tenant, name] = msgspec.convert(found.body, Dashboard)
        except msgspec.ValidationError:
            continue
    return boards


async def _panel(parts: Doors, tenant: str, board: Dashboard, panel: Panel) -> int:
    words = {name: str(panel.query.get(name, "")) for name in ("q", "metric", "service", "host")}
    limit = panel.query.get("limit", 8)
    if not any(words.values()) or not isinstance(limit, int):
        return 0
    wanted = Search(words_of(words["q"]), words["service"], words["host"], words["metric"], limit=min(max(limit, 1), MOST_SERIES))
    ids = [parse_series_id(row["id"]) for row in await parts.catalog.search(tenant, wanted)]
    described = await parts.catalog.describe(tenant, frozenset(ids))
    try:
        span = parse_span(board.from_, "now", parts.clock.now_ms(), parts.limits.longest_range_ms)
    except BadTime:
        return 0
    if described:
        await parts.ranges.read(Asked(tenant, [i for i in ids if i in described], span, POINTS), described)
    return 1
