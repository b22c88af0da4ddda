"""Request bodies within limits: length and ratio are checked before anything is allocated."""

from __future__ import annotations

import zlib

from fastapi import Request

from services.ingest.receivers.budget import hold_of
from services.ingest.receivers.problems import Problem
from services.ingest.settings import IngestLimits

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, limits: IngestLimits) -> bytes:
    """The decoded body; raises Problem 413 when it is too large, 415 for an encoding we do not know, 400 when it is damaged."""
    raw = await read_raw(request, limits)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return raw
    window = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}.get(encoding)
    if window is not None:
        out = inflate(raw, limits, window)
        hold_of(request.scope).take(len(out))
        return out
    raise Problem(415, f"content encoding {encoding!r} is not known here: send gzip, deflate or identity")


async def read_raw(request: Request, limits: IngestLimits) -> bytes:
    """The body as sent; a declared length over the limit is refused without reading, a longer one than declared while reading."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.body_bytes:
        raise Problem(413, f"a body has at most {limits.body_bytes} bytes, this one {declared}: send smaller batches")
    parts: list[bytes] = []
    size = 0
    hold = hold_of(request.scope)
    async for part in request.stream():
        size += len(part)
        hold.take(len(part))
        if size > limits.body_bytes:
            raise Problem(413, f"a body has at most {limits.body_bytes} bytes: send smaller batches")
        parts.append(part)
    return b"".join(parts)


def inflate(data: bytes, limits: IngestLimits, window: int = _GZIP) -> bytes:
    """Decompressed bytes, never more than the limits allow."""
    most = decoded_limit(len(data), limits)
    stream = zlib.decompressobj(window)
    try:
        out = stream.decompress(data, most + 1)
    except zlib.error as x:
        raise Problem(400, f"the compressed body is damaged: {x}") from x
    if len(out) > most:
        raise Problem(413, f"the body unpacks to more than {most} bytes")
    if not stream.eof:
        raise Problem(400, "the compressed body is cut off")
    if stream.unused_data:
        raise Problem(400, "bytes follow the end of the compressed body")
    return out


def decoded_limit(compressed: int, limits: IngestLimits) -> int:
    """Most bytes that this many compressed bytes may become; small bodies are spared the ratio."""
    return min(limits.decoded_bytes, max(limits.ratio * compressed, 65_536))
