"""Share links: one dashboard for people without an account, live or frozen, expiring and revocable."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from kizashi.contracts.findings import ConfigChange
from kizashi.errors import NotFound
from services.gateway import credentials
from services.gateway.answers import json_answer
from services.gateway.configuration import check_shape
from services.gateway.exports import Listing, listing
from services.gateway.guard import Parts, Who
from services.gateway.principal import SHARE_PREFIX
from services.gateway.problems import Problem
from services.gateway.routes.login import count_failure
from services.gateway.routes.series import series_number

router = APIRouter(prefix="/api/v1")
DAY_MS = 86_400_000
SNAPSHOT_BYTES = 1 << 20


class NewShare(BaseModel):
    """A dashboard and the series it shows; with ``snapshot`` the data is frozen into the link and nothing is asked any more."""

    model_config = ConfigDict(extra="forbid")
    dashboard: str = Field(min_length=1, max_length=128)
    series: list[str] = Field(default=[], max_length=500)
    expires_days: int = Field(default=7, ge=1, le=365)
    snapshot: dict[str, Any] | None = None


@router.post("/shares", status_code=201)
async def share(body: NewShare, parts: Parts, who: Who) -> Response:
    """A new link; its token is in this answer and nowhere else."""
    dashboard = parts.config.state.get("dashboard", body.dashboard, who.tenant)
    if dashboard is None:
        raise NotFound(f"there is no dashboard {body.dashboard[:80]!r}")
    if body.snapshot is not None and len(msgspec.json.encode(body.snapshot)) > SNAPSHOT_BYTES:
        raise Problem(413, f"a snapshot has at most {SNAPSHOT_BYTES} bytes: shorten its range")
    check_shape({k: v for k, v in body.model_dump().items() if k != "snapshot"})
    asked = frozenset(series_number(s) for s in body.series)
    visible = await parts.catalog.visible(who.tenant, asked)
    if len(visible) < len(asked):
        raise NotFound(f"{len(asked) - len(visible)} of the series do not exist")
    name, secret = SHARE_PREFIX + secrets.token_hex(6), secrets.token_urlsafe(24)
    now_ms = parts.clock.now_ms()
    kept = {
        "dashboard": body.dashboard, "layout": dashboard.body, "series": [] if body.snapshot is not None else body.series,
        "sha256": credentials.digest(secret), "expires_ms": now_ms + body.expires_days * DAY_MS, "snapshot": body.snapshot,
    }  # fmt: skip
    await parts.writer.write(ConfigChange("share", name, 0, kept, who.name, now_ms, f"{who.tenant}/{name}", who.tenant))
    return json_answer(
        {"id": name, "token": f"{name}.{secret}", "path": f"/shared/{name}.{secret}", "expires_ms": kept["expires_ms"]}, status=201
    )


@router.get("/shares")
async def shares(parts: Parts, who: Who) -> Listing:
    """Links of this tenant, also expired ones."""
    living = parts.config.state.living("share", who.tenant)
    names = ("dashboard", "expires_ms", "series")
    items = [
        {"id": o.id, "author": o.author, "made_at_ms": o.made_at_ms, "frozen": bool(o.body and o.body.get("snapshot"))}
        | {n: (o.body or {}).get(n) for n in names}
        for o in living
    ]
    return listing(items, "shares")


@router.delete("/shares/{share_id}", status_code=204)
async def revoke(share_id: str, parts: Parts, who: Who) -> Response:
    """The link stops working now."""
    standing = parts.config.state.get("share", share_id, who.tenant)
    if standing is None:
        raise NotFound(f"there is no link {share_id[:80]!r}")
    change = ConfigChange("share", share_id, standing.version, None, who.name, parts.clock.now_ms(), secrets.token_hex(8), who.tenant)
    await parts.writer.write(change)
    return Response(status_code=204)


@router.get("/shared/{token}")
async def open_link(token: str, request: Request, parts: Parts) -> Response:
    """The dashboard behind a link. Its token is a Bearer credential for the range of its series."""
    prefix, secret = credentials.split_key(token)
    found = parts.directory.shares.get(prefix)
    if not credentials.key_opens(found.record if found else None, secret, parts.clock.now_ms()) or found is None:
        await count_failure(request, parts, "share")
        raise Problem(404, "this link does not exist, has expired or was revoked")
    shown = {k: found.body.get(k) for k in ("dashboard", "layout", "series", "expires_ms", "snapshot")}
    return json_answer(shown)
