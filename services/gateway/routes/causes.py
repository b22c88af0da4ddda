"""What became of every change, and how often the first suspect was the cause."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.gateway.answers import Value, json_answer
from services.gateway.exports import Listing, listing
from services.gateway.guard import Parts, Who
from services.gateway.problems import Problem
from services.gateway.queries import causes as q
from services.gateway.times import UNIT_MS, BadTime, Span, parse_span

router = APIRouter(prefix="/api/v1")
LONGEST_MS = 400 * UNIT_MS["d"]
From = Annotated[str, Query(alias="from", max_length=64)]
To = Annotated[str, Query(max_length=64)]
Word = Annotated[str, Query(max_length=128)]


@router.get("/changes")
async def changes(
    parts: Parts, who: Who, from_: From = "now-7d", to: To = "now", entity: Word = "", outcome: Word = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Listing:  # fmt: skip
    """Deployments, settings, flags and maintenance with their outcome: pending, nothing, suspected, confirmed or cleared."""
    span = _span(from_, to, parts.clock.now_ms())
    values: dict[str, Value] = {
        "tenant": who.tenant, "start": span.start_ms, "end": span.end_ms, "entity": entity, "outcome": outcome, "limit": limit,
    }  # fmt: skip
    return listing(await parts.answers.rows(who.tenant, q.CHANGES, values), "changes")


@router.get("/causes/accuracy")
async def accuracy(parts: Parts, who: Who, from_: From = "now-90d", to: To = "now") -> Response:
    """Of the incidents whose cause a person confirmed: how often it had been ranked first, and among the first three; in all and by day."""
    span = _span(from_, to, parts.clock.now_ms())
    rows = await parts.answers.rows(who.tenant, q.ACCURACY, {"tenant": who.tenant, "start": span.start_ms, "end": span.end_ms})
    return json_answer(_shares(rows) | {"days": [{"at_ms": r["day_ms"], **_shares([r])} for r in rows]})


def _shares(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Judged incidents and the shares that were right; None without any."""
    judged = sum(int(r["judged"]) for r in rows)
    first, among = (sum(int(r[k]) for r in rows) for k in ("first", "among_three"))
    return {"judged": judged, "top1": round(first / judged, 4) if judged else None, "top3": round(among / judged, 4) if judged else None}


def _span(from_: str, to: str, now_ms: int) -> Span:
    try:
        return parse_span(from_, to, now_ms, LONGEST_MS)
    except BadTime as x:
        raise Problem(400, str(x)) from x
