"""How a stateful service is run: health and metrics beside a Faust worker, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kizashi.observe.health import Health, ObservePort
from kizashi.observe.logs import logger
from kizashi.settings import Settings
from kizashi.stream.faust_worker import Duty, FaustWorker
from kizashi.stream.records import ProcessorFactory


async def serve_duty(settings: Settings, duty: Duty, factory: ProcessorFactory, stop: asyncio.Event) -> None:
    """Serve one duty; returns after ``stop`` when the last snapshot is committed."""
    await serve_duties(settings, duty.name, [(duty, factory)], stop)


async def serve_duties(settings: Settings, name: str, duties: Sequence[tuple[Duty, ProcessorFactory]], stop: asyncio.Event) -> None:
    """Serve duties side by side in one process, each in a group of its own; when one fails, all end."""
    health = Health(name, needs=("bus", *(duty.part for duty, _ in duties)))
    port = ObservePort(health, settings.observe_port, settings.bind)
    logger().info("service.starting", duties=[duty.name for duty, _ in duties], observe_port=port.port)
    try:
        async with asyncio.TaskGroup() as group:
            for duty, factory in duties:
                group.create_task(FaustWorker(duty, factory, settings.kafka, settings.home, health).run(stop), name=duty.name)
    finally:
        port.close()
