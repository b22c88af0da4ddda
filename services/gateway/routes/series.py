"""Series: search, facets, one series."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from kizashi.contracts.ids import parse_series_id
from kizashi.errors import NotFound
from services.gateway.answers import Value, json_answer, json_bytes
from services.gateway.catalog import asked
from services.gateway.credentials import digest
from services.gateway.doors import Doors
from services.gateway.exports import Listing
from services.gateway.guard import Parts, Who
from services.gateway.paging import BadPage, format_page, parse_page
from services.gateway.problems import Problem
from services.gateway.queries import series as q
from services.gateway.series_index import Search, words_of
from services.gateway.state import STALE_AFTER_MS, state_word

router = APIRouter(prefix="/api/v1")
FACETS_TTL_S = 10.0
SEARCH_TTL_S = 2.0
"""As old as an overview may be; typing the same word twice asks once."""
LOOKED_EVERY_MS = 5_000
"""Those who ask within it ask the same question."""
FOLLOWED = 50
"""Series of a list, whose newest rows are followed in the log for a while: who lists so few lists them again."""
Text = Annotated[str, Query(max_length=256)]


@router.get("/series")
async def search(
    parts: Parts, who: Who, q_: Annotated[str, Query(alias="q", max_length=256)] = "", service: Text = "", host: Text = "",
    metric: Text = "", limit: Annotated[int, Query(ge=1, le=1_000)] = 50, cursor: Annotated[str, Query(max_length=1_024)] = "",
    order: Literal["name", "score", "value"] = "name",
) -> Listing:  # fmt: skip
    """Series whose metric or label values contain every word of ``q``, in order of metric, with their newest row.

    ``order=score`` gives the oddest of all that match, ``order=value`` those of the highest values; these lists have one page.
    """
    if order != "name" and cursor:
        raise Problem(400, "a list in the order of scores or values has one page: ask for more with limit")
    after_metric, after_id = "", 0
    if cursor:
        try:
            after_metric, after_id = _after(parse_page(cursor, 2))
        except BadPage as x:
            raise Problem(400, str(x)) from x
    wanted = Search(words_of(q_), service, host, metric, (after_metric, after_id), limit + 1)
    fresh = parts.clock.now_ms() // LOOKED_EVERY_MS * LOOKED_EVERY_MS - STALE_AFTER_MS
    values = asked(who.tenant, wanted) | {"order": order, "fresh": fresh}
    key = f"series/{digest(repr(sorted(values.items())))}"
    found = await parts.answers.remembered(key, SEARCH_TTL_S, lambda: _search(parts, who.tenant, values, wanted), parts.limits.stale_s)
    return Listing(found, "series")


async def _search(parts: Doors, tenant: str, values: dict[str, Value], wanted: Search) -> bytes:
    named, limit = values["order"] == "name", wanted.limit - 1
    rows = await parts.catalog.search(tenant, wanted) if named else await parts.answers.rows(tenant, q.TOP, values)
    more, rows = len(rows) > limit, rows[:limit]
    next_page = format_page(rows[-1]["metric"], parse_series_id(rows[-1]["id"])) if more and named else None
    return msgspec.json.encode({"items": await with_newest(parts, tenant, rows), "next": next_page})


@router.get("/series/{series_id}")
async def one_series(series_id: str, parts: Parts, who: Who) -> Response:
    """One series with its newest row."""
    number = series_number(series_id)
    described = await parts.catalog.describe(who.tenant, frozenset({number}))
    if number not in described:
        raise NotFound(f"there is no series {series_id}")
    return json_answer((await with_newest(parts, who.tenant, [described[number]]))[0])


@router.get("/facets")
async def facets(parts: Parts, who: Who) -> Response:
    """Services, hosts and metrics with the number of their series, the largest first."""

    async def make() -> bytes:
        found: dict[str, list[tuple[str, int]]] = {"service": [], "host": [], "metric": []}
        for row in await parts.answers.rows(who.tenant, q.FACETS, {"tenant": who.tenant}):
            found[row["facet"]].append((row["name"], int(row["series"])))
        return msgspec.json.encode(found)

    return json_bytes(await parts.answers.remembered(f"facets/{who.tenant}", FACETS_TTL_S, make, 6 * parts.limits.stale_s))


async def with_newest(parts: Doors, tenant: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with last_ms, score, value, band and state added; null where nothing has landed yet."""
    ids = {row["id"]: parse_series_id(row["id"]) for row in rows}
    here = parts.hub.newest(ids.values(), follow=len(rows) <= FOLLOWED)
    newest = {text: here[number] for text, number in ids.items() if number in here}
    newest |= await parts.catalog.newest(tenant, [row for row in rows if row["id"] not in newest])
    now_ms = parts.clock.now_ms()
    out = []
    for row in rows:
        current = newest.get(row["id"])
        if current is None:
            out.append({**row, "last_ms": None, "score": None, "value": None, "state": "learning"})
            continue
        state = state_word(current["flags"], current["last_ms"], now_ms)
        out.append({**row, **current, "state": state})
    return out


def series_number(text: str) -> int:
    """Number of a series id from a URL. Raises Problem."""
    try:
        return parse_series_id(text)
    except ValueError as x:
        raise Problem(400, str(x)) from x


def _after(values: list[str | int]) -> tuple[str, int]:
    metric, number = values
    if not isinstance(metric, str) or not isinstance(number, int) or not 0 <= number < 1 << 64:
        raise BadPage("not a cursor of this list: start again without it")
    return metric, number
