"""Range questions: bucket width, the question to the store, columns for the client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from kizashi.contracts.ids import format_series_id
from services.gateway.answers import Columns
from services.gateway.catalog import Described
from services.gateway.doors import Doors
from services.gateway.queries import range as q
from services.gateway.times import Span, bucket_ms

COLUMNS = ("ts", "value", "low", "high", "score", "expected", "lower", "upper", "flags")


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
    found = await parts.answers.columns(
        asked.tenant, q.BUCKETS, {"ids": asked.series, "start": asked.span.start_ms, "end": asked.span.end_ms, "step": step}
    )
    return msgspec.json.encode(shape(found, asked, step, described))


def shape(found: Columns, asked: Asked, step: int, described: dict[int, Described]) -> dict[str, Any]:
    """Columns by series. When no bucket holds more than one row these are the rows themselves, at their own times, and step_ms is 0."""
    raw = max(found.get("rows", []), default=0) <= 1
    at = found.get("ts" if raw else "bucket", [])
    by_series: dict[int, dict[str, list[Any]]] = {}
    ids = found.get("id", [])
    start = 0
    for end in [*_ends(ids)]:
        columns = {name: found[name][start:end] for name in COLUMNS}
        columns["ts"] = at[start:end]
        by_series[int(ids[start])] = columns
        start = end
    empty: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    series = [
        {**{k: described[s][k] for k in ("metric", "labels", "unit")}, "id": format_series_id(s), **by_series.get(s, empty)}
        for s in asked.series
    ]
    return {"from": asked.span.start_ms, "to": asked.span.end_ms, "step_ms": 0 if raw else step, "series": series}


def _ends(ids: list[int]) -> list[int]:
    """Positions after the last row of each series; ``ids`` is sorted."""
    return [i for i in range(1, len(ids) + 1) if i == len(ids) or ids[i] != ids[i - 1]]
