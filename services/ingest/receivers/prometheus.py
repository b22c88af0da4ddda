"""Prometheus remote write 1.0 and 2.0 at /api/v1/write.

204 when all was stored; 400 when part was refused (the rest is stored, a retry would not help); 413 for size, 415 for
another message type or encoding, 503 for overload (Prometheus drops data on 429). 2.0 answers say what was written.
"""

from __future__ import annotations

import cramjam
from fastapi import APIRouter, Request, Response
from google.protobuf.message import DecodeError

from kizashi.errors import InvalidMessage
from services.ingest.receivers.bodies import decoded_limit, read_raw
from services.ingest.receivers.budget import hold_of
from services.ingest.receivers.doors import Doors
from services.ingest.receivers.problems import Problem
from services.ingest.receivers.remote_write_messages import messages
from services.ingest.remote_write import Written, from_v1, from_v2
from services.ingest.settings import IngestLimits

V1, V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


def router(doors: Doors) -> APIRouter:
    """The remote write path."""
    api = APIRouter()

    @api.post("/api/v1/write", status_code=204)
    async def write(request: Request) -> Response:
        """One snappy-compressed protobuf message."""
        tenant = doors.tenant(request)
        version = _version(request)
        data = _unsnap(await read_raw(request, doors.limits), doors.limits)
        hold_of(request.scope).take(len(data))
        written = _parse(data, version)
        stale = written.left_out.pop("stale", 0)
        taken = await doors.store(tenant, written.samples, "remote_write", list(written.left_out.elements()))
        doors.tally.receive("remote_write", stale)
        doors.tally.reject({"stale": stale} if stale else {})
        headers = _written(len(taken.rows.slots), written.histograms) if version == V2 else {}
        if not taken.refused:
            return Response(status_code=204, headers=headers)
        text = f"{taken.refused.total()} samples refused ({', '.join(sorted(taken.refused))}), {len(taken.rows.slots)} stored"
        raise Problem(400, text, {"refused": dict(taken.refused)}, headers)

    return api


def _version(request: Request) -> str:
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    proto = rest.partition("proto=")[2].strip() or V1
    if kind.strip().lower() != "application/x-protobuf" or proto not in (V1, V2):
        raise Problem(415, f"send application/x-protobuf with proto={V1} or proto={V2}")
    if request.headers.get("content-encoding", "snappy").lower() != "snappy":
        raise Problem(415, "remote write is compressed with snappy")
    return proto


def _unsnap(raw: bytes, limits: IngestLimits) -> bytes:
    """The block's own length is looked at before anything is allocated for it."""
    try:
        length = cramjam.snappy.decompress_raw_len(raw)
        if length > decoded_limit(len(raw), limits):
            raise Problem(413, f"the body unpacks to {length} bytes, at most {limits.decoded_bytes} and 100 times its size are taken")
        return bytes(cramjam.snappy.decompress_raw(raw))
    except cramjam.DecompressionError as x:
        raise Problem(400, f"the snappy block is damaged: {x}") from x


def _parse(data: bytes, version: str) -> Written:
    kinds = messages()
    try:
        if version == V1:
            return from_v1(kinds.v1.FromString(data))
        return from_v2(kinds.v2.FromString(data))
    except DecodeError as x:
        raise InvalidMessage(f"not a {version}: {x}", "protobuf") from x


def _written(samples: int, histograms: int) -> dict[str, str]:
    """2.0 counts what was stored by kind; two samples came from each histogram."""
    plain = max(0, samples - 2 * histograms)
    return {WRITTEN.format("Samples"): str(plain), WRITTEN.format("Histograms"): str(histograms), WRITTEN.format("Exemplars"): "0"}
