"""The demo process: two weeks of history at the first start, then one value a second of landscape and machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from kizashi.clock import SystemClock
from kizashi.errors import Backpressure
from kizashi.observe.health import Health, ObservePort
from kizashi.observe.logs import logger
from kizashi.settings import Settings
from kizashi.stream.producer import AsyncProducer, Producer, Record
from services.demo import desk, faults, promises
from services.demo.landscape import DAY_MS, EDGES, Landscape
from services.demo.machine import Machine
from services.demo.stream import event_record, landscape_samples, machine_samples, samples_record

HISTORY_DAYS = 14
HISTORY_STEP_MS = 5 * 60_000
STEPS_A_MESSAGE = 10
HORIZON_MS = 7 * DAY_MS
"""Faults are planned this far ahead; a demo that runs longer goes on without new ones until it is started again."""
TOPOLOGY_EVERY_MS = 10 * 60_000
CATCH_UP_STEPS = 30
"""After a pause (a laptop lid) this many seconds are made good; the rest is a gap, as it would be with real senders."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Stream until ``stop``."""
    health = Health("demo", needs=("bus",))
    port = ObservePort(health, settings.observe_port, settings.bind)
    producer = AsyncProducer(Producer(settings.kafka, "kizashi-demo"))
    try:
        await Demo(settings, producer, health).run(stop)
    finally:
        await asyncio.to_thread(producer.close)
        port.close()


class Demo:
    """One run of the demo. ``marker`` remembers that history was sent."""

    def __init__(self, settings: Settings, producer: AsyncProducer, health: Health, seed: int = 7) -> None:
        self._settings, self._producer, self._health, self._seed = settings, producer, health, seed
        self._clock = SystemClock()
        self._marker = settings.home / "demo.json"

    async def run(self, stop: asyncio.Event) -> None:
        """History when it was never sent, then live until ``stop``."""
        await promises.introduce(self._settings, self._clock.now_ms())
        if not self._marker.exists():
            first_ms = self._clock.now_ms() // HISTORY_STEP_MS * HISTORY_STEP_MS  # a second try after a crash sends the same
            await self.send_history(first_ms, HISTORY_DAYS, stop)
            if stop.is_set():
                return
            await asyncio.to_thread(_write, self._marker, {"live_ms": first_ms, "seed": self._seed})
        first_ms = int(json.loads(await asyncio.to_thread(self._marker.read_text))["live_ms"])
        await self._live(first_ms, stop)

    async def send_history(self, live_ms: int, days: int, stop: asyncio.Event) -> None:
        """``days`` before ``live_ms`` at one value in five minutes, in time order, marked as history."""
        troubles = faults.past(live_ms, days)
        landscape = Landscape(live_ms, troubles, self._seed)
        tenant = self._settings.tenant
        start = live_ms - days * DAY_MS
        known = [
            faults.topology(tenant, EDGES, start),
            *faults.events(troubles, tenant),
            *desk.past_events(tenant, start, live_ms, self._seed),
        ]
        await self._deliver([event_record(e, self._settings.kafka.partitions) for e in known])
        times = range(start, live_ms, HISTORY_STEP_MS)
        for k in range(0, len(times), STEPS_A_MESSAGE):
            if stop.is_set():
                return
            samples = [s for t in times[k : k + STEPS_A_MESSAGE] for s in landscape_samples(landscape, t)]
            await self._deliver([samples_record(samples, history=True)])
            self._health.turn()
        logger().info("demo.history_sent", days=days, samples=len(times) * len(landscape_samples(landscape, start)))

    async def _live(self, first_ms: int, stop: asyncio.Event) -> None:
        live_ms = self._clock.now_ms() // 1_000 * 1_000
        troubles = faults.schedule(live_ms, live_ms + HORIZON_MS)
        landscape = Landscape(first_ms, troubles, self._seed)
        machine = Machine(self._settings.home)
        tickets = desk.live_events(self._settings.tenant, live_ms, live_ms + HORIZON_MS, self._seed, first_ms)
        pending = sorted([*faults.events(troubles, self._settings.tenant), *tickets], key=lambda e: e.ts_ms)
        next_topology = at = live_ms
        while not stop.is_set():
            await _until(at, self._clock.now_ms, stop)
            self._health.turn()
            samples = landscape_samples(landscape, at) + machine_samples(machine.read(self._clock.monotonic_s()), at)
            due = [e for e in pending if e.ts_ms <= at]
            pending = pending[len(due) :]
            if at >= next_topology:
                next_topology += TOPOLOGY_EVERY_MS
                due.append(faults.topology(self._settings.tenant, EDGES, at))
            await self._deliver([samples_record(samples), *(event_record(e, self._settings.kafka.partitions) for e in due)])
            at = max(at + 1_000, self._clock.now_ms() // 1_000 * 1_000 - CATCH_UP_STEPS * 1_000)

    async def _deliver(self, records: list[Record]) -> None:
        while True:
            try:
                await self._producer.deliver(records, timeout_s=60.0)
            except Backpressure:
                await asyncio.sleep(0.1)
            else:
                self._health.mark("bus", True)
                return


async def _until(at_ms: int, now_ms: Callable[[], int], stop: asyncio.Event) -> None:
    """Wait until the wall clock shows ``at_ms``, or ``stop``."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), max(0.0, (at_ms - now_ms()) / 1_000))


def _write(path: Path, value: dict[str, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
