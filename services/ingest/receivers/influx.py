"""Influx line protocol at /api/v2/write and /write: 204; bad lines are 400 naming the first, good lines are kept."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.ingest.line_protocol import TO_MS, parse
from services.ingest.receivers.bodies import read_body
from services.ingest.receivers.doors import Doors
from services.ingest.receivers.problems import Problem


def router(doors: Doors) -> APIRouter:
    """Both write paths; v1 calls nanoseconds ``n``, v2 ``ns``."""
    api = APIRouter()

    @api.post("/api/v2/write", status_code=204)
    @api.post("/write", status_code=204)
    async def write(request: Request) -> Response:
        """Lines of one precision."""
        tenant = doors.tenant(request)
        precision = request.query_params.get("precision", "ns")
        if precision not in TO_MS:
            raise Problem(400, f"precision is one of {', '.join(TO_MS)}, not {precision[:20]!r}")
        body = await read_body(request, doors.limits)
        try:
            lines = parse(body.decode(), precision)
        except UnicodeDecodeError as x:
            raise Problem(400, f"the body is not UTF-8: {x}") from x
        taken = await doors.store(tenant, lines.samples, "line_protocol", ["line"] * len(lines.bad))
        if not taken.refused:
            return Response(status_code=204)
        stored = len(taken.rows.slots)
        if lines.bad:
            number, why = lines.bad[0]
            raise Problem(400, f"line {number}: {why} ({len(lines.bad)} bad lines, {stored} values stored)", {"line": number})
        raise Problem(400, f"{taken.refused.total()} values refused ({', '.join(sorted(taken.refused))}), {stored} stored")

    return api
