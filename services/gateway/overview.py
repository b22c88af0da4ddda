"""The overview: every service with its oddness, the odd series, the totals. Computed once in two seconds a tenant, whoever looks."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from services.gateway.answers import Answers, Value
from services.gateway.doors import Doors
from services.gateway.queries import episodes as eq
from services.gateway.queries import overview as q
from services.gateway.queries.changed import TIER_THROUGH
from services.gateway.state import STALE_AFTER_MS, state_word

SPARK_MINUTES = 60
SPARK_BEHIND_MINUTES = 3
"""A strip ends with the newest minute that was rolled up; when the sink is longer behind than this, with a gap that shows it."""
SPARK_TTL_S = 30.0
ODD_SHOWN = 50
RATE_S = 5
"""Samples a second are averaged over this long, ending two seconds ago, when the sink has landed them."""


async def overview(parts: Doors, tenant: str) -> bytes:
    """The overview as JSON: ``overview_s`` old, or up to ``stale_s`` more while a newer one is being computed."""
    return await parts.answers.remembered(
        f"overview/{tenant}", parts.limits.overview_s, lambda: _compute(parts, tenant), parts.limits.stale_s
    )


async def _compute(parts: Doors, tenant: str) -> bytes:
    now_ms = parts.clock.now_ms()
    asked: dict[str, Value] = {"tenant": tenant, "fresh": now_ms - STALE_AFTER_MS}
    services, odd, open_now, rate, sparks = await asyncio.gather(
        parts.answers.rows(tenant, q.SERVICES, asked),
        parts.answers.rows(tenant, q.ODD, {**asked, "limit": ODD_SHOWN}),
        parts.answers.rows(tenant, eq.OPEN_COUNTS, {"tenant": tenant}),
        per_second(parts, tenant, now_ms),
        _sparks(parts.answers, tenant, now_ms),
    )
    open_by_service = {row["service"]: row for row in open_now if row["kind"] == "episode"}
    risk_by_service = {row["service"]: row["risk"] for row in open_now if row["kind"] == "risk"}
    incidents = sum(row["open"] for row in open_now if row["kind"] == "incident")
    newest = max((row["last_ms"] for row in services), default=None)
    return msgspec.json.encode({
        "now_ms": now_ms,
        "totals": {
            "series": sum(row["series"] for row in services),
            "samples_per_s": rate,
            "open_episodes": sum(row["open"] for row in open_by_service.values()),
            "open_incidents": incidents,
            "odd_series": sum(row["odd"] for row in services),
            "freshness_s": None if newest is None else max(0.0, (now_ms - newest) / 1_000),
            "dead_letters": await dead_letters(parts) if tenant == parts.settings.tenant else 0,
        },
        "services": [_service(row, open_by_service, risk_by_service, sparks) for row in services],
        "odd_series": [_odd(row, now_ms) for row in odd],
    })  # fmt: skip


def _service(
    row: dict[str, Any], open_by_service: dict[str, Any], risks: dict[str, float | None], sparks: dict[str, list[float | None]]
) -> dict[str, Any]:
    name = row["service"]
    if row["stale"] == row["series"]:
        state = "stale"
    elif row["odd"]:
        state = "odd"
    else:
        state = "learning" if row["learning"] * 2 > row["series"] else "ok"
    open_row = open_by_service.get(name, {})
    return {
        "service": name,
        "series": row["series"],
        "odd": row["odd"],
        "worst": row["worst"],
        "open_episodes": open_row.get("open", 0),
        "risk": risks.get(name),
        "state": state,
        "spark": sparks.get(name, [None] * SPARK_MINUTES),
    }


def _odd(row: dict[str, Any], now_ms: int) -> dict[str, Any]:
    return {**row, "state": state_word(row.pop("flags"), row["ts_ms"], now_ms)}


def _last_minutes(through_s: int, now_ms: int) -> range:
    """The minutes since 1970 that a strip shows, given until when (seconds) the minutes are rolled up.

    >>> _last_minutes(through_s=600, now_ms=690_000)
    range(-50, 10)
    >>> _last_minutes(through_s=600, now_ms=3_600_000)
    range(-3, 57)
    """
    now = now_ms // 60_000
    end = min(max(through_s // 60, now - SPARK_BEHIND_MINUTES), now)
    return range(end - SPARK_MINUTES, end)


async def _sparks(answers: Answers, tenant: str, now_ms: int) -> dict[str, list[float | None]]:
    """Service → worst score of each of the last minutes, oldest first; None where nothing came."""

    async def make() -> bytes:
        through = await answers.rows(tenant, TIER_THROUGH)
        minutes = _last_minutes(through[0]["through_s"] if through else 0, now_ms)
        asked: dict[str, Value] = {"tenant": tenant, "start_s": minutes.start * 60, "end_s": minutes.stop * 60}
        found = await answers.columns(tenant, q.SPARKS, asked)
        strips: dict[str, list[float | None]] = {}
        for service, minute, worst in zip(*(found.get(n, []) for n in ("service", "minute", "worst")), strict=True):
            strips.setdefault(service, [None] * SPARK_MINUTES)[minute - minutes.start] = worst
        return msgspec.json.encode(strips)

    kept = await answers.remembered(f"strips/{tenant}", SPARK_TTL_S, make, SPARK_TTL_S)
    return msgspec.json.decode(kept, type=dict[str, list[float | None]])


async def per_second(parts: Doors, tenant: str, now_ms: int) -> float:
    """Samples a second of the tenant that have landed lately."""
    end_s = now_ms // 1_000 - 2
    alone = await _alone(parts.answers, tenant)
    asked: dict[str, Value] = {"tenant": tenant, "all": int(alone), "seconds": RATE_S, "start_s": end_s - RATE_S, "end_s": end_s}
    rows = await parts.answers.rows(tenant, q.RATE, asked)
    return float(rows[0]["per_s"]) if rows else 0.0


async def _alone(answers: Answers, tenant: str) -> bool:
    """Whether there is only one tenant, so that its samples need not be told from others'."""

    async def make() -> bytes:
        rows = await answers.rows(tenant, q.TENANTS)
        return msgspec.json.encode(bool(rows) and rows[0]["tenants"] <= 1)

    return bool(msgspec.json.decode(await answers.remembered("tenants", 60.0, make, 600.0)))


async def dead_letters(parts: Doors) -> int:
    """Dead letters kept, over all topics; at most 10 s old."""

    async def make() -> bytes:
        return msgspec.json.encode(await parts.bus.dead_letter_counts())

    return sum(msgspec.json.decode(await parts.answers.remembered("dead-letters", 10.0, make, 20.0)).values())
