"""The HTTP application: all receivers behind one set of error answers."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kizashi.errors import KizashiError
from services.ingest.receivers import incidents, influx, native, otlp, prometheus
from services.ingest.receivers.budget import BodyBudget, HoldBodies
from services.ingest.receivers.doors import Doors
from services.ingest.receivers.problems import Problem, answer, on_error


def make_app(doors: Doors) -> FastAPI:
    """All receivers. Every route asks for a key first."""
    app = FastAPI(title="Kizashi ingest", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(Problem, on_error)
    app.add_exception_handler(KizashiError, on_error)
    app.add_exception_handler(HTTPException, _plain)
    app.add_middleware(HoldBodies, budget=BodyBudget(doors.limits.held_bytes))
    for receiver in (native, prometheus, influx, otlp, incidents):
        app.include_router(receiver.router(doors))
    return app


async def _plain(_: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return answer(status, str(getattr(error, "detail", error)))
