"""Values of series over time, as columns: JSON for the web client, CSV and Arrow for people and notebooks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.gateway.answers import Value, json_bytes
from services.gateway.exports import ARROW, CSV, NDJSON, wanted
from services.gateway.guard import Parts, Who
from services.gateway.problems import Problem
from services.gateway.queries import range as q
from services.gateway.ranges import Asked
from services.gateway.routes.series import series_number
from services.gateway.times import BadTime, parse_span

router = APIRouter(prefix="/api/v1")
EXPORT_ROWS = 1_000_000
FORMATS = {
    ARROW: ("ArrowStream", "kizashi.arrow"), CSV: ("CSVWithNames", "kizashi.csv"),
    NDJSON: ("JSONEachRow", "kizashi.ndjson"),
}  # fmt: skip


@router.get("/range")
async def read(
    request: Request, parts: Parts, who: Who, series: Annotated[list[str], Query(min_length=1)],
    from_: Annotated[str, Query(alias="from", max_length=64)] = "now-1h", to: Annotated[str, Query(max_length=64)] = "now",
    points: Annotated[int, Query(ge=1)] = 600, format_: Annotated[str, Query(alias="format", max_length=16)] = "",
) -> Response:  # fmt: skip
    """At most ``points`` buckets a series with mean, low, high and worst score; the rows themselves when there are fewer (step_ms 0).

    ``Accept`` (or ``format=csv|arrow|ndjson``) gives the raw rows as CSV, Arrow or NDJSON instead.
    """
    limits = parts.limits
    if len(series) > limits.series_per_range:
        raise Problem(422, f"{len(series)} series are asked and at most {limits.series_per_range} can be drawn at once: narrow the search")
    form = wanted(request.headers.get("accept", ""), format_)
    export = form in FORMATS
    points = min(points, limits.points_per_range, limits.cells_per_range // len(series))
    ids = frozenset(series_number(s) for s in series)
    try:
        longest_ms = limits.longest_export_ms if export else limits.longest_range_ms
        span = parse_span(from_, to, parts.clock.now_ms(), longest_ms)
    except BadTime as x:
        raise Problem(400, str(x)) from x
    if who.only is not None:
        ids &= who.only
    described = await parts.catalog.describe(who.tenant, ids)
    if not described:
        raise Problem(404, "none of these series exists")
    if export:
        name, file = FORMATS[form]
        asked: dict[str, Value] = {"ids": sorted(described), "start": span.start_ms, "end": span.end_ms, "limit": EXPORT_ROWS}
        statement = q.ROWS_FOR_SHEETS if form == CSV else q.ROWS
        data = await parts.answers.raw(who.tenant, statement, asked, name, who.name)
        return Response(
            data, headers={"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}, media_type=form
        )
    ordered = [number for s in dict.fromkeys(series) if (number := series_number(s)) in described]
    return json_bytes(await parts.ranges.read(Asked(who.tenant, ordered, span, points), described))
