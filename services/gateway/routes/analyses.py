"""Analyses that take the store a while and are kept: the week of a series, and how series move together."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
from fastapi import APIRouter, Query
from starlette.responses import Response

from kizashi.contracts.ids import format_series_id
from kizashi.errors import NotFound
from services.gateway.analyses import Analysis
from services.gateway.answers import Value, json_bytes
from services.gateway.guard import Parts, Who
from services.gateway.native import read_native
from services.gateway.problems import Problem
from services.gateway.queries import analyses as q
from services.gateway.routes.series import series_number
from services.gateway.times import UNIT_MS, BadTime, parse_span
from services.gateway.together import Season, correlation

router = APIRouter(prefix="/api/v1")
WEEKS = 8
MOST_TOGETHER = 60
LONGEST_MS = 7 * UNIT_MS["d"]
KEPT_S = 7 * 86_400.0


@router.get("/series/{series_id}/season")
async def season(series_id: str, parts: Parts, who: Who, zone: Annotated[str, Query(max_length=64)] = "UTC") -> Response:
    """Mean of each hour of the week over the last eight weeks, with the tenth and ninetieth percentile, in the person's time zone."""
    number = series_number(series_id)
    if number not in await parts.catalog.describe(who.tenant, frozenset({number})):
        raise NotFound(f"there is no series {series_id}")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as x:
        raise Problem(400, f"{zone[:40]!r} is no time zone, such as Asia/Tokyo") from x
    end_s = parts.clock.now_ms() // UNIT_MS["h"] * 3_600
    asked = Analysis(who.tenant, "season", f"{series_id}/{zone}/{end_s}", end_s - WEEKS * 7 * 86_400, end_s, (number,))

    async def make() -> bytes:
        values: dict[str, Value] = {"id": number, "zone": zone, "start_s": asked.start_s, "end_s": asked.end_s}
        found = await parts.answers.columns(who.tenant, q.SEASON, values)
        return msgspec.json.encode(Season(*(found.get(name, []) for name in ("day", "hour", "value", "lower", "upper", "weeks"))))

    return json_bytes(await parts.analyses.get(asked, KEPT_S, make))


@router.get("/correlation")
async def correlate(
    parts: Parts, who: Who, series: Annotated[list[str], Query(min_length=2, max_length=MOST_TOGETHER)],
    from_: Annotated[str, Query(alias="from", max_length=64)] = "now-6h", to: Annotated[str, Query(max_length=64)] = "now",
) -> Response:  # fmt: skip
    """How series move together: Pearson correlation of their minute means, as a matrix in the order of ``series``."""
    try:
        span = parse_span(from_, to, parts.clock.now_ms(), LONGEST_MS)
    except BadTime as x:
        raise Problem(400, str(x)) from x
    ids = sorted(await parts.catalog.visible(who.tenant, frozenset(series_number(s) for s in series)))
    if len(ids) < 2:
        raise Problem(404, "fewer than two of these series exist")
    start_s, end_s = span.start_ms // UNIT_MS["m"] * 60, span.end_ms // UNIT_MS["m"] * 60
    names = [format_series_id(i) for i in ids]
    asked = Analysis(who.tenant, "correlation", f"{','.join(names)}/{start_s}/{end_s}", start_s, end_s, tuple(ids))

    async def make() -> bytes:
        found = read_native(await parts.answers.raw(who.tenant, q.MINUTES, {"ids": ids, "start_s": start_s, "end_s": end_s}, "Native"))
        none = np.empty(0)
        matrix = correlation(ids, found.get("id", none), found.get("bucket", none), found.get("mean", none))
        return msgspec.json.encode({"series": names, "matrix": matrix, "from": start_s * 1_000, "to": end_s * 1_000})

    return json_bytes(await parts.analyses.get(asked, KEPT_S, make))
