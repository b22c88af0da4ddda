"""Marks on charts: what happened (changes, incidents, maintenance), and what people wrote (notes, which are configuration)."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from kizashi.errors import NotFound
from kizashi.stream.config import ConfigObject
from services.gateway import notes
from services.gateway.answers import Value, json_answer
from services.gateway.configuration import accepted, check_place
from services.gateway.credentials import digest
from services.gateway.doors import Doors
from services.gateway.exports import Listing, listing
from services.gateway.guard import Parts, Who
from services.gateway.queries import findings as q
from services.gateway.routes.config import etag, write_change
from services.gateway.routes.findings import LIST_TTL_S, From, To, window
from services.gateway.routes.series import series_number

router = APIRouter(prefix="/api/v1")
MOST = 1_000
Id = Annotated[str, Field(max_length=128)]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=64)]
Ms = Annotated[int, Field(ge=0, lt=notes.LATEST_MS)]
Tag = Annotated[str, Field(min_length=1, max_length=notes.LONGEST_TAG)]
Tags = Annotated[list[Tag], Field(max_length=notes.MOST_TAGS)]
Series = Annotated[list[str], Field(max_length=notes.MOST_SERIES)]
Title = Annotated[str, Field(min_length=1, max_length=notes.LONGEST_TITLE)]
Text = Annotated[str, Field(max_length=notes.LONGEST_TEXT)]
Entity = Annotated[str, Field(max_length=notes.LONGEST_ENTITY)]


class NewAnnotation(BaseModel):
    """A note at a time, or from ``at_ms`` to ``until_ms``; for all charts, those of an entity, or named series."""

    model_config = ConfigDict(extra="forbid")
    at_ms: Ms = Field(examples=[1_790_000_000_000])
    title: Title = Field(examples=["Campaign started"])
    until_ms: Ms | None = None
    text: Text = ""
    tags: Tags = []
    entity: Entity = ""
    series: Series = []


class ChangedAnnotation(BaseModel):
    """The fields that change; ``until_ms`` null makes a range a moment."""

    model_config = ConfigDict(extra="forbid")
    at_ms: Ms | None = None
    title: Title | None = None
    until_ms: Ms | None = None
    text: Text | None = None
    tags: Tags | None = None
    entity: Entity | None = None
    series: Series | None = None


@router.get("/annotations")
async def list_annotations(
    parts: Parts, who: Who, from_: From = "now-24h", to: To = "now",
    series: Annotated[list[str] | None, Query(max_length=500)] = None,
) -> Listing:  # fmt: skip
    """Changes, incidents, maintenance and notes in the range, newest first. ``series`` leaves out notes that are for other series."""
    asked = window(from_, to, parts)
    start_ms, end_ms = asked.span.start_ms, asked.span.end_ms
    wanted = {series_number(s) for s in series or []}

    async def make() -> bytes:
        values: dict[str, Value] = {"tenant": who.tenant, "start": start_ms, "end": end_ms}
        return msgspec.json.encode(await parts.answers.rows(who.tenant, q.ANNOTATIONS, values))

    found = await parts.answers.remembered(f"annotations/{who.tenant}/{asked.words}", LIST_TTL_S, make, parts.limits.stale_s / 2)
    happened: list[dict[str, Any]] = msgspec.json.decode(found)
    # Notes are not remembered: whoever has written one sees it with the next question.
    written = notes.within(parts.config.state.living(notes.KIND, who.tenant), start_ms, end_ms)
    mine = [n for n in written if not wanted or not n["series"] or wanted & {series_number(s) for s in n["series"]}]
    items = sorted([*happened, *mine], key=lambda n: -n["at_ms"])[:MOST]
    return listing(items, "annotations")


@router.post("/annotations", status_code=201)
async def annotate(body: NewAnnotation, parts: Parts, who: Who, change_id: Annotated[str | None, Query(max_length=128)] = None) -> Response:
    """Write a note. ``change_id`` makes a retry harmless. ``ETag`` is its version."""
    object_id = "note-" + (digest(f"{who.tenant}/{who.name}/{change_id}")[:16] if change_id else secrets.token_hex(8))
    kept = accepted(notes.KIND, body.model_dump(exclude_defaults=True), None)
    standing = parts.config.state.get(notes.KIND, object_id, who.tenant)
    if standing is None:
        notes.check_room(len(parts.config.state.living(notes.KIND, who.tenant)), None)
        await write_change(parts, who, notes.KIND, object_id, kept, None, change_id)
        standing = _standing(parts, object_id, who.tenant)
    return _shown(standing, 201)


@router.get("/annotations/{annotation_id}")
async def read_annotation(annotation_id: Id, parts: Parts, who: Who) -> Response:
    """One note; ``ETag`` is its version."""
    return _shown(_standing(parts, annotation_id, who.tenant))


@router.patch("/annotations/{annotation_id}")
async def change_annotation(annotation_id: Id, body: ChangedAnnotation, parts: Parts, who: Who, if_match: IfMatch = None) -> Response:
    """Change fields of a note; ``If-Match`` names the version they were changed on."""
    standing = _standing(parts, annotation_id, who.tenant)
    changed = {**(standing.body or {}), **body.model_dump(exclude_unset=True)}
    kept = accepted(notes.KIND, {name: value for name, value in changed.items() if value is not None}, standing)
    await write_change(parts, who, notes.KIND, annotation_id, kept, if_match, None)
    return _shown(_standing(parts, annotation_id, who.tenant))


@router.delete("/annotations/{annotation_id}", status_code=204)
async def delete_annotation(annotation_id: Id, parts: Parts, who: Who, if_match: IfMatch = None) -> Response:
    """Take a note away; its versions stay and can be restored."""
    _standing(parts, annotation_id, who.tenant)
    version = await write_change(parts, who, notes.KIND, annotation_id, None, if_match, None)
    return Response(status_code=204, headers={"ETag": etag(version)})


def _standing(parts: Doors, object_id: str, tenant: str) -> ConfigObject:
    check_place(notes.KIND, object_id)
    found = parts.config.state.get(notes.KIND, object_id, tenant)
    if found is None:
        raise NotFound(f"there is no note {object_id[:80]!r}")
    return found


def _shown(obj: ConfigObject, status: int = 200) -> Response:
    return json_answer(notes.noted(obj), {"ETag": etag(obj.version)}, status)
