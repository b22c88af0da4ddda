"""Producers' requests, passed on to ingest as they come: same path, same body, same answer. Ingest checks the key; we never read it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.gateway.problems import Problem

PASSED_ON = frozenset({
    "authorization", "content-type", "content-encoding", "content-length", "user-agent", "traceparent", "tracestate", "accept",
    "x-prometheus-remote-write-version", "x-scope-orgid", "x-kizashi-signature", "ce-id", "ce-source", "ce-type", "ce-specversion",
    "ce-time", "ce-subject", "ce-dataschema",
})  # fmt: skip
"""Headers that mean something to a receiver. Cookies never pass: a browser's session must not be able to send samples."""
PASSED_BACK = ("content-type", "retry-after", "content-length")
RETRY_AFTER_S = 2
CONNECT_S = 2.0
ANSWER_S = 35.0
"""Ingest answers after Kafka acknowledged, at most 30 s later."""


class Forwarder:
    """Keeps connections to ingest open."""

    def __init__(self, host: str, port: int) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"http://{host}:{port}",
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S, pool=CONNECT_S),
            limits=httpx.Limits(max_connections=128, max_keepalive_connections=64),
            trust_env=False,
        )

    async def pass_on(self, request: Request) -> Response:
        """Ingest's answer. Raises Problem 503 when ingest is down: the producer keeps the data and tries again."""
        headers = {k: v for k, v in request.headers.items() if k in PASSED_ON or k.startswith("x-prometheus-")}
        if request.client:
            headers["x-forwarded-for"] = request.client.host
        path = httpx.URL(path=request.url.path, query=request.url.query.encode())
        outgoing = self._client.build_request(request.method, path, headers=headers, content=_body(request))
        try:
            answer = await self._client.send(outgoing, stream=True)
        except httpx.TimeoutException as x:
            raise Problem(503, "ingest did not answer in time; send the same data again", retry_after_s=RETRY_AFTER_S) from x
        except httpx.TransportError as x:
            raise Problem(503, "ingest is not running; keep the data and send it again", retry_after_s=RETRY_AFTER_S) from x
        back = {k: answer.headers[k] for k in PASSED_BACK if k in answer.headers}
        back |= {k: v for k, v in answer.headers.items() if k.startswith("x-prometheus-")}
        return StreamingResponse(answer.aiter_raw(), answer.status_code, back, background=BackgroundTask(answer.aclose))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk
