"""Kizashi's own HTTP: samples at /api/v1/metrics, events at /api/v1/events."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from kizashi.errors import InvalidMessage
from services.ingest.decode import decode
from services.ingest.events import decode_events
from services.ingest.receivers.bodies import read_body
from services.ingest.receivers.doors import Doors, is_history
from services.ingest.receivers.problems import Problem

JSON_TYPES = frozenset({"application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "text/plain", ""})
EVENT_TYPES = JSON_TYPES | {"application/cloudevents+json", "application/cloudevents-batch+json"}
CE_PREFIX = "ce-"


def router(doors: Doors) -> APIRouter:
    """The two native paths."""
    api = APIRouter()

    @api.post("/api/v1/metrics", status_code=202)
    async def metrics(request: Request) -> Response:
        """One sample, a list or NDJSON. 202 when Kafka has all of it; 400 when part was refused: the rest is stored."""
        tenant = doors.tenant(request)
        _content_type(request, JSON_TYPES)
        body = await read_body(request, doors.limits)
        if body.count(b'"metric"') > doors.limits.request_samples:  # before a million objects are made of it
            raise Problem(413, f"a request has at most {doors.limits.request_samples} samples: send smaller batches")
        samples, bad = decode(body)
        taken = await doors.store(tenant, samples, "http", [b.error.reason for b in bad], is_history(request))
        accepted = len(taken.rows.slots)
        if not taken.refused:
            return JSONResponse({"accepted": accepted}, 202)
        first = str(bad[0].error) if bad else _first(taken.first, samples[taken.first].metric, next(iter(taken.refused)))
        raise Problem(400, f"{taken.refused.total()} refused, {accepted} stored. {first}", _counts(accepted, taken.refused))

    @api.post("/api/v1/events", status_code=202)
    async def events(request: Request) -> Response:
        """Native JSON (one, list, NDJSON) or CloudEvents 1.0 (structured, batch, binary). All or nothing."""
        tenant = doors.tenant(request)
        _content_type(request, EVENT_TYPES, binary_event="ce-type" in request.headers)
        body = await read_body(request, doors.limits)
        found = decode_events(_structured(request, body), tenant, doors.clock.now_ms())
        await doors.events.publish(found)
        return JSONResponse({"accepted": len(found), "ids": [e.id for e in found]}, 202)

    return api


def _first(place: int, metric: str, reason: str) -> str:
    return f"First: sample {place + 1} ({metric[:80]}), {reason}"


def _counts(accepted: int, refused: dict[str, int]) -> dict[str, object]:
    return {"accepted": accepted, "refused": dict(refused)}


def _content_type(request: Request, known: frozenset[str] | set[str], binary_event: bool = False) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in known and not binary_event and kind != "application/x-www-form-urlencoded":  # what curl -d says
        raise Problem(415, f"content type {kind!r} is not known here: send {', '.join(sorted(filter(None, known)))}")


def _structured(request: Request, body: bytes) -> bytes:
    """A CloudEvent in binary mode (attributes in ``ce-`` headers) as a structured one."""
    import msgspec

    if "ce-type" not in request.headers:
        return body
    try:
        data = msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as x:
        raise InvalidMessage(f"data is not JSON: {x}", "json") from x
    attributes = {k.removeprefix(CE_PREFIX): v for k, v in request.headers.items() if k.startswith(CE_PREFIX)}
    return msgspec.json.encode({**attributes, "data": data})
