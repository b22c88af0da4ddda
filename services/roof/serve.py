"""One service until it is told to stop: what ``kizashi run`` and every child of ``kizashi up`` do."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import signal

from kizashi.errors import NotFound
from kizashi.observe import logs
from kizashi.settings import Settings
from kizashi.standalone.start_page import let_go
from services import wiring

SERVICES = ("ingest", "anomaly", "forecast", "rca", "alerting", "sink", "backup", "gateway")


def serve(service: str) -> None:
    """Run a service until SIGTERM or SIGINT. Raises NotFound for an unknown name, ConfigurationError for settings that cannot be taken."""
    if service not in (*SERVICES, "demo"):
        raise NotFound(f"There is no service {service!r}. There are: {', '.join((*SERVICES, 'demo'))}.")
    settings = wiring.load()
    logs.configure(service, settings.log_level)
    factory = None
    with contextlib.suppress(ImportError):  # uvloop where it is installed: half the cost of a socket
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(service, settings))


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT of this process; needs a running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _serve(service: str, settings: Settings) -> None:
    stop = stop_on_signals()
    app = importlib.import_module(f"services.{service}.app")
    if service == "gateway":
        let_go(settings.near_host, settings.port)
    await app.serve(settings, stop)
