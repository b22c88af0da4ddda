"""How earlier forecasts of a series came out, value by value: what a fan chart shows behind the present."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.gateway.answers import Value, json_answer
from services.gateway.guard import Parts, Who
from services.gateway.problems import Problem
from services.gateway.queries import past as q
from services.gateway.routes.series import series_number
from services.gateway.times import BadTime, parse_span

router = APIRouter(prefix="/api/v1")
MOST = 5_000
NAMES = ("ts", "step_ms", "actual", "mean", "inside")


@router.get("/forecasts/past")
async def past(
    parts: Parts, who: Who, series: Annotated[str, Query(max_length=16)],
    from_: Annotated[str, Query(alias="from", max_length=64)] = "now-7d", to: Annotated[str, Query(max_length=64)] = "now",
) -> Response:  # fmt: skip
    """Columns of the forecasts of one series whose time has come: when, step, what came, what was foreseen, whether inside the band."""
    try:
        span = parse_span(from_, to, parts.clock.now_ms(), parts.limits.longest_range_ms)
    except BadTime as x:
        raise Problem(400, str(x)) from x
    asked: dict[str, Value] = {
        "tenant": who.tenant, "id": series_number(series), "start": span.start_ms, "end": span.end_ms, "limit": MOST,
    }  # fmt: skip
    rows = await parts.answers.rows(who.tenant, q.PAST, asked)
    return json_answer({name: [row[name] for row in rows] for name in NAMES})
