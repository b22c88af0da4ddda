"""Producers' paths, passed on to ingest so that one address serves people and programs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.gateway.guard import Parts
from services.gateway.roles import ROUTES, Door

router = APIRouter()


async def receive(request: Request, parts: Parts) -> Response:
    """Ingest's answer, unchanged: 2xx only after Kafka acknowledged; 503 with Retry-After while ingest is down."""
    return await parts.forwarder.pass_on(request)


for (_method, _path), _access in ROUTES.items():
    if _access is Door.PASSED_ON:
        router.add_api_route(_path, receive, methods=[_method], name=f"receive {_path}", response_model=None)
