"""All children of one machine: started in stages, each when the one before is ready, and stopped in the reverse order within 10 s."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kizashi.errors import Recoverable
from kizashi.observe.logs import logger
from kizashi.standalone import home as house
from kizashi.standalone.child import Child, ChildSpec

STATE_EVERY_S = 2.0
STAGE_WITHIN_S = 90.0
"""A stage that is not ready by then stops the start; its log says why."""


@dataclass(frozen=True)
class Stage:
    """Children that start together, and what is done once all of them are ready (topics, migrations)."""

    name: str
    children: Sequence[ChildSpec]
    then: Callable[[], Awaitable[None]] | None = None
    must: bool = True
    """False: the next stage does not wait for this one, and a child that is not ready is only reported."""


class Supervisor:
    """Owns the children. ``start`` returns when every stage that must be ready is; ``stop`` when all are gone."""

    def __init__(
        self, home: Path, stages: Sequence[Stage], about: Mapping[str, object], say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._home = home
        self._about = dict(about)
        self._say = say
        self._began = time.time()
        self._changed = asyncio.Event()
        self._unwritten = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self.stages = [(stage, [Child(spec, home / "logs", self._note) for spec in stage.children]) for stage in stages]

    @property
    def children(self) -> list[Child]:
        """All of them, in the order of their start."""
        return [child for _, group in self.stages for child in group]

    @property
    def ready(self) -> bool:
        """True when every part is."""
        return all(child.state == "ready" for child in self.children)

    async def start(self, stopping: asyncio.Event) -> None:
        """Start stage by stage. Raises Recoverable when a stage that must be ready is not; returns early when ``stopping`` is set."""
        self._writer = asyncio.create_task(self._keep_state(), name="state.json")
        for stage, group in self.stages:
            if stopping.is_set():
                return
            self._say(f"{stage.name} …")
            for child in group:
                child.start()
            if stage.must:
                await self._until_ready(stage, group, stopping)
            if stage.then is not None and not stopping.is_set():
                await stage.then()

    async def wait_ready(self, within_s: float, stopping: asyncio.Event) -> bool:
        """True when all are ready in time; returns early when ``stopping`` is set."""
        deadline = time.monotonic() + within_s
        while not self.ready and not stopping.is_set() and time.monotonic() < deadline:
            await self._change()
        return self.ready

    async def stop(self) -> None:
        """Stop the last stage first, each stage's children together."""
        for _, group in reversed(self.stages):
            await asyncio.gather(*(child.stop() for child in group))
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        house.forget_addresses(self._home)

    def view(self) -> dict[str, object]:
        """The content of ``home/run/state.json``."""
        return {
            **self._about,
            "pid": os.getpid(),
            "home": str(self._home),
            "started_ms": round(self._began * 1_000),
            "written_ms": round(time.time() * 1_000),
            "ready": self.ready,
            "children": [child.view() for child in self.children],
        }

    async def _until_ready(self, stage: Stage, group: Sequence[Child], stopping: asyncio.Event) -> None:
        deadline = time.monotonic() + STAGE_WITHIN_S
        while not all(child.state == "ready" for child in group) and not stopping.is_set():
            gave_up = [child for child in group if child.restarts >= 3]
            late = [child for child in group if child.state != "ready"] if time.monotonic() > deadline else gave_up
            if late:
                raise Recoverable(
                    "\n".join(
                        f"{c.spec.name} does not get ready: {c.detail or c.state}. It said ({c.log.file}):\n{c.log.last_words()}"
                        for c in late
                    )
                )
            await self._change()
        logger().debug("stage.ready", stage=stage.name)

    def _note(self) -> None:
        self._changed.set()
        self._unwritten.set()

    async def _change(self) -> None:
        """Wait until a child's state changes, half a second at most."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), 0.5)

    async def _keep_state(self) -> None:
        """Write ``state.json`` at every change and at least every two seconds: its age tells whether the supervisor lives."""
        while True:
            self._unwritten.clear()
            house.write_atomically(self._home / "run" / "state.json", json.dumps(self.view()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATE_EVERY_S):  # wait_for would lose a cancellation that comes with a change
                    await self._unwritten.wait()
