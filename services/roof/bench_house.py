"""A house of its own for a benchmark: started with ``kizashi up`` in a temporary folder, measured from outside, stopped again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from kizashi.errors import Recoverable
from kizashi.settings import Settings
from kizashi.store.client import Store, connect
from services import wiring

READY_WITHIN_S = 120.0


@dataclass
class BenchHouse:
    """A running house: its settings, its store and what its processes cost."""

    home: Path
    settings: Settings
    store: Store

    def children(self) -> dict[str, int]:
        """Name → process id of every part."""
        state = json.loads((self.home / "run" / "state.json").read_text())
        return {c["name"]: int(c["pid"]) for c in state["children"] if c["pid"]}

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of every part since it started."""
        used = {}
        for name, pid in self.children().items():
            times = psutil.Process(pid).cpu_times()
            used[name] = times.user + times.system
        return used

    def rss_mb(self) -> dict[str, float]:
        """Resident memory of every part."""
        return {name: round(psutil.Process(pid).memory_info().rss / 2**20, 1) for name, pid in self.children().items()}

    def rows(self, metric: str) -> int:
        """Rows of a metric that can be queried, each (series, time) once."""
        return int(self.store.query("SELECT count() FROM v_scores WHERE metric = {metric:String}", {"metric": metric}).rows[0][0])

    def landed(self) -> int:
        """Rows in the table, cheaply; repeats that merges have not removed yet are counted."""
        return int(self.store.query("SELECT count() FROM samples").rows[0][0])

    def kizashi(self, *words: str) -> Any:
        """The JSON that a command of this house prints."""
        command = [sys.executable, "-m", "services", *words, "--json"]
        return json.loads(subprocess.run(command, env=_environment(self.home), capture_output=True, check=True).stdout)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIZASHI_")}
    return kept | {"KIZASHI_HOME": str(home), "KIZASHI_LOG_LEVEL": "warning"}


@contextmanager
def bench_house(*options: str) -> Iterator[BenchHouse]:
    """Start a house without demo on free ports, give it ready, stop and remove it. Raises Recoverable when it does not get ready."""
    with tempfile.TemporaryDirectory(prefix="kizashi-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "services", "up", "--no-demo", "--port", "0", "--kafka-port", "0", "--store-port", "0", *options]
        with (home / "up.log").open("w") as log:
            process = subprocess.Popen(command, env=_environment(home), stdout=log, stderr=log)
        try:
            _wait(process, home)
            settings = wiring.load(home=str(home))
            store = connect(settings.store)
            yield BenchHouse(home, settings, store)
            store.close()
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    state = home / "run" / "state.json"
    while not (state.exists() and json.loads(state.read_text())["ready"]):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Recoverable(f"the house did not get ready:\n{(home / 'up.log').read_text()[-2000:]}")
        time.sleep(0.3)
