"""The forecast service: samples in, forecasts with their own scorecard out; rollups and events in, risks of promises out."""

from __future__ import annotations

import asyncio

from kizashi.contracts import topics
from kizashi.errors import ConfigurationError
from kizashi.observe.logs import logger
from kizashi.settings import Settings
from kizashi.stream.config import load_signing_key
from kizashi.stream.faust_worker import Duty
from kizashi.stream.records import ProcessorFactory
from kizashi.stream.service import serve_duties
from services.forecast.config import ForecastConfig
from services.forecast.model import warm_up
from services.forecast.processor import ForecastFactory
from services.forecast.risks_processor import RisksFactory

FORECASTS = Duty(
    "forecast",
    (topics.SAMPLES.name,),
    topics.STATE_FORECAST.name,
    controls=(topics.CONFIG.name,),
    snapshot_every_s=60.0,
    within_s=0.5,
    gather_s=0.5,
    part="forecasts",
)
RISKS = Duty(
    "risks",
    (topics.ROLLUPS.name, topics.EVENTS.name, topics.EPISODES.name),
    topics.STATE_RISKS.name,
    controls=(topics.CONFIG.name,),
    snapshot_every_s=30.0,
    ticks=True,
    within_s=0.5,
    part="risks",
)
"""Series are spread over the partitions of the samples, tenants over those of the findings: so two duties, in two groups."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until ``stop``."""
    await asyncio.get_running_loop().run_in_executor(None, warm_up)
    key, partitions = _key(settings), settings.kafka.partitions
    duties: list[tuple[Duty, ProcessorFactory]] = [
        (FORECASTS, ForecastFactory(partitions, ForecastConfig(), key)),
        (RISKS, RisksFactory(partitions, key)),
    ]
    await serve_duties(settings, "forecast", duties, stop)


def _key(settings: Settings) -> bytes | None:
    """The key that configuration is signed with; without it none is believed, and forecasts go on."""
    try:
        return load_signing_key(settings.signing_key_path)
    except ConfigurationError as x:
        logger().warning("forecast.no_configuration", error=str(x))
        return None
