"""The HTTP and WebSocket routes, a file a subject. Each is thin: read the request, ask a part, write the answer."""

from __future__ import annotations

from fastapi import APIRouter

from services.gateway.routes import (
    alerting,
    alertmanager,
    analyses,
    causes,
    changed,
    config,
    connect,
    feedback,
    findings,
    growth,
    health,
    hooks,
    live,
    login,
    notes,
    openapi,
    overview,
    pages,
    past,
    pictures,
    queries,
    range,
    receivers,
    series,
    shares,
)

ROUTERS: tuple[APIRouter, ...] = (
    login.router, overview.router, series.router, range.router, findings.router, notes.router, alerting.router, past.router,
    growth.router, pictures.router, changed.router, causes.router, analyses.router, config.router, shares.router, feedback.router,
    health.router, queries.router, connect.router, live.router, openapi.router, receivers.router, alertmanager.router, hooks.router,
    pages.router,  # last: it takes every path that is left
)  # fmt: skip
