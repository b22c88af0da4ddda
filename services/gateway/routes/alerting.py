"""What alerting knows beyond the stored alerts: groups, who is on call, why a rule did not fire, what a change would have paged.

Acknowledging, assigning and verdicts are feedback (routes/feedback.py); rules, silences and schedules are configuration (routes/config.py).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from kizashi.contracts.civil_time import LONGEST_CALENDAR_DAYS
from services.gateway.answers import Value, json_answer, json_bytes
from services.gateway.configuration import check_shape
from services.gateway.exports import Listing
from services.gateway.guard import Parts, Who
from services.gateway.problems import Problem
from services.gateway.queries import findings as q
from services.gateway.times import UNIT_MS

router = APIRouter(prefix="/api/v1/alerts")
PREVIEWED_ALERTS = 1_000
Days = Annotated[int, Query(ge=1, le=LONGEST_CALENDAR_DAYS)]
Question = Annotated[dict[str, Any], Body(examples=[{}])]


class Matchers(BaseModel):
    """What a silence would match."""

    model_config = ConfigDict(extra="forbid")
    match: list[Any] = Field(max_length=50, examples=[["service=checkout"]])


@router.get("/state")
async def state(parts: Parts, who: Who) -> Response:
    """Counts, page budgets by team, rules and objects that cannot be used."""
    return json_bytes(await parts.inner.ask(who.tenant, "state"))


@router.get("/groups")
async def groups(parts: Parts, who: Who) -> Listing:
    """Alerts as they are grouped for people, with what was told to whom."""
    return Listing(await parts.inner.ask(who.tenant, "groups"), "alert-groups")


@router.get("/rules")
async def rules(parts: Parts, who: Who) -> Listing:
    """Rules in force: the house's own and the tenant's."""
    return Listing(await parts.inner.ask(who.tenant, "rules"), "alert-rules")


@router.get("/silences")
async def silences(parts: Parts, who: Who) -> Listing:
    """Silences with what they hide now."""
    return Listing(await parts.inner.ask(who.tenant, "silences"), "alert-silences")


@router.get("/maintenance")
async def maintenance(parts: Parts, who: Who, days: Days = 14) -> Listing:
    """The next window of each recurring maintenance, and all of the coming days."""
    return Listing(await parts.inner.ask(who.tenant, "maintenance", {"days": str(days)}), "alert-maintenance")


@router.get("/oncall")
async def on_call(parts: Parts, who: Who, days: Days = 7, at_ms: Annotated[int | None, Query(ge=0, le=1 << 45)] = None) -> Response:
    """Who is on call now, and the shifts to come."""
    return json_bytes(await parts.inner.ask(who.tenant, "oncall", {"days": str(days)} | ({} if at_ms is None else {"at_ms": str(at_ms)})))


@router.post("/oncall/preview")
async def preview_schedule(body: Question, parts: Parts, who: Who) -> Response:
    """The turns of a schedule that need not be saved."""
    return await _pass(parts, who, "oncall/preview", body)


@router.post("/check")
async def check(body: Question, parts: Parts, who: Who) -> Response:
    """Whether alerting could use a configuration object, and which field stands in the way."""
    return await _pass(parts, who, "check", body)


@router.post("/route")
async def route(body: Question, parts: Parts, who: Who) -> Response:
    """Where an alert with these labels would go, by the tree in force or one that is not saved: who is told, and what holds it back."""
    return await _pass(parts, who, "route", body)


@router.post("/why-not")
async def why_not(body: Question, parts: Parts, who: Who) -> Response:
    """Why a rule did not fire, gate by gate; times in the past are replayed."""
    return await _pass(parts, who, "why-not", body)


@router.post("/replay")
async def replay(body: Question, parts: Parts, who: Who) -> Response:
    """What the rules of now, and those of a change, would have paged in a stretch of the past."""
    return await _pass(parts, who, "replay", body)


@router.post("/tuning")
async def tuning(body: Question, parts: Parts, who: Who) -> Response:
    """Pages and catches of a rule over the values of its threshold."""
    return await _pass(parts, who, "tuning", body)


@router.post("/silences/preview")
async def preview_silence(body: Matchers, parts: Parts, who: Who) -> Response:
    """Alerts of now and of last week that a silence would hide."""
    now_ms = parts.clock.now_ms()
    asked: dict[str, Value] = {
        "tenant": who.tenant, "start": now_ms - UNIT_MS["w"], "end": now_ms, "state": "", "before_at": 1 << 62, "before_id": "",
        "limit": PREVIEWED_ALERTS,
    }  # fmt: skip
    rows = await parts.answers.rows(who.tenant, q.ALERTS, asked)
    known = {a.id: a for a in (msgspec.json.decode(row["body"], type=_Alert) for row in rows)}
    given = {"match": body.match, "alerts": [{"id": a.id, "labels": a.labels} for a in known.values()]}
    said = msgspec.json.decode(await parts.inner.ask(who.tenant, "silences/preview", body=given), type=_Preview)
    last_week = [msgspec.to_builtins(known[i]) for i in said.given if i in known]
    return json_answer({"now": said.now, "last_week": last_week})


@router.post("/channels/test")
async def test_channel(body: Question, parts: Parts, who: Who) -> Response:
    """Send a test through a channel; what came of it."""
    return await _pass(parts, who, "channels/test", body)


@router.post("/channels/preview")
async def preview_channel(body: Question, parts: Parts, who: Who) -> Response:
    """What a channel would be sent."""
    return await _pass(parts, who, "channels/preview", body)


class _Alert(msgspec.Struct):
    id: str
    title: str = ""
    severity: str = ""
    labels: dict[str, str] = {}


class _Preview(msgspec.Struct):
    now: list[dict[str, Any]] = []
    given: list[str] = []


async def _pass(parts: Parts, who: Who, place: str, body: dict[str, Any]) -> Response:
    check_shape(body)
    if len(msgspec.json.encode(body)) > parts.limits.config_body_bytes:
        raise Problem(413, f"a question has at most {parts.limits.config_body_bytes} bytes")
    return json_bytes(await parts.inner.ask(who.tenant, place, body=body))
