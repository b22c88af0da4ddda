"""What if a series grew faster: its fan with another growth, and when its limit is met as it is and so."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from kizashi.errors import NotFound
from services.gateway.analyses import Analysis
from services.gateway.answers import Value, json_bytes
from services.gateway.guard import Parts, Who
from services.gateway.queries import growth as q
from services.gateway.routes.series import series_number

if TYPE_CHECKING:
    from kizashi.online.first_passage import Passage  # SciPy: only who asks pays for it

router = APIRouter(prefix="/api/v1")
HOUR_MS = 3_600_000
KEPT_S = 86_400.0
TOO_LITTLE = "a what-if needs a day of hourly values and an hourly forecast of the series"
SEASON, HORIZON, REMEMBERED, FEWEST = 24, 168, 840, 8
"""Hours: a day, a week ahead, as far back as the forecast itself remembers, and the fewest that have a growth."""
Percent = Annotated[float, Query(ge=-1_000, le=10_000, allow_inf_nan=False, examples=[30.0])]
Threshold = Annotated[float | None, Query(allow_inf_nan=False)]


@router.get("/forecasts/growth")
async def growth(
    parts: Parts, who: Who, series: Annotated[str, Query(max_length=16)], percent: Percent = 30.0, threshold: Threshold = None
) -> Response:
    """The hourly forecast when the series grows ``percent`` faster, and the dates at 10, 25, 50, 75 and 90 % at which its limit is met."""
    number, now_ms = series_number(series), parts.clock.now_ms()
    asked: dict[str, Value] = {
        "tenant": who.tenant, "id": number, "step": HOUR_MS, "start": now_ms - REMEMBERED * HOUR_MS, "limit": REMEMBERED,
    }  # fmt: skip
    told, limits = [await parts.answers.rows(who.tenant, statement, asked) for statement in (q.NEWEST, q.KNOWN_LIMIT)]
    if not told:
        raise NotFound(TOO_LITTLE)
    known = threshold if threshold is not None else float(limits[0]["threshold"]) if limits else None
    falling = bool(limits[0]["falling"]) if limits else None
    made_s = int(told[0]["made_at_ms"]) // 1_000

    async def make() -> bytes:
        hours = await parts.answers.rows(who.tenant, q.HOURS, asked)
        values = [float(row["value"]) for row in hours if int(row["at_ms"]) < int(told[0]["made_at_ms"])]  # the running hour came later
        if len(values) < FEWEST:
            raise NotFound(TOO_LITTLE)
        down = falling if falling is not None else known is not None and known < values[-1]
        return msgspec.json.encode(await asyncio.to_thread(_what_if, values, told[0], 1.0 + percent / 100.0, known, not down))

    # Its inputs are the hours up to the forecast: they stand until late rows come, and the next forecast is another question.
    question = Analysis(
        who.tenant, "growth", f"{series}/{percent}/{known}/{falling}/{made_s}", made_s - REMEMBERED * 3_600, made_s, (number,)
    )
    return json_bytes(await parts.analyses.get(question, KEPT_S, make))


def _what_if(values: list[float], told: dict[str, Any], factor: float, threshold: float | None, rising: bool) -> dict[str, Any]:
    import numpy as np

    from kizashi.online.first_passage import what_if

    quantiles, levels = np.array(told["quantiles"], float), np.array(told["levels"], float)
    found = what_if(np.array(values), SEASON, quantiles, levels, factor, threshold, HORIZON, rising=rising)
    made_ms = int(told["made_at_ms"])
    return {
        "made_at_ms": made_ms, "step_ms": HOUR_MS, "levels": levels.tolist(), "quantiles": found.quantiles.tolist(),
        "as_it_is": quantiles.tolist(), "growth_a_day": SEASON * found.growth_per_step, "threshold": threshold,
        "before": _passage(found.before, made_ms), "after": _passage(found.after, made_ms),
    }  # fmt: skip


def _passage(found: Passage | None, made_ms: int) -> dict[str, Any] | None:
    """Dates in ms, None beyond sight; probability within a week."""
    if found is None:
        return None
    dates = [made_ms + int(hours * HOUR_MS) if math.isfinite(hours) else None for hours in found.quantiles]
    return {"probability": found.probability, "horizon_s": HORIZON * 3600, "eta_ms": dates}
