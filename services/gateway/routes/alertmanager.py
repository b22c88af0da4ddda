"""Alertmanager's API v2 over our own alerts and silences: ``amtool --alertmanager.url=https://HOST/alertmanager``, Grafana, Karma."""

from __future__ import annotations

import uuid
from importlib.metadata import version
from typing import Annotated, Any

import msgspec
import psutil
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from kizashi.contracts.findings import Alert, ConfigChange
from kizashi.errors import ConfigurationError, NotFound
from services.gateway import alertmanager as am
from services.gateway.answers import Value, json_answer
from services.gateway.doors import Doors
from services.gateway.guard import Parts, Who
from services.gateway.principal import Principal
from services.gateway.problems import Problem
from services.gateway.queries import findings as q
from services.gateway.times import UNIT_MS

router = APIRouter(prefix="/alertmanager/api/v2")
KIND = "silence"
LONGEST_FIRING_MS = 400 * UNIT_MS["d"]
MOST_ALERTS = 5_000
KEEP_EXPIRED_MS = 5 * UNIT_MS["d"]
"""Alertmanager's own retention of expired silences."""
Filters = Annotated[list[str] | None, Query(alias="filter", max_length=50)]
Pattern = Annotated[str, Query(max_length=200)]


@router.get("/status")
async def status(who: Who) -> Response:
    """Version and uptime; there is no cluster."""
    return json_answer(am.status(version("kizashi"), round(psutil.Process().create_time() * 1_000)))


@router.get("/receivers")
async def receivers(who: Who) -> Response:
    """The one receiver that every alert has here; channels are a matter of routing."""
    return json_answer([{"name": am.RECEIVER}])


@router.get("/alerts")
async def alerts(
    request: Request, parts: Parts, who: Who, filters: Filters = None, active: bool = True, silenced: bool = True, inhibited: bool = True,
    unprocessed: bool = True, receiver: Pattern = "",
) -> Response:  # fmt: skip
    """Alerts that have not ended; ``unprocessed`` changes nothing, since none is."""
    wanted = am.Wanted(filters or [], active, silenced, inhibited, receiver)
    try:
        return json_answer([alert for _, alert in await _alerts(request, parts, who.tenant, wanted)])
    except ConfigurationError as x:
        return _bad_request(x)


@router.get("/alerts/groups")
async def alert_groups(
    request: Request, parts: Parts, who: Who, filters: Filters = None, active: bool = True, silenced: bool = True, inhibited: bool = True,
    receiver: Pattern = "",
) -> Response:  # fmt: skip
    """The same alerts by the group they are told in."""
    wanted = am.Wanted(filters or [], active, silenced, inhibited, receiver)
    try:
        return json_answer(am.groups(await _alerts(request, parts, who.tenant, wanted)))
    except ConfigurationError as x:
        return _bad_request(x)


@router.get("/silences")
async def silences(parts: Parts, who: Who, filters: Filters = None) -> Response:
    """All silences, expired ones for five days. As in Alertmanager, a filter looks at the values of a silence's own matchers."""
    now_ms = parts.clock.now_ms()
    found = [s for s in _silences(parts, who.tenant) if _lately(s, now_ms)]
    try:
        return json_answer([am.gettable_silence(s, now_ms) for s in found if am.about(s, filters or [])])
    except ConfigurationError as x:
        return _bad_request(x)


SILENCE = {
    "type": "object",
    "required": ["matchers", "startsAt", "endsAt", "createdBy", "comment"],
    "properties": {
        "id": {"type": "string"},
        "matchers": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "value", "isRegex"],
                "properties": {
                    "name": {"type": "string"}, "value": {"type": "string"}, "isRegex": {"type": "boolean"}, "isEqual": {"type": "boolean"},
                },
            },
        },
        "startsAt": {"type": "string", "format": "date-time"}, "endsAt": {"type": "string", "format": "date-time"},
        "createdBy": {"type": "string"}, "comment": {"type": "string"},
    },
}  # fmt: skip
"""``postableSilence`` of Alertmanager's own description."""


@router.post("/silences", openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": SILENCE}}}})
async def post_silence(request: Request, parts: Parts, who: Who) -> Response:
    """Make a silence, or change the one whose ``id`` is given."""
    data = await request.body()
    if len(data) > parts.limits.config_body_bytes:
        raise Problem(413, f"a silence has at most {parts.limits.config_body_bytes} bytes")
    try:
        object_id, body = am.wanted_silence(data, parts.clock.now_ms())
    except ConfigurationError as x:
        return _bad_request(x)
    if object_id:
        _find(parts, who.tenant, object_id)
    object_id = object_id or str(uuid.uuid4())
    await _write(parts, who, object_id, body)
    return json_answer({"silenceID": object_id})


@router.get("/silence/{silence_id}")
async def silence(silence_id: str, parts: Parts, who: Who) -> Response:
    """One silence."""
    return json_answer(am.gettable_silence(_find(parts, who.tenant, silence_id), parts.clock.now_ms()))


@router.delete("/silence/{silence_id}")
async def expire_silence(silence_id: str, parts: Parts, who: Who) -> Response:
    """End it now. One that has not begun is deleted; what has ended already stays as it is."""
    found, now_ms = _find(parts, who.tenant, silence_id), parts.clock.now_ms()
    state = found.state(now_ms)
    body = {"match": found.match, "starts_ms": found.starts_ms, "ends_ms": now_ms, "owner": found.owner, "reason": found.reason}
    if state != "expired":
        await _write(parts, who, silence_id, body if state == "active" and now_ms > found.starts_ms else None)
    return json_answer({})


def _bad_request(error: ConfigurationError) -> Response:
    """The protocol's 400 is a JSON string; its clients cannot read a problem+json."""
    return json_answer(str(error), status=400)


async def _alerts(request: Request, parts: Doors, tenant: str, wanted: am.Wanted) -> list[tuple[str, dict[str, Any]]]:
    """(group, alert) of what fires now and is wanted, newest first."""
    now_ms = parts.clock.now_ms()
    hiding = list(_silences(parts, tenant))
    base_url = str(request.base_url).rstrip("/")
    out = []
    for state in ("firing", "acknowledged"):
        values: dict[str, Value] = {
            "tenant": tenant, "state": state, "start": now_ms - LONGEST_FIRING_MS, "end": now_ms + UNIT_MS["h"],
            "before_at": 1 << 62, "before_id": "", "limit": MOST_ALERTS,
        }  # fmt: skip
        for row in await parts.answers.rows(tenant, q.ALERTS, values):
            alert = msgspec.json.decode(row["body"], type=Alert)
            shown = am.gettable_alert(alert, hiding, now_ms, base_url)
            if wanted.takes(shown):
                out.append((alert.group or alert.id, shown))
    return out


def _silences(parts: Doors, tenant: str) -> list[am.StandingSilence]:
    """Living silences and deleted ones, whose last content is in the versions."""
    living = [am.standing(o.id, o.body or {}, o.made_at_ms) for o in parts.config.state.living(KIND, tenant)]
    gone = [_deleted(parts, tenant, o.id) for o in parts.directory.deleted(KIND, tenant)]
    return [s for s in (*living, *gone) if s is not None]


def _deleted(parts: Doors, tenant: str, object_id: str) -> am.StandingSilence | None:
    versions = parts.config.state.versions(KIND, object_id, tenant)
    kept = next((o.body for o in reversed(versions) if o.body is not None), None)
    return None if kept is None else am.standing(object_id, kept, versions[-1].made_at_ms, deleted=True)


def _find(parts: Doors, tenant: str, object_id: str) -> am.StandingSilence:
    found = next((s for s in _silences(parts, tenant) if s.id == object_id), None)
    if found is None:
        raise NotFound(f"there is no silence {object_id[:80]!r}")
    return found


def _lately(s: am.StandingSilence, now_ms: int) -> bool:
    ended = min(s.ends_ms, s.updated_ms) if s.deleted else s.ends_ms
    return ended > now_ms - KEEP_EXPIRED_MS


async def _write(parts: Doors, who: Principal, object_id: str, body: dict[str, Any] | None) -> None:
    history = parts.config.state.versions(KIND, object_id, who.tenant)
    based_on, name = history[-1].version if history else 0, f"{who.tenant}/{who.name}/{KIND}/{object_id}/{uuid.uuid4().hex}"
    await parts.writer.write(ConfigChange(KIND, object_id, based_on, body, who.name, parts.clock.now_ms(), name, who.tenant))
