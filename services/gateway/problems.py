"""Errors as RFC 9457 ``application/problem+json``: a type, a title, a status and a sentence that says what to do. No stack, ever."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kizashi.errors import Backpressure, Conflict, KizashiError, NotFound, Recoverable, Refused

TITLES = {
    400: "Bad request", 401: "Log in first", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    409: "Changed by somebody else", 410: "Gone", 412: "Version does not match", 413: "Too large", 415: "Unknown content type",
    422: "Does not validate", 428: "Version required", 429: "Too many requests", 500: "Something is wrong here",
    503: "Not available now", 504: "Took too long",
}  # fmt: skip


class Problem(HTTPException):
    """Raised anywhere in a request; becomes the answer. An HTTPException, because FastAPI lets only those out of reading a body."""

    def __init__(self, status: int, detail: str, *, retry_after_s: int | None = None, **extra: Any) -> None:
        super().__init__(status, detail)
        self.status = status
        self.retry_after_s = retry_after_s
        self.extra = extra


def answer(problem: Problem) -> Response:
    """The HTTP response for a problem."""
    body = {
        "type": "about:blank",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        **problem.extra,
    }
    headers = {"Cache-Control": "no-store"}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="kizashi"'
    return Response(msgspec.json.encode(body), problem.status, headers, media_type="application/problem+json")


def from_error(error: KizashiError) -> Problem:
    """The problem that one of our own errors is to the caller."""
    if isinstance(error, NotFound):
        return Problem(404, str(error))
    if isinstance(error, Conflict):
        return Problem(409, str(error))
    if isinstance(error, Refused):
        return Problem(400, str(error))
    if isinstance(error, (Recoverable, Backpressure)):
        return Problem(503, "the store or the bus does not answer now; try again shortly", retry_after_s=2)
    return Problem(500, "the request failed; the log of the gateway has the reason")
