"""The API's own description: OpenAPI 3.1 with the errors that every route may give, and what a list may come as."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from services.gateway.problems import TITLES
from services.gateway.roles import ROUTES, Door, Scope

PROBLEM_TYPE = "application/problem+json"
EVERYWHERE = (400, 404, 409, 413, 422, 429, 503, 504)
GUARDED = (401, 403)
CHANGES = (412, 428)
SHEETS = {"text/csv": {"schema": {"type": "string"}}, "application/x-ndjson": {"schema": {"type": "string"}}}
ARROW = {"application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}}}


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
        for path, methods in found["paths"].items():
            for method, operation in methods.items():
                _complete(operation, path, method.upper())
        app.openapi_schema = found
    return app.openapi_schema


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    access = ROUTES.get((method, path))
    guarded = isinstance(access, Scope)
    problem = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
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
    if content is not None and any(p["name"] == "format" for p in operation.get("parameters", ())):
        content.update(SHEETS | (ARROW if path.endswith("/range") else {}))
