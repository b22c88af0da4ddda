"""Overview of a tenant."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.gateway.answers import json_bytes
from services.gateway.guard import Parts, Who
from services.gateway.overview import overview

router = APIRouter(prefix="/api/v1")


@router.get("/overview")
async def read_overview(parts: Parts, who: Who) -> Response:
    """Services and series by current oddness, with totals; at most two seconds old."""
    return json_bytes(await overview(parts, who.tenant))
