"""The embedded ClickHouse server as a child process of a test: started, killed, started again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from pydantic import SecretStr

from kizashi.settings import StoreSettings

PASSWORD = "a-password"
READY_WITHIN_S = 40.0
ROOT = Path(__file__).resolve().parent.parent


class StoreProcess:
    """One server on a folder of its own; ``settings`` reach it."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port or _free_port()
        self.settings = StoreSettings(port=self.port, password=SecretStr(PASSWORD), database="kizashi")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, *more: str) -> None:
        """Start and wait until it answers."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        command = [
            sys.executable,
            "-m",
            "kizashi.standalone.clickhouse_server",
            "--path",
            str(self.folder / "db"),
            "--port",
            str(self.port),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "shared"), str(ROOT)))}
        log = (self.folder / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen([*command, "--password-file", str(secret), *more], env=environment, stderr=log, stdout=log)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return when /ping answers; fail with the log when the process ends or takes too long."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise AssertionError(f"the store did not start: {self.log()[-2000:]}")

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def log(self) -> str:
        """What the process said."""
        return (self.folder / "server.log").read_text(errors="replace")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
