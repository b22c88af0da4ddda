"""A house of its own for a benchmark: started with ``kizashi up`` in a temporary folder, measured from outside, stopped again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr

from kizashi.errors import Recoverable
from kizashi.settings import Settings, StoreSettings
from kizashi.standalone import leash, probe
from kizashi.store.client import Store, connect
from services import wiring

READY_WITHIN_S = 120.0


@dataclass
class BenchHouse:
    """A running house: its settings, its store and what its processes cost."""

    home: Path
    settings: Settings
    store: Store
    ready_s: float
    """Seconds from the command to every part being ready."""

    def children(self) -> dict[str, int]:
        """Name → process id of every part, the supervisor included."""
        state = json.loads((self.home / "run" / "state.json").read_text())
        return {"supervisor": int(state["pid"])} | {c["name"]: int(c["pid"]) for c in state["children"] if c["pid"]}

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

    def pss_mb(self) -> dict[str, float]:
        """Memory of every part with shared pages divided among those who share them."""
        return {name: round(psutil.Process(pid).memory_full_info().pss / 2**20, 1) for name, pid in self.children().items()}

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
def bench_house(*options: str, home: Path | None = None) -> Iterator[BenchHouse]:
    """Start a house on free ports, give it ready, stop it; in a temporary folder that is removed, or on ``home``, which stays.

    Without demo unless ``options`` say so. Raises Recoverable when it does not get ready.
    """
    if home is None:
        with (
            tempfile.TemporaryDirectory(prefix="kizashi-bench-", ignore_cleanup_errors=True) as folder,
            bench_house(*options, home=Path(folder)) as house,
        ):
            yield house
        return
    command = [*leash.command(), sys.executable, "-m", "services", "up", "--port", "0", "--kafka-port", "0", "--store-port", "0"]
    command += options or ("--no-demo",)
    (home / "run" / "state.json").unlink(missing_ok=True)
    with (home / "up.log").open("a") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, env=_environment(home), stdout=log, stderr=log)
    try:
        _wait(process, home)
        ready_s = time.monotonic() - began
        settings = wiring.load(home=str(home))
        store = connect(settings.store)
        yield BenchHouse(home, settings, store, ready_s)
        store.close()
    finally:
        _end(process)


@contextmanager
def bench_store() -> Iterator[tuple[StoreSettings, Callable[[], float]]]:
    """An embedded ClickHouse alone, in a temporary folder: how to reach it, and the CPU seconds it has used."""
    with tempfile.TemporaryDirectory(prefix="kizashi-bench-", ignore_cleanup_errors=True) as folder:
        home, port = Path(folder), probe.free_port()
        secret = home / "password"
        secret.write_text("bench")
        command = [*leash.command(), sys.executable, "-m", "kizashi.standalone.clickhouse_server", "--path", str(home / "db")]
        command += ["--port", str(port), "--password-file", str(secret)]
        process = subprocess.Popen(command, env=_environment(home), stderr=subprocess.DEVNULL)
        try:
            while not probe.http_ok(f"http://127.0.0.1:{port}/ping"):
                if process.poll() is not None:
                    raise Recoverable(f"the store ended with exit code {process.returncode} while it was starting")
                time.sleep(0.1)
            watched = psutil.Process(process.pid)
            yield StoreSettings(port=port, password=SecretStr("bench")), lambda: sum(watched.cpu_times()[:2])
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
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
        time.sleep(0.1)
