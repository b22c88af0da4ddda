"""The web client's files and every page path: whatever no other route took."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.gateway.problems import Problem

router = APIRouter()


@router.get("/{path:path}", include_in_schema=False)
@router.head("/{path:path}", include_in_schema=False)
async def page(path: str, request: Request) -> Response:
    """A file of the client, or its page; an API path that does not exist is said so."""
    if path.startswith(("api/", "v1/", "v2/")):
        raise Problem(404, "there is no such path in this API; /api/v1/openapi.json lists them")
    return request.app.state.assets.answer(path, request)  # type: ignore[no-any-return]  # state is untyped
