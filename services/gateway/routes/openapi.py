"""The API's own description."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.gateway.answers import json_bytes
from services.gateway.description import describe as describe_app

router = APIRouter(prefix="/api/v1")


@router.get("/openapi.json")
async def describe(request: Request) -> Response:
    """OpenAPI 3.1 of every route."""
    return json_bytes(msgspec.json.encode(describe_app(request.app)))
