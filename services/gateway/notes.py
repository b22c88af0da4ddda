"""What people write on a chart: a mark at a time or over a range, kept as configuration, so that every replica has it. Pure.

A note is for all charts of the tenant, for those of an entity (a label has this value), or for named series.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from kizashi.contracts.checked import converted
from kizashi.contracts.ids import parse_series_id
from kizashi.errors import ConfigurationError
from kizashi.stream.config import ConfigObject
from services.gateway.times import UNIT_MS

KIND = "annotation"
MOST = 5_000
"""Living notes of a tenant: each is folded by every process that follows the configuration."""
LONGEST_TITLE, LONGEST_TEXT, LONGEST_TAG, LONGEST_ENTITY = 200, 4_000, 64, 128
MOST_TAGS, MOST_SERIES = 20, 50
LONGEST_MS = 400 * UNIT_MS["d"]
LATEST_MS = 1 << 45
"""The year 3084: a time in microseconds is beyond it."""


class Annotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Configuration object of kind ``annotation``. Times are ms since the epoch; without ``until_ms`` it is a moment."""

    at_ms: int
    title: str
    until_ms: int | None = None
    text: str = ""
    tags: list[str] = []
    entity: str = ""
    series: list[str] = []


def annotation_from(body: dict[str, Any]) -> Annotation:
    """Checked. Raises ConfigurationError with the field and the reason."""
    found = converted(body, Annotation)
    if not 0 <= found.at_ms < LATEST_MS:
        raise ConfigurationError("a time is in milliseconds since 1970 - at `$.at_ms`")
    if found.until_ms is not None and not 0 <= found.until_ms - found.at_ms <= LONGEST_MS:
        raise ConfigurationError("a range ends after it starts, and lasts 400 days at most - at `$.until_ms`")
    for name, text, longest in (
        ("title", found.title, LONGEST_TITLE),
        ("text", found.text, LONGEST_TEXT),
        ("entity", found.entity, LONGEST_ENTITY),
    ):
        if len(text) > longest:
            raise ConfigurationError(f"{len(text)} characters, at most {longest} - at `$.{name}`")
    if not found.title.strip():
        raise ConfigurationError("a note needs a title - at `$.title`")
    if len(found.tags) > MOST_TAGS or not all(1 <= len(tag) <= LONGEST_TAG for tag in found.tags):
        raise ConfigurationError(f"up to {MOST_TAGS} tags of 1 to {LONGEST_TAG} characters - at `$.tags`")
    if len(found.series) > MOST_SERIES:
        raise ConfigurationError(f"up to {MOST_SERIES} series - at `$.series`")
    for series in found.series:
        try:
            parse_series_id(series)
        except ValueError as x:
            raise ConfigurationError(f"{x} - at `$.series`") from x
    return found


def check_room(living: int, standing: ConfigObject | None) -> None:
    """Raises ConfigurationError when a new note would be one too many."""
    if standing is None and living >= MOST:
        raise ConfigurationError(f"there are {living} notes, {MOST} can be kept: delete some that nobody reads")


def within(objects: Iterable[ConfigObject], start_ms: int, end_ms: int) -> list[dict[str, Any]]:
    """The notes that touch [start_ms, end_ms), newest first, as the list of annotations shows them."""
    found = [noted(o) for o in objects if _touches(o.body or {}, start_ms, end_ms)]
    return sorted(found, key=lambda n: (-n["at_ms"], n["id"]))


def _touches(body: dict[str, Any], start_ms: int, end_ms: int) -> bool:
    at_ms, until_ms = body.get("at_ms"), body.get("until_ms")
    return isinstance(at_ms, int) and at_ms < end_ms and (at_ms if not isinstance(until_ms, int) else until_ms) >= start_ms


def noted(obj: ConfigObject) -> dict[str, Any]:
    """A note as the API shows it: the fields of every annotation, and who wrote it in which version."""
    a = msgspec.convert(obj.body, Annotation)
    return {
        "at_ms": a.at_ms, "end_ms": a.at_ms if a.until_ms is None else a.until_ms, "kind": "note", "entity": a.entity, "title": a.title,
        "text": a.text, "id": obj.id, "tags": a.tags, "series": a.series, "author": obj.author, "version": obj.version,
        "made_at_ms": obj.made_at_ms,
    }  # fmt: skip
