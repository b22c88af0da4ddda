"""Pipeline statistics of a tenant as one small page, for HTTP and for the WebSocket."""

from __future__ import annotations

import msgspec

from services.gateway.doors import Doors
from services.gateway.overview import per_second


async def stats_board(parts: Doors, tenant: str) -> bytes:
    """Samples a second over the last quarter of an hour, and the delay from ingest to here, as JSON."""
    now_ms = parts.clock.now_ms()
    body = parts.history.view(now_ms)
    body["samples_per_s"] = await per_second(parts, tenant, now_ms)
    if tenant != parts.settings.tenant:  # the history counts everybody's samples
        body["history"] = {"ts": [], "samples_per_s": []}
    return msgspec.json.encode(body)
