"""What a person needs to send the first metric, and the proof that it came."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from kizashi.contracts import topics
from services.gateway.answers import json_answer
from services.gateway.exports import Listing, listing
from services.gateway.guard import Parts, Who
from services.gateway.queries import series as q

router = APIRouter(prefix="/api/v1")


@router.get("/connect")
async def connect(request: Request, parts: Parts, who: Who) -> Response:
    """Addresses, topics and tenant; the client makes the snippets of them."""
    home = parts.settings.tenant
    metrics = topics.METRICS.name if who.tenant == home else f"{topics.METRICS.name}.{who.tenant}"
    return json_answer({
        "base_url": str(request.base_url).rstrip("/"), "kafka": parts.settings.kafka.bootstrap,
        "kafka_security": parts.settings.kafka.security, "tenant": who.tenant,
        "topics": {"metrics": metrics, "events": topics.EVENTS.name}, "now_ms": parts.clock.now_ms(),
    })  # fmt: skip


@router.get("/connect/arrivals")
async def arrivals(parts: Parts, who: Who, since: Annotated[int, Query(ge=0)] = 0) -> Listing:
    """Series that announced themselves after ``since`` (ms), newest first, with their newest value."""
    rows = await parts.answers.rows(who.tenant, q.ARRIVALS, {"tenant": who.tenant, "since": since})
    return listing(rows, "arrivals")
