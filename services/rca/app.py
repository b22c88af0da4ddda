"""The cause service: episodes, rollups, risks, events and feedback in, incidents, dependency edges and change outcomes out."""

from __future__ import annotations

import asyncio

from kizashi.contracts import topics
from kizashi.settings import Settings
from kizashi.stream.faust_worker import Duty
from kizashi.stream.service import serve_duty
from services.rca.processor import RcaFactory

DUTY = Duty(
    "rca",
    (topics.EPISODES.name, topics.ROLLUPS.name, topics.RISKS.name, topics.EVENTS.name),
    topics.STATE_RCA.name,
    controls=(topics.FEEDBACK.name,),
    snapshot_every_s=30.0,
    ticks=True,
    within_s=0.2,
)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until ``stop``."""
    await serve_duty(settings, DUTY, RcaFactory(), stop)
