"""The HTTP application with a door that registers samples for real and keeps them instead of sending them to Kafka."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from fastapi import FastAPI

from kizashi.clock import ManualClock
from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.inputs import Event
from kizashi.errors import KizashiError
from services.ingest.batching import info
from services.ingest.decode import Sample
from services.ingest.intake import Intake, Taken
from services.ingest.keys import KeyRing
from services.ingest.receivers.doors import Doors
from services.ingest.receivers.web import make_app
from services.ingest.registry import SeriesRegistry
from services.ingest.settings import IngestLimits
from services.ingest.tally import Tally

NOW = 1_700_000_000_000


@dataclass
class Keeper:
    """Keeps what it is given; ``failing`` is raised instead."""

    intake: Intake
    kept: list[tuple[SeriesInfo, int, float, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    failing: KizashiError | None = None

    async def store(self, tenant: str, samples: Sequence[Sample], via: str, history: bool = False) -> Taken:
        if self.failing:
            raise self.failing
        taken = self.intake.take(tenant, samples, lambda: NOW, NOW, history)
        rows = zip(taken.rows.slots.tolist(), taken.rows.ts.tolist(), taken.rows.values.tolist(), strict=True)
        self.kept += [(info(self.intake.registry, s), t, v, taken.rows.flag) for s, t, v in rows]
        return taken

    async def publish(self, events: Sequence[Event]) -> None:
        if self.failing:
            raise self.failing
        self.events += events

    def values(self) -> list[tuple[str, dict[str, str], int, float]]:
        """(metric, labels, ms, value) of everything kept."""
        return [(i.metric, i.labels, t, v) for i, t, v, _ in self.kept]


@dataclass(frozen=True)
class Receiver:
    """A client of the application and what is behind it."""

    app: FastAPI
    client: httpx.AsyncClient
    keeper: Keeper
    tally: Tally


def receiver(folder: Path, limits: IngestLimits | None = None) -> Receiver:
    """The application for one test, with keys of two tenants: ``kza.secret`` (a) and ``kzb.secret`` (b, read only)."""
    keys = folder / "api_keys.json"
    sha = hashlib.sha256(b"secret").hexdigest()
    keys.write_text(
        json.dumps(
            [
                {"prefix": "kza", "sha256": sha, "tenant": "a", "scopes": ["ingest"]},
                {"prefix": "kzb", "sha256": sha, "tenant": "b", "scopes": ["read"]},
                {"prefix": "kzold", "sha256": sha, "tenant": "a", "scopes": ["ingest"], "expires_ms": NOW},
            ]
        )
    )
    limits = limits or IngestLimits()
    keeper, tally = Keeper(Intake(SeriesRegistry(12, limits), limits)), Tally()
    app = make_app(Doors(KeyRing(keys), keeper, keeper, limits, tally, ManualClock(NOW)))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest", headers={"Authorization": "Bearer kza.secret"})
    return Receiver(app, client, keeper, tally)
