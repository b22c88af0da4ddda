"""OTLP/HTTP: /v1/metrics, /v1/traces, /v1/logs; protobuf and JSON, gzip.

200 with a partial success that counts what was refused; 400 for what cannot be decoded; 503 with Retry-After when Kafka
does not acknowledge. Answers have the request's encoding, errors are google.rpc.Status.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from kizashi.errors import InvalidMessage, KizashiError
from services.ingest.decode import Sample
from services.ingest.otlp import log_counts, metrics
from services.ingest.receivers.bodies import read_body
from services.ingest.receivers.doors import Doors
from services.ingest.receivers.problems import Problem, from_error
from services.ingest.span_graph import SpanGraph
from services.ingest.traces import spans, topology_events

PROTOBUF, JSON = "application/x-protobuf", "application/json"
EDGES_EVERY_S = 10.0


def router(doors: Doors) -> APIRouter:
    """The three signals."""
    api = APIRouter()
    graphs, logs = _Graphs(), Counter[tuple[str, str, str]]()

    @api.post("/v1/metrics")
    async def export_metrics(request: Request) -> Response:
        """Data points to samples."""

        async def take(tenant: str, message: Any) -> Message:
            points = metrics(message)
            stale = points.left_out.pop("stale", 0)
            taken = await doors.store(tenant, points.samples, "otlp", list(points.left_out.elements()))
            doors.tally.receive("otlp", stale)
            doors.tally.reject({"stale": stale} if stale else {})
            answer = metrics_service_pb2.ExportMetricsServiceResponse()
            if taken.refused:
                answer.partial_success.rejected_data_points = taken.refused.total()
                answer.partial_success.error_message = ", ".join(f"{n} {reason}" for reason, n in sorted(taken.refused.items()))
            return answer

        return await _export(doors, request, metrics_service_pb2.ExportMetricsServiceRequest, take)

    @api.post("/v1/traces")
    async def export_traces(request: Request) -> Response:
        """Spans to the service graph; the spans themselves are not kept."""

        async def take(tenant: str, message: Any) -> Message:
            graph = graphs.of(tenant)
            graph.take(spans(message))
            seconds = graphs.due(tenant, time.monotonic())
            if seconds:
                await doors.events.publish(topology_events(graph.drain(), tenant, doors.clock.now_ms(), seconds))
            return trace_service_pb2.ExportTraceServiceResponse()

        return await _export(doors, request, trace_service_pb2.ExportTraceServiceRequest, take)

    @api.post("/v1/logs")
    async def export_logs(request: Request) -> Response:
        """Log records to a counter a service and severity; the records themselves are not kept."""

        async def take(tenant: str, message: Any) -> Message:
            found = log_counts(message)
            logs.update({(tenant, *place): count for place, count in found.items()})
            await doors.store(tenant, [_log_sample(*place, logs[(tenant, *place)]) for place in found], "otlp", [])
            return logs_service_pb2.ExportLogsServiceResponse()

        return await _export(doors, request, logs_service_pb2.ExportLogsServiceRequest, take)

    return api


class _Graphs:
    """A service graph a tenant, and when its edges were last told."""

    def __init__(self) -> None:
        self._graphs: dict[str, SpanGraph] = {}
        self._told: dict[str, float] = {}

    def of(self, tenant: str) -> SpanGraph:
        return self._graphs.setdefault(tenant, SpanGraph())

    def due(self, tenant: str, now_s: float) -> float:
        """Seconds since the last time when edges are due, else 0."""
        since = now_s - self._told.setdefault(tenant, now_s)
        if since < EDGES_EVERY_S:
            return 0.0
        self._told[tenant] = now_s
        return since


def _log_sample(service: str, severity: str, count: int) -> Sample:
    raw = msgspec.Raw(msgspec.json.encode({"service": service, "severity": severity}))
    return Sample("log.records", float(count), None, raw, "1", "counter")


async def _export(doors: Doors, request: Request, kind: Any, take: Any) -> Response:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        tenant = doors.tenant(request)
        if media not in (PROTOBUF, JSON):
            raise Problem(415, f"send {PROTOBUF} or {JSON}")
        message = _decode(await read_body(request, doors.limits), kind, media)
        return _answer(await take(tenant, message), media)
    except (KizashiError, Problem) as x:
        return _status(x, media)


def _decode(body: bytes, kind: Any, media: str) -> Any:
    try:
        if media == PROTOBUF:
            return kind.FromString(body)
        return json_format.Parse(body, kind(), ignore_unknown_fields=True, max_recursion_depth=32)
    except (DecodeError, json_format.ParseError, UnicodeDecodeError, RecursionError) as x:
        raise InvalidMessage(f"not an {kind.DESCRIPTOR.name}: {str(x)[:200]}", "protobuf") from x


def _answer(message: Message, media: str) -> Response:
    body = message.SerializeToString() if media == PROTOBUF else json_format.MessageToJson(message, indent=None).encode()
    return Response(body, 200, media_type=media)


def _status(error: Exception, media: str) -> Response:
    """Our answer's status and headers with the body that OTLP senders read."""
    plain = from_error(error)
    code = {401: 16, 413: 8, 503: 14}.get(plain.status_code, 3)
    text = str(error)
    headers = {k: v for k, v in plain.headers.items() if k in ("retry-after", "www-authenticate")}
    if media == PROTOBUF:
        return Response(_rpc_status(code, text), plain.status_code, headers, PROTOBUF)
    return Response(msgspec.json.encode({"code": code, "message": text}), plain.status_code, headers, JSON)


def _rpc_status(code: int, text: str) -> bytes:
    """google.rpc.Status: field 1 the code, field 2 the message."""
    data = text.encode()[:1_000]
    length = bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 0x7F | 0x80, len(data) >> 7])
    return bytes([0x08, code, 0x12]) + length + data
