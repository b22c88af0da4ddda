"""One child process: started on a leash, watched, restarted after a pause, stopped politely and then firmly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from kizashi.observe.logs import logger
from kizashi.observe.metrics import RESTARTS
from kizashi.standalone import leash
from kizashi.standalone.rotating_log import RotatingLog

State = Literal["waiting", "starting", "ready", "unready", "pausing", "stopped"]

AT_ONCE = frozenset({70, 71, 75})
"""Exit codes by which a service asks to be started again from its snapshot: nothing to wait for."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0
"""A child that ran this long had a good start: its next pause is the first one again."""
PROBE_EVERY_S = 0.5
UNREADY_AFTER = 3
"""So many questions in a row without a yes: on a busy machine one answer may come too late."""
HUNG_AFTER_S = 20.0
"""``/livez`` itself waits 30 s before it says no; a child that says no this long more is killed and started again."""


class Backoff:
    """Pauses between restarts: doubling from 0.2 s to 30 s, forgiven after a minute of steady life.

    >>> pause = Backoff()
    >>> [pause.after(ran_s=1.0, code=1) for _ in range(3)], pause.after(ran_s=61.0, code=1), pause.after(ran_s=1.0, code=71)
    ([0.2, 0.4, 0.8], 0.2, 0.2)
    """

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def after(self, ran_s: float, code: int) -> float:
        """Seconds to wait after a run of ``ran_s`` that ended with ``code``."""
        if ran_s >= STEADY_S:
            self._next_s = FIRST_PAUSE_S
        if code in AT_ONCE and self._next_s <= 8 * FIRST_PAUSE_S:  # a few at once are normal; a circle of them is slowed like any other
            pause, self._next_s = FIRST_PAUSE_S, self._next_s * 1.5
            return pause
        pause, self._next_s = self._next_s, min(LONGEST_PAUSE_S, self._next_s * 2)
        return pause


@dataclass(frozen=True)
class ChildSpec:
    """What to run. ``command`` is called before each start, so it may prepare folders; it runs in a thread.

    ``ready`` and ``live`` are blocking questions, asked from a thread; ``live`` None means that a living process is enough. ``nice`` is how
    far it stands back from the others when the processors are busy.
    """

    name: str
    command: Callable[[], list[str]]
    ready: Callable[[], bool]
    live: Callable[[], bool] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_within_s: float = 6.0
    port: int = 0
    nice: int = 0


class Child:
    """Runs one spec until told to stop. ``view()`` is its line in ``state.json``."""

    def __init__(self, spec: ChildSpec, log_folder: Path, on_change: Callable[[], None] = lambda: None) -> None:
        self.spec = spec
        self.state: State = "waiting"
        self.restarts = 0
        self.detail = ""
        self.since = time.time()
        self.ready = asyncio.Event()
        self.log = RotatingLog(log_folder / f"{spec.name}.log")
        self._on_change = on_change
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and running else None

    def start(self) -> None:
        """Begin; returns at once."""
        self._task = asyncio.create_task(self._run(), name=f"child {self.spec.name}")

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after ``stop_within_s``; returns when it is gone."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), self.spec.stop_within_s)
            except TimeoutError:
                logger().warning("child.killed", child=self.spec.name, after_s=self.spec.stop_within_s)
                self.kill()
        if self._task is not None:
            await self._task
        self._set("stopped")
        self.log.close()

    def kill(self) -> None:
        """SIGKILL now; the child is started again unless it is being stopped."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)

    def view(self) -> dict[str, object]:
        """What others may know: name, state, readiness, process id, memory, restarts."""
        rss = 0.0
        if self.pid is not None:
            with contextlib.suppress(psutil.Error):
                rss = psutil.Process(self.pid).memory_info().rss / 1e6
        return {
            "name": self.spec.name,
            "state": self.state,
            "ready": self.state == "ready",
            "detail": self.detail,
            "pid": self.pid,
            "rss_mb": round(rss, 1),
            "restarts": self.restarts,
            "since_ms": round(self.since * 1_000),
            "port": self.spec.port,
        }

    async def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._once()
            if self._stopping.is_set():
                return
            pause = backoff.after(time.monotonic() - began, code)
            self.restarts += 1
            RESTARTS.labels(self.spec.name).set(self.restarts)
            logger().warning("child.ended", child=self.spec.name, code=code, pause_s=pause, log=str(self.log.file))
            self._set("pausing", f"ended with {_named(code)}; starts again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _once(self) -> int:
        """One life of the process: its exit code, 1 when it could not even be started."""
        self._set("starting")
        try:
            command = await asyncio.to_thread(self.spec.command)
        except Exception as error:
            self.log.write(f"cannot start: {error}\n".encode())
            self.detail = str(error)
            return 1
        process = await asyncio.create_subprocess_exec(
            *leash.command(self.spec.nice),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self.spec.environment},
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the children in order
        )
        self._process = process
        self._on_change()
        if self._stopping.is_set():  # told to stop while the process was being made
            process.terminate()
        watch = asyncio.create_task(self._watch(process))
        copy = asyncio.create_task(self._copy(process))
        try:
            code = await process.wait()
        finally:
            watch.cancel()
            self.ready.clear()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(copy, 1.0)  # a grandchild may hold the pipe open
        return code

    async def _copy(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while chunk := await process.stdout.read(65_536):
            self.log.write(chunk)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Ask for readiness, quickly until the first yes; kill a child that stays silent about being alive."""
        hung_since: float | None = None
        missed = 0
        while process.returncode is None:
            ready = await asyncio.to_thread(self.spec.ready)
            missed = 0 if ready else missed + 1
            if ready:
                self.ready.set()
                self._set("ready")
            elif self.state == "ready" and missed >= UNREADY_AFTER:
                self.ready.clear()
                self._set("unready", "does not say that it is ready")
            live = not self.ready.is_set() or self.spec.live is None or await asyncio.to_thread(self.spec.live)
            hung_since = None if live else hung_since or time.monotonic()
            if hung_since is not None and time.monotonic() - hung_since > HUNG_AFTER_S:
                logger().error("child.hung", child=self.spec.name, for_s=HUNG_AFTER_S)
                self.kill()
            await asyncio.sleep(PROBE_EVERY_S * (4 if ready else 0.2))

    def _set(self, state: State, detail: str = "") -> None:
        if (state, detail) != (self.state, self.detail):
            if state != self.state:
                self.since = time.time()
            self.state, self.detail = state, detail
            self._on_change()


def _named(code: int) -> str:
    """``exit code 1``, or the signal's name."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
