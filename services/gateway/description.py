"""The API's own description: OpenAPI 3.1 with the errors that every route may give, and what a list may come as."""

from __future__ import annotations

import inspect
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from services.gateway.exports import ARROW, CSV, FORMATS, NDJSON, Listing
from services.gateway.problems import TITLES
from services.gateway.roles import ROUTES, Door, Scope

PROBLEM_TYPE = "application/problem+json"
EVERYWHERE = (400, 404, 409, 413, 422, 429, 503, 504)
GUARDED = (401, 403)
CHANGES = (412, 428)
FORMS = {
    CSV: {"schema": {"type": "string"}}, NDJSON: {"schema": {"type": "string"}}, ARROW: {"schema": {"type": "string", "format": "binary"}},
}  # fmt: skip
FORMAT = {
    "name": "format", "in": "query", "required": False, "description": "As Accept would say it.",
    "schema": {"type": "string", "enum": list(FORMATS)},
}  # fmt: skip


class ProblemBody(BaseModel):
    """RFC 9457. ``detail`` is a sentence that says what to do."""

    type: str
    title: str
    status: int
    detail: str


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of this application; made once."""
    if app.openapi_schema is None:
        found = FastAPI.openapi(app)
        found["components"].setdefault("schemas", {})["Problem"] = ProblemBody.model_json_schema()
        found["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "An API key: kizashi token create, or POST /api/v1/tokens"},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "kizashi",
                "description": "Set by /api/v1/login; changes need X-CSRF-Token",
            },
        }
        known = lists(app)
        for path, methods in found["paths"].items():
            for method, operation in methods.items():
                _complete(operation, path, method.upper(), known)
        app.openapi_schema = found
    return app.openapi_schema


def _complete(operation: dict[str, Any], path: str, method: str, lists: frozenset[tuple[str, str]]) -> None:
    access = ROUTES.get((method, path))
    guarded = isinstance(access, Scope)
    problem: dict[str, Any] = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if path.startswith("/alertmanager/"):  # its clients read an error of theirs as a JSON string
        problem["application/json"] = {"schema": {"type": "string"}}
    for status in (
        *EVERYWHERE,
        *(GUARDED if guarded or access is Door.PUBLIC else ()),
        *(CHANGES if "/config/" in path or path.endswith("{annotation_id}") else ()),
    ):
        operation["responses"][str(status)] = {"description": TITLES.get(status, "Error"), "content": problem}
    operation["security"] = [{"key": []}, {"session": []}] if guarded else []
    if guarded:
        operation["x-needs"] = str(access)
    content = operation["responses"].get("200", {}).get("content")
    if content is not None and (path, method) in lists:
        operation.setdefault("parameters", []).append(FORMAT)
        content.update(FORMS)
    if content is not None and path.endswith("/range"):
        content.update(FORMS)


def lists(app: FastAPI) -> frozenset[tuple[str, str]]:
    """Path and method of every route that answers with a ``Listing``."""
    routes = [(str(c.path), c.original_route) for c in iter_route_contexts(app.routes)]
    found = ((path, route) for path, route in routes if isinstance(route, APIRoute))
    return frozenset(
        (path, method)
        for path, route in found
        if inspect.signature(route.endpoint, eval_str=True).return_annotation is Listing
        for method in route.methods or ()
    )
