"""``kizashi demo``: stream the demo by hand, live or faster than real time. The roof hands settings over as ``ctx.obj()``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from kizashi.contracts.inputs import Event
from kizashi.errors import Refused
from kizashi.settings import Settings
from kizashi.stream.producer import Producer
from services.demo import faults
from services.demo.app import serve
from services.demo.landscape import EDGES, Landscape
from services.demo.stream import event_record, landscape_samples, samples_record

HOUR_MS = 3_600_000


def demo(
    ctx: typer.Context,
    hours: Annotated[float | None, typer.Option(help="Stream so many past hours up to now, then stop.", min=0.01)] = None,
    speed: Annotated[float, typer.Option(help="So many times faster than real time; 0 is as fast as Kafka takes it.", min=0.0)] = 0.0,
    step: Annotated[float, typer.Option(help="Seconds between two values of a series.", min=0.1)] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed is another landscape.")] = 7,
    env: Annotated[str, typer.Option(help="Label that tells this landscape from others.")] = "replay",
) -> None:
    """Stream a simulated landscape and this machine's metrics until Ctrl-C; or, with --hours, past hours in fast motion.

    Example:  kizashi demo --hours 6 --speed 600
    """
    load: Callable[[], Settings] = ctx.obj
    settings = load()
    if hours is None:
        if speed:
            raise Refused("--speed needs --hours: live streams run in real time")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(settings, asyncio.Event()))
        return
    now_ms = time.time_ns() // 1_000_000
    start_ms = now_ms - round(hours * HOUR_MS)
    count = stream_past(settings, start_ms, now_ms, round(step * 1_000), speed, seed, env)
    typer.echo(f"{count:,} samples of {hours:g} hours sent and acknowledged")


def stream_past(settings: Settings, start_ms: int, until_ms: int, step_ms: int, speed: float, seed: int, env: str) -> int:
    """Samples and events from ``start_ms`` to ``until_ms`` in time order; returns how many samples Kafka acknowledged.

    Raises BusUnavailable when not all of them were.
    """
    troubles = faults.schedule(start_ms, until_ms)
    landscape, producer = Landscape(start_ms, troubles, seed), Producer(settings.kafka, "kizashi-demo")
    events = iter(sorted(_events(troubles, settings.tenant, start_ms), key=lambda e: e.ts_ms))
    pending = next(events, None)
    began, count = time.monotonic(), 0
    for ts_ms in range(start_ms, until_ms, step_ms):
        while pending is not None and pending.ts_ms <= ts_ms:
            producer.send_waiting(event_record(pending, settings.kafka.partitions))
            pending = next(events, None)
        samples = landscape_samples(landscape, ts_ms, env)
        producer.send_waiting(samples_record(samples))
        producer.poll(0.0)
        count += len(samples)
        ahead = (ts_ms - start_ms) / 1_000 / speed - (time.monotonic() - began) if speed else 0.0
        if ahead > 0:
            time.sleep(ahead)
    producer.flush(60.0)
    return count


def _events(troubles: list[faults.Fault], tenant: str, start_ms: int) -> Iterator[Event]:
    yield faults.topology(tenant, EDGES, start_ms)
    yield from faults.events(troubles, tenant)
