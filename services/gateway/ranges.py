"""Range questions: bucket width, what the cache holds and what the store is asked, columns for the client."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import msgspec

from kizashi.contracts.ids import format_series_id
from kizashi.observe.metrics import CACHE
from services.gateway.answers import Columns
from services.gateway.catalog import Described
from services.gateway.doors import Doors
from services.gateway.queries import range as q
from services.gateway.range_cache import BUCKETS, Key
from services.gateway.times import Span, bucket_ms

COLUMNS = ("ts", "value", "low", "high", "score", "expected", "lower", "upper", "flags")
KEPT = ("bucket", "rows", *COLUMNS)


@dataclass(frozen=True)
class Asked:
    """One range question of one tenant; ``series`` in the order they are drawn."""

    tenant: str
    series: list[int]
    span: Span
    points: int


async def read_range(parts: Doors, asked: Asked, described: dict[int, Described]) -> bytes:
    """The answer as JSON, as the API promises it."""
    step = bucket_ms(asked.span, asked.points)
    now_ms = parts.clock.now_ms()
    plan = parts.ranges.plan(asked.tenant, asked.series, step, asked.span, now_ms)
    CACHE.labels("range", "hit").inc(len(plan.have))
    fresh = await asyncio.gather(*(_ask(parts, asked.tenant, ids, step, span) for span, ids in plan.missing.items()))
    stretches: dict[Key, Columns] = dict(plan.have)
    for (span, ids), found in zip(plan.missing.items(), fresh, strict=True):
        for key, columns in cut(found, asked.tenant, ids, step, span).items():
            CACHE.labels("range", "miss").inc()
            parts.ranges.put(*key, columns, now_ms)
            stretches[key] = columns
    return msgspec.json.encode(shape(stretches, asked, step, described))


async def _ask(parts: Doors, tenant: str, ids: list[int], step: int, span: Span) -> Columns:
    return await parts.answers.columns(tenant, q.BUCKETS, {"ids": ids, "start": span.start_ms, "end": span.end_ms, "step": step})


def cut(found: Columns, tenant: str, ids: list[int], step: int, span: Span) -> dict[Key, Columns]:
    """An answer, sorted by series and bucket, as stretches; a stretch without rows is there too, empty."""
    width = step * BUCKETS
    empty: Columns = {name: [] for name in KEPT}
    out: dict[Key, Columns] = {(tenant, s, step, n): empty for s in ids for n in range(span.start_ms // width, -(-span.end_ms // width))}
    places = [(s, b // width) for s, b in zip(found.get("id", []), found.get("bucket", []), strict=True)]
    start = 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end] != places[start]:
            series, number = places[start]
            out[tenant, int(series), step, number] = {name: found[name][start:end] for name in KEPT}
            start = end
    return out


def shape(stretches: dict[Key, Columns], asked: Asked, step: int, described: dict[int, Described]) -> dict[str, Any]:
    """Columns by series. When no bucket holds more than one row these are the rows themselves, at their own times, and step_ms is 0."""
    width = step * BUCKETS
    numbers = range(asked.span.start_ms // width, -(-asked.span.end_ms // width))
    joined = {s: _join([stretches[k] for n in numbers if (k := (asked.tenant, s, step, n)) in stretches]) for s in asked.series}
    raw = all(max(c["rows"], default=0) <= 1 for c in joined.values())
    series = []
    for s in asked.series:
        columns = joined[s]
        at = columns["ts"] if raw else columns["bucket"]
        first = bisect_left(at, asked.span.start_ms if raw else asked.span.start_ms // step * step)
        last = bisect_left(at, asked.span.end_ms)
        body = {name: columns[name][first:last] for name in COLUMNS} | {"ts": at[first:last]}
        about = {k: described[s][k] for k in ("metric", "labels", "unit")}
        series.append({**about, "id": format_series_id(s), **body})
    return {"from": asked.span.start_ms, "to": asked.span.end_ms, "step_ms": 0 if raw else step, "series": series}


def _join(parts: list[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return {name: [x for part in parts for x in part[name]] for name in KEPT}
