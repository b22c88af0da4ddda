"""Errors as problem+json (RFC 9457): a sentence for people, no stack."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import JSONResponse

from kizashi.errors import Backpressure, InvalidMessage, Recoverable

RETRY_AFTER_S = 5
_TITLES = {
    400: "Not understood",
    401: "Key required",
    404: "No such path",
    405: "Method not allowed",
    413: "Too large",
    415: "Unknown content type",
    503: "Try again",
}


class Problem(Exception):
    """An answer that is not 2xx."""

    def __init__(
        self, status: int, detail: str, more: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more, self.headers = status, detail, dict(more or {}), dict(headers or {})


def answer(status: int, detail: str, more: Mapping[str, object] | None = None, extra: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem+json response; 503 carries Retry-After, 401 says how to authenticate."""
    headers = {503: {"Retry-After": str(RETRY_AFTER_S)}, 401: {"WWW-Authenticate": "Bearer"}}.get(status, {})
    headers = {**headers, **(extra or {})}
    body = {"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status, "detail": detail, **(more or {})}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def from_error(error: Exception) -> JSONResponse:
    """Our error tree as HTTP: invalid 400 (size 413), back-pressure and no acknowledgement 503."""
    if isinstance(error, Problem):
        return answer(error.status, error.detail, error.more, error.headers)
    if isinstance(error, InvalidMessage):
        return answer(413 if error.reason == "size" else 400, str(error), {"reason": error.reason})
    if isinstance(error, Backpressure | Recoverable):
        return answer(503, f"{error}; nothing was confirmed, send the same again")
    raise error


async def on_error(_: Request, error: Exception) -> JSONResponse:
    """Exception handler for FastAPI."""
    return from_error(error)
