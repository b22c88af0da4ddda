"""The dependency map as it was: what had been told of each edge by a time, as faded as it was then."""

from __future__ import annotations

from typing import Any

import msgspec

from kizashi.contracts.findings import Edge
from kizashi.online.whatif import map_of
from services.gateway.doors import Doors
from services.gateway.queries.dependencies import EDGES_AT


async def edges_at(parts: Doors, tenant: str, at_ms: int) -> list[dict[str, Any]]:
    """Edges known and not forgotten at a time (ms), within ten minutes; confidence is the one of that time."""
    rows = await parts.answers.rows(tenant, EDGES_AT, {"tenant": tenant, "at": at_ms})
    return as_of(tenant, rows, at_ms)


def as_of(tenant: str, rows: list[dict[str, Any]], at_ms: int) -> list[dict[str, Any]]:
    """Rows of ``EDGES_AT`` as the edges of the map at that time, by caller, callee and source."""
    told = [msgspec.convert({**r, "hard": bool(r["hard"]), "directed": bool(r["directed"]), "tenant": tenant}, Edge) for r in rows]
    known = map_of(told, at_ms).edges
    found = [msgspec.structs.asdict(known[key].finding(tenant, at_ms)) for key in sorted(known)]
    return [{k: v for k, v in e.items() if k != "tenant"} for e in found]
