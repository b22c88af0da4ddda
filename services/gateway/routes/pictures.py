"""Panels as pictures: drawn on the server by the web client's own code, for messages, documents and programs without a browser."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from kizashi.contracts import pictures as link
from kizashi.errors import Backpressure, Refused
from kizashi.stream.config import picture_key
from services.gateway.doors import Doors
from services.gateway.guard import Parts, Who
from services.gateway.painter import PainterAway
from services.gateway.pictures import TYPES, Form, Wanted
from services.gateway.problems import Problem
from services.gateway.routes.series import series_number
from services.gateway.times import BadTime, Span, parse_span

router = APIRouter(prefix="/api/v1")
(NARROWEST, WIDEST), (LOWEST, HIGHEST) = link.SIDES
Ids = Annotated[list[str], Query(min_length=1, description="Series ids; several become one line each.")]
From = Annotated[str, Query(alias="from", max_length=64)]
To = Annotated[str, Query(max_length=64)]
Width = Annotated[int, Query(ge=NARROWEST, le=WIDEST)]
Height = Annotated[int, Query(ge=LOWEST, le=HIGHEST)]
Scale = Annotated[int, Query(ge=1, le=3, description="Pixels of the file for one of the picture; PNG only.")]
Title = Annotated[str, Query(max_length=link.LONGEST_TITLE)]
Zone = Annotated[str, Query(max_length=64, description="IANA zone of the times on it.")]
Threshold = Annotated[float | None, Query(allow_inf_nan=False)]
Theme = Literal["light", "dark"]
Lang = Literal["en", "ja"]
Described = dict[int | str, dict[str, Any]]
PNG: Described = {200: {"content": {"image/png": {}}, "description": "The picture, with an ETag of its content."}}
SVG: Described = {200: {"content": {"image/svg+xml": {}}, "description": "The picture, with an ETag of its content."}}


@router.get("/range/picture.png", responses=PNG, response_class=Response)
async def png(
    request: Request, parts: Parts, who: Who, series: Ids, from_: From = "now-3h", to: To = "now", width: Width = 720,
    height: Height = 300, scale: Scale = 2, title: Title = "", theme: Theme = "light", lang: Lang = "en", zone: Zone = "UTC",
    threshold: Threshold = None, forecast: bool = False, episodes: bool = False,
) -> Response:  # fmt: skip
    """Time series as the client draws them: values, expected band, odd stretches (``episodes``: the stored ones), forecast, threshold."""
    ids, span = _asked(parts, series, from_, to)
    return await _answer(
        request, parts,
        Wanted(who.tenant, ids, span, "png", title, lang, _zone(zone), theme == "dark", width, height, scale, threshold, None, forecast,
               episodes),
    )  # fmt: skip


@router.get("/range/picture.svg", responses=SVG, response_class=Response)
async def svg(
    request: Request, parts: Parts, who: Who, series: Ids, from_: From = "now-3h", to: To = "now", width: Width = 720,
    height: Height = 300, title: Title = "", theme: Theme = "light", lang: Lang = "en", zone: Zone = "UTC",
    threshold: Threshold = None, forecast: bool = False, episodes: bool = False,
) -> Response:  # fmt: skip
    """As picture.png, in lines that can be enlarged."""
    ids, span = _asked(parts, series, from_, to)
    return await _answer(
        request, parts,
        Wanted(who.tenant, ids, span, "svg", title, lang, _zone(zone), theme == "dark", width, height, 1, threshold, None, forecast,
               episodes),
    )  # fmt: skip


@router.get("/pictures/{token}", responses={**PNG, 403: {"description": "Changed, or expired."}}, response_class=Response)
async def signed(token: str, request: Request, parts: Parts) -> Response:
    """The picture of a link that alerting wrote into a message; 403 for a link that was changed or has expired.

    Each link has an allowance of its own, as large as a person's: whoever has one cannot keep the others, or alerting itself, from theirs.
    """
    try:
        p = link.read(token, parts.clock.now_ms(), picture_key(parts.signing_key))
    except Refused as x:
        raise Problem(403, str(x)) from x
    wait_s = parts.buckets.spend(f"picture {token.rpartition('.')[2]}", parts.clock.monotonic_s())  # its signature: one a link
    if wait_s:
        raise Problem(429, "this link to a picture is asked too often", retry_after_s=max(1, round(wait_s)))
    ids = tuple(series_number(s) for s in p.series)
    shaded = None if p.shaded is None else tuple(p.shaded)
    span = Span(p.from_ms, p.to_ms)
    if not 0 < span.length_ms <= parts.limits.longest_range_ms:
        raise Problem(403, "this link to a picture is not valid, or has expired")
    wanted = Wanted(
        p.tenant, ids, span, "png", p.title, p.lang, _zone(p.zone), p.dark, p.width, p.height, p.scale, p.threshold, shaded, p.forecast
    )  # fmt: skip
    answer = await _answer(request, parts, wanted)
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # an incident page elsewhere may show it
    return answer


def _asked(parts: Doors, series: list[str], start: str, end: str) -> tuple[tuple[int, ...], Span]:
    limits = parts.limits
    if len(series) > limits.series_per_range:
        raise Problem(422, f"{len(series)} series are asked and at most {limits.series_per_range} can be drawn at once: narrow the search")
    try:
        return tuple(series_number(s) for s in series), parse_span(start, end, parts.clock.now_ms(), limits.longest_range_ms)
    except BadTime as x:
        raise Problem(400, str(x)) from x


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as x:
        raise Problem(400, "zone is an IANA time zone, such as Asia/Tokyo") from x
    return name


async def _answer(request: Request, parts: Doors, wanted: Wanted) -> Response:
    drawing = await parts.pictures.plan(wanted)
    headers = {"ETag": f'"{drawing.tag}"', "Cache-Control": "private, no-cache"}
    if drawing.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    try:
        data = await parts.pictures.paint(drawing)
    except Backpressure as x:
        raise Problem(503, f"{x}; try again in a moment", retry_after_s=2) from x
    except PainterAway as x:
        raise Problem(503, str(x), retry_after_s=10) from x
    except Refused as x:
        raise Problem(422, str(x)) from x
    form: Form = drawing.form
    return Response(data, headers=headers, media_type=TYPES[form])
