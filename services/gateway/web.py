"""The application: routes behind one guard, errors as problems, headers on everything."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from services.gateway.assets import Assets
from services.gateway.description import describe
from services.gateway.doors import Doors
from services.gateway.guard import guard
from services.gateway.headers import Headers
from services.gateway.problems import Problem, answer, from_error
from services.gateway.routes import ROUTERS


def create_app(parts: Doors) -> FastAPI:
    """The whole gateway around its parts. Importing this module does nothing."""
    app = FastAPI(
        title="Kizashi",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(guard)],
    )
    app.state.doors = parts
    app.state.assets = Assets(parts.limits.ui)
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(KizashiError, _ours)
    app.add_middleware(Headers, body_bytes=parts.limits.body_bytes, hsts=parts.limits.secure_cookies)
    return app


async def _http(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return answer(error)
    assert isinstance(error, HTTPException)
    return answer(Problem(error.status_code, str(error.detail)))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    where = [{"where": ".".join(map(str, e["loc"])), "what": e["msg"]} for e in error.errors()[:20]]
    text = "; ".join(f"{e['where']}: {e['what']}" for e in where)
    return answer(Problem(422, text[:500], errors=where))


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, KizashiError)
    problem = from_error(error)
    if problem.status >= 500:
        logger().warning("request.failed", path=request.url.path, error=repr(error))
    return answer(problem)


def openapi(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of every route."""
    return describe(app)
