"""A whole house for tests: ``kizashi up`` as a process of its own, on ports of its own, below a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

ROOT = Path(__file__).parents[1]
READY_WITHIN_S = 120.0
T = TypeVar("T")


def until(what: Callable[[], T], within_s: float = 30.0, every_s: float = 0.1, saying: str = "it did not happen") -> T:
    """The first truthy answer of ``what``; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (answer := what()):
        assert time.monotonic() < deadline, f"{saying} within {within_s:g} s"
        time.sleep(every_s)
    return answer


class RunningHouse:
    """``start`` returns when every part is ready; ``kizashi`` runs a command against it."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self._options = options or ("--no-demo",)
        self._process: subprocess.Popen[str] | None = None

    @property
    def environ(self) -> dict[str, str]:
        """Variables for commands: only the home folder; the addresses come from it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KIZASHI_")}
        return kept | {"KIZASHI_HOME": str(self.home), "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}", "COLUMNS": "200"}

    def start(self) -> None:
        """Start and wait until every part is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "services", "up", "--port", "0", "--kafka-port", "0", "--store-port", "0", *self._options]
        log = (self.home / "up.log").open("a")
        self._process = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=log, stderr=log, text=True)
        log.close()
        until(self._ready, READY_WITHIN_S, 0.3, f"the house was not ready; it said:\n{self.said()}")

    def stop(self, within_s: float = 20.0) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(within_s)
        finally:
            self._process.kill()

    def kill(self) -> None:
        """SIGKILL the supervisor, as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kizashi(self, *words: str, input: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command; fails with what it said unless ``check`` is False."""
        done = subprocess.run(
            [sys.executable, "-m", "services", *words], cwd=ROOT, env=self.environ, capture_output=True, text=True, input=input, check=False
        )
        assert not check or done.returncode == 0, f"kizashi {' '.join(words)} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of ``kizashi query``."""
        rows: list[dict[str, Any]] = json.loads(self.kizashi("query", sql, "--json").stdout)
        return rows

    def state(self) -> dict[str, Any]:
        """The supervisor's own view, without starting a command."""
        file = self.home / "run" / "state.json"
        found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {"ready": False, "children": []}
        return found

    def addresses(self) -> dict[str, Any]:
        """Settings' paths and values of this house."""
        found: dict[str, Any] = json.loads((self.home / "run" / "addresses.json").read_text())
        return found

    @property
    def url(self) -> str:
        """Address of the gateway."""
        return f"http://127.0.0.1:{self.addresses()['port']}"

    def pid(self, child: str) -> int:
        """Process id of a child, as the supervisor last wrote it."""
        return next(int(c["pid"]) for c in self.state()["children"] if c["name"] == child)

    def child(self, name: str) -> psutil.Process | None:
        """The process of a child as it is now; None while it is being started again."""
        pid = next((c["pid"] for c in self.state()["children"] if c["name"] == name), None)
        return psutil.Process(pid) if pid and psutil.pid_exists(pid) else None

    def said(self) -> str:
        """What ``kizashi up`` printed."""
        return (self.home / "up.log").read_text() if (self.home / "up.log").exists() else ""

    def log(self, child: str, lines: int = 30) -> str:
        """The end of a child's log."""
        file = self.home / "logs" / f"{child}.log"
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) if file.exists() else ""

    def _ready(self) -> bool:
        assert self._process is not None and self._process.poll() is None, f"kizashi up ended:\n{self.said()}"
        return bool(self.state()["ready"])
