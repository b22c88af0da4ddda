"""Configuration objects: read, change, delete, versions, restore; and API keys. Every change names the version it was made on."""

from __future__ import annotations

import asyncio
import secrets
from itertools import islice
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from kizashi.contracts.findings import ConfigChange
from kizashi.errors import ConfigurationError, NotFound
from kizashi.observe.logs import logger
from kizashi.stream.config import LOGIN_KIND, ConfigObject
from services.gateway import credentials, notes
from services.gateway.answers import json_answer
from services.gateway.configuration import accepted, check_place, shown
from services.gateway.doors import Doors
from services.gateway.exports import Listing, listing
from services.gateway.guard import Parts, Who
from services.gateway.paging import BadPage, format_page, parse_page
from services.gateway.principal import Principal
from services.gateway.problems import Problem
from services.gateway.query_samples import KIND as QUERY
from services.gateway.query_samples import admitted, check_room, query_from
from services.gateway.roles import Scope, may, scope_to_read, scope_to_write

router = APIRouter(prefix="/api/v1")
DAY_MS = 86_400_000
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=64)]


class NewKey(BaseModel):
    """What a key is for, what it may do, and for how long."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=64, examples=["telegraf on web-1"])
    scopes: list[Scope] = Field(default=[Scope.INGEST], min_length=1)
    expires_days: int | None = Field(default=None, ge=1, le=3650)


class Restore(BaseModel):
    """The version whose body becomes the newest again."""

    model_config = ConfigDict(extra="forbid")
    version: int = Field(ge=1)


@router.get("/config/{kind}")
async def list_objects(kind: str, parts: Parts, who: Who, deleted: bool = False) -> Listing:
    """All objects of a kind; ``deleted=true`` lists those that were deleted and can be restored."""
    _may_read(kind, "x", who)
    objects = parts.directory.deleted(kind, who.tenant) if deleted else parts.config.state.living(kind, who.tenant)
    return listing([shown(o) for o in objects], kind)


@router.get("/config/{kind}/{object_id}")
async def read_object(kind: str, object_id: str, request: Request, parts: Parts, who: Who) -> Response:
    """One object; ``ETag`` is its version."""
    _may_read(kind, object_id, who)
    obj = parts.config.state.get(kind, object_id, who.tenant)
    if obj is None:
        raise NotFound(f"there is no {kind} {object_id!r}")
    if kind == "dashboard" and who.session:
        parts.openings.opened(who.tenant, object_id)
    if request.headers.get("if-none-match") == etag(obj.version):
        return Response(status_code=304, headers={"ETag": etag(obj.version)})
    return json_answer(shown(obj), {"ETag": etag(obj.version)})


@router.get("/config/{kind}/{object_id}/versions")
async def read_versions(kind: str, object_id: str, parts: Parts, who: Who) -> Listing:
    """Every version, newest first, deletions included."""
    _may_read(kind, object_id, who)
    history = parts.config.state.versions(kind, object_id, who.tenant)
    if not history:
        raise NotFound(f"there never was a {kind} {object_id!r}")
    return listing([shown(o) for o in reversed(history)], f"{kind}-versions")


@router.put("/config/{kind}/{object_id}")
async def write_object(
    kind: str, object_id: str, request: Request, parts: Parts, who: Who, if_match: IfMatch = None, change_id: str | None = None
) -> Response:
    """Make or change an object. ``If-Match`` names the version it was made on; ``change_id`` makes a retry harmless."""
    _may_write(kind, object_id, who)
    body = await json_body(request, parts.limits.config_body_bytes)
    standing = parts.config.state.get(kind, object_id, who.tenant)
    if kind == "user" and (other := parts.directory.users.get(object_id)) and other.tenant != who.tenant:
        raise ConfigurationError("this user name is taken")
    kept = await asyncio.to_thread(accepted, kind, body, standing)
    await _check(parts, who, kind, kept, standing)
    await parts.inner.check(who.tenant, kind, object_id, kept)
    version = await write_change(parts, who, kind, object_id, kept, if_match, change_id)
    status = 201 if standing is None else 200
    made = parts.config.state.versions(kind, object_id, who.tenant)[version - 1]
    return json_answer(shown(made), {"ETag": etag(version)}, status)


@router.delete("/config/{kind}/{object_id}")
async def delete_object(kind: str, object_id: str, parts: Parts, who: Who, if_match: IfMatch = None) -> Response:
    """Delete; the versions stay and can be restored."""
    _may_write(kind, object_id, who)
    if parts.config.state.get(kind, object_id, who.tenant) is None:
        raise NotFound(f"there is no {kind} {object_id!r}")
    version = await write_change(parts, who, kind, object_id, None, if_match, None)
    return Response(status_code=204, headers={"ETag": etag(version)})


@router.post("/config/{kind}/{object_id}/restore")
async def restore_object(kind: str, object_id: str, body: Restore, parts: Parts, who: Who, if_match: IfMatch = None) -> Response:
    """Make an older version the newest; works for deleted objects too."""
    _may_write(kind, object_id, who)
    history = parts.config.state.versions(kind, object_id, who.tenant)
    old = next((o for o in history if o.version == body.version), None)
    if old is None or old.body is None:
        raise NotFound(f"{kind} {object_id!r} has no version {body.version} with a content")
    if if_match is None and history[-1].body is None:
        if_match = etag(history[-1].version)
    await _check(parts, who, kind, old.body, parts.config.state.get(kind, object_id, who.tenant))
    version = await write_change(parts, who, kind, object_id, old.body, if_match, None)
    made = parts.config.state.versions(kind, object_id, who.tenant)[version - 1]
    return json_answer(shown(made), {"ETag": etag(version)})


@router.post("/tokens", status_code=201)
async def make_key(body: NewKey, parts: Parts, who: Who) -> Response:
    """A new API key; its text is in this answer and nowhere else."""
    grantable = who.scopes | {Scope.INGEST}
    if not set(body.scopes) <= grantable:
        raise Problem(403, "a key cannot have rights that you do not have")
    text, prefix, sha256 = credentials.new_key()
    expires = parts.clock.now_ms() + body.expires_days * DAY_MS if body.expires_days else None
    kept = {"name": body.name, "sha256": sha256, "scopes": sorted(body.scopes), "expires_ms": expires}
    await write_change(parts, who, "key", prefix, kept, None, None)
    return json_answer({"key": text, "prefix": prefix, "scopes": sorted(body.scopes), "expires_ms": expires}, status=201)


@router.get("/audit")
async def audit(
    parts: Parts, who: Who, limit: Annotated[int, Query(ge=1, le=1_000)] = 200, cursor: Annotated[str, Query(max_length=64)] = ""
) -> Listing:
    """Who changed which configuration and who logged in when, newest first, as a hash chain: note the newest hash for /audit/verify."""
    before: int | None = None
    if cursor:
        try:
            (number,) = parse_page(cursor, 1)
        except BadPage as x:
            raise Problem(400, str(x)) from x
        if not isinstance(number, int):
            raise Problem(400, "not a cursor of this list: start again without it")
        before = number
    found = list(islice(parts.directory.trail.newest(who.tenant, before), limit + 1))
    more, found = len(found) > limit, found[:limit]
    names = ("kind", "id", "version", "author", "made_at_ms")
    items = [
        {n: getattr(e.change, n) for n in names}
        | {"deleted": e.change.body is None, "number": e.number, "hash": e.hash}
        | {n: (e.change.body or {}).get(n, "") if e.change.kind == LOGIN_KIND else "" for n in ("outcome", "reason", "address")}
        for e in found
    ]
    return listing(items, "audit", format_page(found[-1].number) if more else None)


@router.get("/audit/verify")
async def verify_audit(
    parts: Parts, who: Who, number: Annotated[int, Query(ge=1, le=1 << 40)], hash_: Annotated[str, Query(alias="hash", max_length=64)]
) -> Response:
    """Whether the trail still has this hash at this number; each gateway computes it at its start from the log's first entry on."""
    return json_answer({"number": number, "intact": parts.directory.trail.stands(who.tenant, number, hash_)})


async def write_change(
    parts: Doors, who: Principal, kind: str, object_id: str, body: dict[str, Any] | None, if_match: str | None, change_id: str | None
) -> int:
    """The version that the change made. Raises Problem 412 or 428 when ``if_match`` is not the newest version, Conflict, BusUnavailable."""
    history = parts.config.state.versions(kind, object_id, who.tenant)
    name = f"{who.tenant}/{who.name}/{kind}/{object_id}/{change_id or secrets.token_hex(8)}"
    if parts.config.state.outcome(name):
        return history[-1].version  # the writer's own retry: it won the first time
    based_on = _based_on(history, if_match)
    change = ConfigChange(kind, object_id, based_on, body, who.name, parts.clock.now_ms(), name, who.tenant)
    version = await parts.writer.write(change)
    head = next(parts.directory.trail.newest(who.tenant))  # in a log that is kept elsewhere, it proves the trail
    logger().info("config.changed", kind=kind, object=object_id, version=version, author=who.name, number=head.number, hash=head.hash)
    return version


async def _check(parts: Doors, who: Principal, kind: str, body: dict[str, Any], standing: ConfigObject | None) -> None:
    """Whether there is room for one more, and whether the tenant may ask a query. Raises ConfigurationError."""
    if kind == notes.KIND:
        notes.check_room(len(parts.config.state.living(kind, who.tenant)), standing)
    if kind == QUERY:
        check_room(len(parts.config.state.living(kind, who.tenant)), standing)
        await asyncio.to_thread(admitted, query_from(body), parts.scheduled.reach, who.tenant)


def _based_on(history: list[ConfigObject], if_match: str | None) -> int:
    newest = history[-1] if history else None
    if if_match is None:
        if newest is not None and newest.body is not None:
            raise Problem(428, f"the object exists: send If-Match with the version you changed (it is at {etag(newest.version)})")
        return newest.version if newest else 0
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdigit():
        raise Problem(400, 'If-Match holds a version, such as "3"')
    if int(text) != (newest.version if newest else 0):
        at = newest.version if newest else 0
        raise Problem(412, f"the object is at version {at}: look at what changed and try again", version=at)
    return int(text)


async def json_body(request: Request, limit: int) -> dict[str, Any]:
    """The object that a request carries. Raises Problem 400, 413."""
    data = await request.body()
    if len(data) > limit:
        raise Problem(413, f"a configuration object has at most {limit} bytes, this one has {len(data)}")
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as x:
        raise Problem(400, f"the body is not a JSON object: {x}") from x


def etag(version: int) -> str:
    """Version as an entity tag."""
    return f'"{version}"'


def _may_read(kind: str, object_id: str, who: Principal) -> None:
    check_place(kind, object_id)
    if not may(who.scopes, scope_to_read(kind)):
        raise Problem(403, f"reading {kind} configuration needs an administrator")


def _may_write(kind: str, object_id: str, who: Principal) -> None:
    check_place(kind, object_id)
    if not may(who.scopes, scope_to_write(kind)):
        raise Problem(403, f"changing {kind} configuration needs an administrator")
