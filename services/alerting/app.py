"""The alerting service: findings, feedback and configuration in, alerts and deliveries out."""

from __future__ import annotations

import asyncio

from kizashi.contracts import topics
from kizashi.settings import Settings
from kizashi.stream.config import load_signing_key
from kizashi.stream.faust_worker import Duty
from kizashi.stream.service import serve_duty
from services.alerting.processor import AlertingFactory

DUTY = Duty(
    "alerting",
    (
        topics.EPISODES.name,
        topics.INCIDENTS.name,
        topics.RISKS.name,
        topics.OUTCOMES.name,
        topics.ROLLUPS.name,
        topics.DELIVERIES.name,
    ),
    topics.STATE_ALERTING.name,
    controls=(topics.FEEDBACK.name, topics.CONFIG.name),
    ticks=True,
)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until ``stop``. Raises ConfigurationError when the signing key is missing."""
    factory = AlertingFactory(load_signing_key(settings.signing_key_path), settings.kafka.partitions)
    await serve_duty(settings, DUTY, factory, stop)
