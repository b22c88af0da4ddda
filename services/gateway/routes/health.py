"""Health, statistics, dead letters."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from services.gateway.answers import json_answer, json_bytes
from services.gateway.bus import DEAD_LETTER_TOPICS, PREVIEW_BYTES, Letter
from services.gateway.doors import Doors
from services.gateway.exports import Listing, listing
from services.gateway.guard import Parts, Who
from services.gateway.problems import Problem
from services.gateway.queries import health as q
from services.gateway.stats import stats_board
from services.gateway.vitals import hit_rates, read_parts, scrape

router = APIRouter(prefix="/api/v1")
COUNTERS = {
    "received": ("ingest", "kizashi_received_samples"), "stored": ("ingest", "kizashi_registered_samples"),
    "rejected": ("ingest", "kizashi_rejected_samples"), "dead_lettered": ("ingest", "kizashi_dead_letters"),
    "duplicates": ("anomaly", "kizashi_duplicate_samples"), "scored": ("anomaly", "kizashi_scored_samples"),
    "landed": ("sink", "kizashi_landed_rows"),
}  # fmt: skip


@router.get("/health")
async def health(parts: Parts, who: Who) -> Response:
    """Every part with its state, lag by topic and group, freshness by stage, counters of the pipeline."""
    return json_bytes(await parts.answers.remembered(f"health/{who.tenant}", 2.0, lambda: compute(parts, who.tenant), parts.limits.stale_s))


async def compute(parts: Doors, tenant: str) -> bytes:
    """The health page as JSON; a part that does not answer is shown as such instead of failing the page."""
    now_ms = parts.clock.now_ms()
    children = read_parts(parts.settings.home, now_ms)
    lags, letters, fresh, counted = await asyncio.gather(
        parts.bus.lags(), parts.bus.dead_letter_counts(), parts.answers.rows(tenant, q.FRESHNESS, {"tenant": tenant}),
        scrape(children, ("ingest", "anomaly", "sink")), return_exceptions=True,
    )  # fmt: skip
    for found in (lags, letters, fresh, counted):
        if isinstance(found, BaseException) and not isinstance(found, (KizashiError, Problem)):
            raise found
        if isinstance(found, BaseException):
            logger().warning("health.part", error=str(found))
    own = {
        "store": not isinstance(fresh, BaseException), "bus": not isinstance(lags, BaseException), "live": parts.hub.connected,
    }  # fmt: skip
    listed = [msgspec.to_builtins(c) for c in children] or [
        {"name": name, "ready": ok, "detail": "" if ok else "does not answer"} for name, ok in own.items()
    ]
    stored = fresh[0]["newest_ms"] if not isinstance(fresh, BaseException) and fresh and fresh[0]["series"] else None
    counts = {} if isinstance(counted, BaseException) else counted
    return msgspec.json.encode({
        "now_ms": now_ms,
        "ready": all(own.values()) and all(c["ready"] for c in listed),
        "parts": listed,
        "checks": own,
        "topics": [] if isinstance(lags, BaseException) else [_lag(parts, x.topic, x.group, x.lag, x.end, now_ms) for x in lags],
        "freshness_ms": {
            "sample": _age(now_ms, parts.hub.freshest_ms), "score": _age(now_ms, parts.hub.freshest_ms), "stored": _age(now_ms, stored),
        },
        "dead_letters": [] if isinstance(letters, BaseException) else await _letters(parts, letters),
        "counters": {name: _count(counts, *place) for name, place in COUNTERS.items()},
        "ws_clients": sum(parts.open_sockets.values()),
        "caches": hit_rates(),
        "model_age_s": None,
    })  # fmt: skip


@router.get("/stats")
async def stats(parts: Parts, who: Who) -> Response:
    """Samples a second over the last quarter of an hour, and the delay from ingest to here."""
    return json_bytes(await stats_board(parts, who.tenant))


@router.get("/dead_letters")
async def dead_letters(
    parts: Parts, who: Who, topic: Annotated[str, Query(max_length=128)] = "", limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> Listing:
    """The newest dead letters of one topic, or of all that have any."""
    _house_only(parts, who.tenant)
    topics = [topic] if topic else sorted(await parts.bus.dead_letter_counts())
    found = [letter for t in topics for letter in await parts.bus.dead_letters(t, limit)]
    found.sort(key=lambda x: x.record.timestamp_ms, reverse=True)
    return listing([_letter(x) for x in found[:limit]], "dead-letters")


class Replay(BaseModel):
    """Places in a dead-letter topic whose messages go back to where they came from."""

    model_config = ConfigDict(extra="forbid")
    topic: str = Field(max_length=128, examples=["kizashi.metrics.dlq.v1"])
    offsets: list[int] = Field(min_length=1, max_length=500)


@router.post("/dead_letters/replay")
async def replay(body: Replay, parts: Parts, who: Who) -> Response:
    """Send original messages to their topic again, after the reason is gone. The letters stay where they are."""
    _house_only(parts, who.tenant)
    if body.topic not in DEAD_LETTER_TOPICS:
        raise Problem(404, f"{body.topic!r} is no dead-letter topic")
    letters = await parts.bus.dead_letters_at(body.topic, body.offsets)
    sent, left = 0, []
    for letter in letters:
        if letter.about is None or letter.about.topic in DEAD_LETTER_TOPICS:
            left.append(letter.record.offset)
            continue
        await parts.producer.send(letter.about.topic, letter.about.partition, letter.record.key, letter.record.value)
        sent += 1
    missing = sorted(set(body.offsets) - {x.record.offset for x in letters})
    return json_answer({"sent": sent, "not_sendable": left, "not_found": missing})


def _house_only(parts: Doors, tenant: str) -> None:
    if tenant != parts.settings.tenant:
        raise Problem(403, "dead letters hold messages of every tenant: only administrators of the house may see them")


def _lag(parts: Doors, topic: str, group: str, lag: int, end: int, now_ms: int) -> dict[str, Any]:
    before = parts.ends.get(topic)
    rate = None if before is None or now_ms <= before[0] else max(0.0, (end - before[1]) / (now_ms - before[0]) * 1_000)
    if before is None or now_ms - before[0] > 1_000:
        parts.ends[topic] = (now_ms, end)
    return {"topic": topic, "group": group, "lag": lag, "per_s": None if rate is None else round(rate, 2)}


def _count(counts: dict[str, dict[str, float]], part: str, metric: str) -> int | None:
    found = counts.get(part, {}).get(metric)
    return None if found is None else int(found)


def _age(now_ms: int, then_ms: int | None) -> int | None:
    return max(0, now_ms - then_ms) if then_ms else None


async def _letters(parts: Doors, counts: dict[str, int]) -> list[dict[str, Any]]:
    out = []
    for topic, count in sorted(counts.items()):
        newest = await parts.bus.dead_letters(topic, 1)
        about = newest[0].about if newest else None
        out.append({"topic": topic, "count": count, "last_reason": about.reason if about else ""})
    return out


def _letter(x: Letter) -> dict[str, Any]:
    about = x.about
    return {
        "dlq": x.record.topic, "dlq_offset": x.record.offset,
        "topic": about.topic if about else "", "partition": about.partition if about else None, "offset": about.offset if about else None,
        "reason": about.reason if about else "", "error": f"{about.error}: {about.text}" if about else "",
        "at_ms": about.at_ms if about else x.record.timestamp_ms,
        "bytes_preview": x.record.value[:PREVIEW_BYTES].decode("utf-8", "replace"),
    }  # fmt: skip
