"""The queries screen: what was slow and who asked, how the engine would run a query, and measured advice."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.gateway.advice import Candidate
from services.gateway.answers import AbsentTable, json_answer
from services.gateway.doors import Doors
from services.gateway.exports import Listing, listing
from services.gateway.guard import Parts, Who
from services.gateway.problems import Problem
from services.gateway.queries import Statement
from services.gateway.queries import log as q
from services.gateway.query_samples import KIND as SCHEDULED
from services.gateway.scheduled_queries import Turn

router = APIRouter(prefix="/api/v1/queries")
READABLE = frozenset({
    "series", "samples", "samples_1m", "samples_1h", "current", "episodes", "patterns", "forecasts", "forecast_errors", "risks",
    "incidents", "alerts", "deliveries", "events", "edges", "config_log", "feedback", "v_series", "v_metrics", "v_scores", "v_current",
    "v_metrics_1m", "v_metrics_1h", "v_episodes", "v_patterns", "v_forecast", "v_forecast_errors", "v_forecast_track", "v_risk",
    "v_slo", "v_tickets_at_risk", "v_runs_out", "v_incidents", "v_alerts",
    "v_deliveries", "v_groups", "v_calibration", "v_events", "v_annotations", "v_edges", "v_nodes", "v_changes",
    "v_cause_accuracy", "v_feedback", "v_config",
})  # fmt: skip
GROWN_BYTES = 256 << 20
"""A log beyond this that never expires is worth a word."""
KINDS = {"indexes": "EXPLAIN indexes = 1, projections = 1", "pipeline": "EXPLAIN PIPELINE", "estimate": "EXPLAIN ESTIMATE"}


@router.get("/slow")
async def slow(
    parts: Parts, who: Who, minutes: Annotated[int, Query(ge=1, le=4_320)] = 60, slowest_ms: Annotated[float, Query(ge=0)] = 0.0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Listing:  # fmt: skip
    """Queries of the last minutes by the time they took together.

    ``asked_by`` is the program: a service with its question, or what a client says of itself. ``people`` are up to five who asked the
    gateway; an answer that many share names the first of them.
    """
    house_only(parts, who.tenant)
    try:
        rows = await parts.answers.rows(who.tenant, q.SLOW, {"seconds": minutes * 60, "slowest_ms": slowest_ms, "limit": limit})
    except AbsentTable:  # the engine makes its log with the first entry, seconds after its start
        rows = []
    return listing(rows, "slow-queries")


@router.get("/scheduled")
async def scheduled(parts: Parts, who: Who) -> Listing:
    """Scheduled queries of this tenant, and what the last turn of each gave on this replica (its outcome is empty before the first)."""
    items = []
    for one in parts.config.state.living(SCHEDULED, who.tenant):
        turn = parts.scheduled.last.get((one.tenant, one.id)) or Turn(0, "")
        items.append({"id": one.id, "version": one.version, "author": one.author, **(one.body or {}), **asdict(turn)})
    return listing(items, "scheduled-queries")


class Question(BaseModel):
    """A SELECT over the views, and which plan of it to show."""

    model_config = ConfigDict(extra="forbid")
    sql: str = Field(min_length=1, max_length=20_000, examples=["SELECT count() FROM v_scores WHERE metric = 'cpu'"])
    kind: Literal["indexes", "pipeline", "estimate"] = "indexes"


@router.post("/explain")
async def explain(body: Question, parts: Parts, who: Who) -> Response:
    """How the engine would run a SELECT."""
    house_only(parts, who.tenant)
    sql = await asyncio.to_thread(_admitted, body.sql, parts)
    statement = Statement("queries.explain", f"{KINDS[body.kind]} {sql}")
    found = await parts.answers.columns(who.tenant, statement, asker=who.name)
    if "explain" in found:
        return json_answer({"kind": body.kind, "lines": found["explain"]})
    return json_answer({"kind": body.kind, "estimate": [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]})


class Advised(BaseModel):
    """A SELECT to be measured with and without each candidate."""

    model_config = ConfigDict(extra="forbid")
    sql: str = Field(min_length=1, max_length=20_000, examples=["SELECT count() FROM v_episodes WHERE severity = 'critical'"])


class Chosen(BaseModel):
    """A candidate of an advice."""

    model_config = ConfigDict(extra="forbid")
    table: str = Field(max_length=64, examples=["episodes"])
    kind: Literal["minmax", "bloom_filter", "projection"] = Field(examples=["bloom_filter"])
    column: str = Field(max_length=64, examples=["severity"])


@router.post("/advise")
async def advise(body: Advised, parts: Parts, who: Who) -> Response:
    """Rows read and time of a SELECT with and without each index or projection that might help, measured on a sample beside the house."""
    house_only(parts, who.tenant)
    sql = await asyncio.to_thread(_admitted, body.sql, parts)
    return json_answer(await asyncio.to_thread(parts.adviser.advise, sql))


@router.get("/applied")
async def applied(parts: Parts, who: Who) -> Listing:
    """What was applied from an advice, and its size."""
    house_only(parts, who.tenant)
    rows = await parts.answers.rows(who.tenant, q.APPLIED, {"database": parts.settings.store.database})
    return listing(rows, "applied-advice")


@router.post("/apply", status_code=202)
async def apply(body: Chosen, parts: Parts, who: Who) -> Response:
    """Add a candidate to its table; the rows that are there are worked off in the background."""
    house_only(parts, who.tenant)
    candidate = _candidate(body)
    await asyncio.to_thread(parts.adviser.apply, candidate)
    return json_answer({"name": candidate.name, "undo": candidate.undo}, status=202)


@router.post("/rollback", status_code=202)
async def rollback(body: Chosen, parts: Parts, who: Who) -> Response:
    """Take a candidate away again."""
    house_only(parts, who.tenant)
    candidate = _candidate(body)
    await asyncio.to_thread(parts.adviser.undo, candidate)
    return json_answer({"name": candidate.name}, status=202)


@router.get("/logs")
async def logs(parts: Parts, who: Who) -> Listing:
    """The engine's own logs: size, and whether old entries go by themselves; ``problem`` says what to do about one that only grows."""
    house_only(parts, who.tenant)
    rows = await parts.answers.rows(who.tenant, q.LOGS)
    for row in rows:
        row["expires"] = bool(row["expires"])
        grows = not row["expires"] and (row["bytes"] or 0) > GROWN_BYTES
        row["problem"] = f"only grows: ALTER TABLE system.{row['table']} MODIFY TTL event_date + INTERVAL 7 DAY" if grows else ""
    return listing(rows, "store-logs")


def _candidate(body: Chosen) -> Candidate:
    if body.table not in READABLE or body.table.startswith("v_"):
        raise Problem(400, f"there is no table {body.table!r} that advice is given for")
    return Candidate(body.table, body.kind, body.column)


def _admitted(sql: str, parts: Doors) -> str:
    """The one SELECT over readable tables. Raises Refused. In a thread: the parser, 30 MB, is imported by the first who asks."""
    from kizashi.store.select_gate import admit_select

    return admit_select(sql, READABLE, parts.settings.store.database)


def house_only(parts: Doors, tenant: str) -> None:
    """Queries show what every tenant asks: only the house's own administrators may look. Raises Problem."""
    if tenant != parts.settings.tenant:
        raise Problem(403, "only administrators of the house may see queries")
