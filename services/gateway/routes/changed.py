"""Brush a window, see what changed in it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query

from kizashi.contracts.ids import parse_series_id
from services.gateway.analyses import Analysis
from services.gateway.answers import Value
from services.gateway.doors import Doors
from services.gateway.exports import Listing
from services.gateway.guard import Parts, Who
from services.gateway.problems import Problem
from services.gateway.queries import changed as q
from services.gateway.range_cache import SETTLED_AFTER_MS
from services.gateway.times import BadTime, parse_span

router = APIRouter(prefix="/api/v1")
SHORTEST_MS = 10_000
LONGEST_MS = 7 * 86_400_000
BY_MINUTE_FROM_MS = 900_000
"""Shorter windows have too few minutes to compare spreads: they read the samples."""
KEPT_S = 7 * 86_400.0
RECENT_KEPT_S = 10.0


@router.get("/changed")
async def what_changed(
    parts: Parts, who: Who, from_: Annotated[str, Query(alias="from", max_length=64)], to: Annotated[str, Query(max_length=64)] = "now",
    service: Annotated[str, Query(max_length=128)] = "", limit: Annotated[int, Query(ge=1, le=200)] = 30,
) -> Listing:  # fmt: skip
    """Series ranked by how much they differ in the window from the same length before it.

    ``rank`` = shift of the mean in spreads of the time before (at most 50) + 2 × log ratio of the spreads + 5 × share of odd values.
    """
    now_ms = parts.clock.now_ms()
    try:
        span = parse_span(from_, to, now_ms, LONGEST_MS)
    except BadTime as x:
        raise Problem(400, str(x)) from x
    if span.length_ms < SHORTEST_MS:
        raise Problem(400, "the window is too short to compare: brush at least ten seconds")
    start_s, end_s = span.start_ms // 1_000, span.end_ms // 1_000
    asked: dict[str, Value] = {
        "tenant": who.tenant, "service": service, "limit": limit, "start_s": start_s, "end_s": end_s, "base_s": 2 * start_s - end_s,
    }  # fmt: skip
    key = f"{service}/{limit}/{start_s}/{end_s}"
    if now_ms - span.end_ms < SETTLED_AFTER_MS:  # still filling: it would have another version with every question
        made = parts.answers.remembered(
            f"changed/{who.tenant}/{key}", RECENT_KEPT_S, lambda: _compute(parts, who.tenant, asked, span.length_ms)
        )
        return Listing(await made, "changed")
    question = Analysis(who.tenant, "changed", key, 2 * start_s - end_s, end_s)
    found = await parts.analyses.get(question, KEPT_S, lambda: _compute(parts, who.tenant, asked, span.length_ms))
    return Listing(found, "changed")


async def _compute(parts: Doors, tenant: str, asked: dict[str, Value], length_ms: int) -> bytes:
    by_minute = False
    if length_ms >= BY_MINUTE_FROM_MS:
        tier = await parts.answers.rows(tenant, q.TIER_THROUGH)
        by_minute = bool(tier) and tier[0]["through_s"] >= asked["end_s"] - 120  # type: ignore[operator]  # a number
    rows = await parts.answers.rows(tenant, q.BY_MINUTE if by_minute else q.BY_SAMPLE, asked)
    described = await parts.catalog.describe(tenant, frozenset(parse_series_id(r["id"]) for r in rows))
    items = [{**described.get(parse_series_id(r["id"]), {}), **r} for r in rows]
    source = "minutes" if by_minute else "samples"
    return msgspec.json.encode({"items": items, "next": None, "source": source, "from": asked["start_s"], "to": asked["end_s"]})
