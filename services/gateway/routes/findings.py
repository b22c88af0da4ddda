"""Findings: episodes, incidents, alerts, deliveries, risks, forecasts, dependencies; and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from kizashi.contracts.findings import Alert, Delivery, Edge, Episode, Forecast, Incident, Pattern, Risk
from kizashi.errors import NotFound
from kizashi.online import whatif
from services.gateway.answers import Value, json_answer
from services.gateway.credentials import digest
from services.gateway.dependencies import edges_at
from services.gateway.doors import Doors
from services.gateway.explain import explain
from services.gateway.exports import Listing, listing
from services.gateway.guard import Parts, Who
from services.gateway.paging import BadPage, format_page, parse_page
from services.gateway.problems import Problem
from services.gateway.queries import Statement
from services.gateway.queries import findings as q
from services.gateway.routes.series import series_number
from services.gateway.times import UNIT_MS, BadTime, Span, parse_span, parse_time, shared
from services.gateway.whole import whole

router = APIRouter(prefix="/api/v1")
LIST_TTL_S = 1.0
"""A list is a second old at most for who asks often, a little more for who comes after others; changes are pushed anyway."""
LONGEST_LIST_MS = 400 * UNIT_MS["d"]
EXPLAIN_BACK_MS = UNIT_MS["d"]
EDGE_AGE_MS = 30 * UNIT_MS["d"]
RECORD_MS = 14 * UNIT_MS["d"]
Word = Annotated[str, Query(max_length=128)]
From = Annotated[str, Query(alias="from", max_length=64)]
To = Annotated[str, Query(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Cursor = Annotated[str, Query(max_length=1_024)]


@router.get("/episodes")
async def episodes(
    parts: Parts, who: Who, from_: From = "now-24h", to: To = "now", state: Word = "", kind: Word = "", severity: Word = "",
    service: Word = "", series: Annotated[list[str] | None, Query(max_length=500)] = None, limit: Limit = 100, cursor: Cursor = "",
) -> Listing:  # fmt: skip
    """Episodes that touch the range, newest first."""
    values: dict[str, Value] = {
        "state": state, "kind": kind, "severity": severity, "service": service, "ids": [series_number(s) for s in series or []],
    }  # fmt: skip
    return await _list(parts, who.tenant, q.EPISODES, Episode, values, window(from_, to, parts), limit, cursor)


@router.get("/incidents")
async def incidents(
    parts: Parts,
    who: Who,
    from_: From = "now-7d",
    to: To = "now",
    state: Word = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Listing:
    """Incidents that touch the range, newest first; merged ones only when asked for."""
    return await _list(parts, who.tenant, q.INCIDENTS, Incident, {"state": state}, window(from_, to, parts), limit, cursor)


@router.get("/incidents/{incident_id}")
async def incident(incident_id: str, parts: Parts, who: Who) -> Response:
    """One incident with causes, evidence, blast radius and timeline."""
    rows = await parts.answers.rows(who.tenant, q.INCIDENT, {"tenant": who.tenant, "id": incident_id})
    if not rows:
        raise NotFound(f"there is no incident {incident_id[:80]!r}")
    return json_answer(whole(msgspec.json.decode(rows[0]["body"], type=Incident)))


@router.get("/alerts")
async def alerts(
    parts: Parts,
    who: Who,
    from_: From = "now-7d",
    to: To = "now",
    state: Word = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Listing:
    """Alerts that touch the range, newest first, also those that were held back, with the gate that did."""
    return await _list(parts, who.tenant, q.ALERTS, Alert, {"state": state}, window(from_, to, parts), limit, cursor)


@router.get("/deliveries")
async def deliveries(
    parts: Parts,
    who: Who,
    from_: From = "now-7d",
    to: To = "now",
    alert: Word = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Listing:
    """Attempts to tell somebody, newest first."""
    return await _list(parts, who.tenant, q.DELIVERIES, Delivery, {"alert": alert}, window(from_, to, parts), limit, cursor)


@router.get("/risks")
async def risks(parts: Parts, who: Who, kind: Word = "", entity: Word = "", limit: Limit = 200) -> Listing:
    """The newest statement of every risk, firing and likeliest first."""
    values: dict[str, Value] = {"tenant": who.tenant, "kind": kind, "entity": entity, "limit": limit}

    async def make() -> bytes:
        rows = await parts.answers.rows(who.tenant, q.RISKS, values)
        items = [whole(msgspec.json.decode(r["body"], type=Risk)) for r in rows]
        return msgspec.json.encode({"items": items, "next": None})

    key = f"risks/{who.tenant}/{digest(repr((kind, entity, limit)))}"
    found = await parts.answers.remembered(key, LIST_TTL_S, make, parts.limits.stale_s / 2)
    return Listing(found, "risks")


@router.get("/forecasts")
async def forecasts(parts: Parts, who: Who, series: Annotated[list[str], Query(min_length=1, max_length=50)]) -> Listing:
    """The newest forecast of each series, and how its forecasts of two weeks came out."""
    ids = sorted({series_number(s) for s in series})
    start = parts.clock.now_ms() - RECORD_MS
    rows = await parts.answers.rows(who.tenant, q.FORECASTS, {"tenant": who.tenant, "ids": ids})
    records = await parts.answers.rows(who.tenant, q.TRACK_RECORD, {"tenant": who.tenant, "ids": ids, "start": start})
    by_id = {r["id"]: r for r in records}
    items = [{**whole(msgspec.json.decode(r["body"], type=Forecast)), "record": by_id.get(r["id"])} for r in rows]
    return listing(items, "forecasts")


@router.get("/edges")
async def edges(parts: Parts, who: Who, at: Annotated[str, Query(max_length=64)] = "") -> Listing:
    """Dependencies seen in the last 30 days; with ``at`` the map as it was then, its confidences too, ninety days back at most."""
    if not at:
        return listing(await _edges(parts, who.tenant), "edges")
    now_ms = parts.clock.now_ms()
    try:
        at_ms = min(max(0, parse_time(at, now_ms)), now_ms)  # nothing was before 1970, nothing is known of the future
    except BadTime as x:
        raise Problem(400, str(x)) from x
    return listing(await edges_at(parts, who.tenant, at_ms), "edges")


@router.get("/whatif")
async def what_if(parts: Parts, who: Who, entity: Word, event: Literal["fails", "restart"] = "fails") -> Response:
    """Whom it would hit if an entity failed or were restarted, by the dependencies known now: rca's own arithmetic."""
    known = [msgspec.convert({**e, "tenant": who.tenant}, Edge) for e in await _edges(parts, who.tenant)]
    try:
        affected = [whole(a) for a in whatif.what_if(known, entity, event, parts.clock.now_ms())]
    except NotFound:  # nothing is known to depend on it: an empty answer, as for an entity whose callers are not known
        affected = []
    return json_answer({"entity": entity, "event": event, "affected": affected})


@router.get("/series/{series_id}/pattern")
async def pattern(series_id: str, parts: Parts, who: Who) -> Response:
    """Season, trend and recurring shapes of a series."""
    found = await _pattern(parts, who.tenant, series_number(series_id))
    if found is None:
        raise NotFound("nothing regular is known of this series yet: patterns are looked for once a day has been seen")
    return json_answer(found)


@router.get("/series/{series_id}/explain")
async def why(series_id: str, parts: Parts, who: Who, at: Annotated[str, Query(max_length=64)] = "now") -> Response:
    """Why the newest value at or before a time was called odd, or which gate kept it from that."""
    number = series_number(series_id)
    if not await parts.catalog.visible(who.tenant, frozenset({number})):
        raise NotFound(f"there is no series {series_id}")
    try:
        at_ms = parse_time(at, parts.clock.now_ms())
    except BadTime as x:
        raise Problem(400, str(x)) from x
    asked: dict[str, Value] = {"tenant": who.tenant, "id": number, "at": at_ms, "start": at_ms - EXPLAIN_BACK_MS}
    rows = await parts.answers.rows(who.tenant, q.AROUND, asked)
    found = await parts.answers.rows(who.tenant, q.EPISODE_AT, asked)
    episode = whole(msgspec.json.decode(found[0]["body"], type=Episode)) if found else None
    return json_answer(explain(rows, episode, await _pattern(parts, who.tenant, number)))


@dataclass(frozen=True)
class Window:
    """A span, and the words it is remembered under: those who ask for ``now-24h`` within a second get the same answer."""

    span: Span
    words: str


async def _list(
    parts: Doors,
    tenant: str,
    statement: Statement,
    kind: type[msgspec.Struct],
    values: dict[str, Value],
    window: Window,
    limit: int,
    cursor: str,
) -> Listing:
    before_at, before_id = 1 << 62, ""
    if cursor:
        try:
            at, ident = parse_page(cursor, 2)
        except BadPage as x:
            raise Problem(400, str(x)) from x
        if not isinstance(at, int) or not isinstance(ident, str):
            raise Problem(400, "not a cursor of this list: start again without it")
        before_at, before_id = at, ident
    asked = values | {
        "tenant": tenant, "start": window.span.start_ms, "end": window.span.end_ms, "before_at": before_at, "before_id": before_id,
        "limit": limit + 1,
    }  # fmt: skip

    async def make() -> bytes:
        rows = await parts.answers.rows(tenant, statement, asked)
        more, rows = len(rows) > limit, rows[:limit]
        items = [whole(msgspec.json.decode(row["body"], type=kind)) for row in rows]
        return msgspec.json.encode({"items": items, "next": format_page(rows[-1]["at"], rows[-1]["id"]) if more else None})

    key = f"{statement.name}/{tenant}/{digest(repr((sorted(values.items()), window.words, limit, cursor)))}"
    return Listing(await parts.answers.remembered(key, LIST_TTL_S, make, parts.limits.stale_s / 2), statement.name.partition(".")[0])


def window(start: str, end: str, parts: Doors) -> Window:
    """The stretch between two times as people write them. Raises Problem 400."""
    try:
        now_ms = parts.clock.now_ms()
        span = shared(parse_span(start, end, now_ms, LONGEST_LIST_MS), now_ms)
    except BadTime as x:
        raise Problem(400, str(x)) from x
    relative = start.startswith("now") and end.startswith("now")
    return Window(span, f"{start}/{end}" if relative else f"{span.start_ms}/{span.end_ms}")


async def _edges(parts: Doors, tenant: str) -> list[dict[str, Any]]:
    found = await parts.answers.rows(tenant, q.EDGES, {"tenant": tenant, "start": parts.clock.now_ms() - EDGE_AGE_MS})
    return [{**e, "hard": bool(e["hard"]), "directed": bool(e["directed"])} for e in found]


async def _pattern(parts: Doors, tenant: str, number: int) -> dict[str, Any] | None:
    rows = await parts.answers.rows(tenant, q.PATTERN, {"tenant": tenant, "id": number})
    return None if not rows else dict(whole(msgspec.json.decode(rows[0]["body"], type=Pattern)))
