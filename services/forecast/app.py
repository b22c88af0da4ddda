"""The forecast service: samples in, forecasts with their own scorecard and capacity risks out."""

from __future__ import annotations

import asyncio

from kizashi.contracts import topics
from kizashi.settings import Settings
from kizashi.stream.faust_worker import Duty
from kizashi.stream.service import serve_duty
from services.forecast.config import ForecastConfig
from services.forecast.model import warm_up
from services.forecast.processor import ForecastFactory

DUTY = Duty("forecast", (topics.SAMPLES.name,), topics.STATE_FORECAST.name, snapshot_every_s=30.0)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until ``stop``."""
    await asyncio.get_running_loop().run_in_executor(None, warm_up)
    await serve_duty(settings, DUTY, ForecastFactory(settings.kafka.partitions, ForecastConfig()), stop)
