"""How a stateful service is run: health and metrics beside a Faust worker, until it is told to stop."""

from __future__ import annotations

import asyncio

from kizashi.observe.health import Health, ObservePort
from kizashi.observe.logs import logger
from kizashi.settings import Settings
from kizashi.stream.faust_worker import Duty, FaustWorker
from kizashi.stream.records import ProcessorFactory


async def serve_duty(settings: Settings, duty: Duty, factory: ProcessorFactory, stop: asyncio.Event) -> None:
    """Serve one duty; returns after ``stop`` when the last snapshot is committed."""
    health = Health(duty.name, needs=("bus", "model"))
    port = ObservePort(health, settings.observe_port, settings.bind)
    logger().info("service.starting", duty=duty.name, observe_port=port.port)
    try:
        await FaustWorker(duty, factory, settings.kafka, settings.home, health).run(stop)
    finally:
        port.close()
