"""One Apache Kafka broker in KRaft mode as a child process: formatted, started, asked until it answers, stopped.

Data and log live below the home folder; a kill -9 loses nothing, since the broker recovers its log at the next start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import IO

from kizashi.errors import BusUnavailable, ConfigurationError
from kizashi.standalone import jars, java, leash, probe
from kizashi.standalone.kafka_config import BrokerPlan, properties, render

FORMATTED = "meta.properties"
HEAP_MB = 256
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 8.0
"""Kafka closes its logs in well under this; a broker that does not is killed, which it survives."""
_POLL_S = 0.05


class KafkaProcess:
    """A broker below ``home/kafka``, listening on ``bind:port`` (0 lets the system choose).

    ``command()`` formats the folder when it is new and gives the command line, for a supervisor that owns the process itself;
    ``start()`` / ``wait_ready()`` / ``stop()`` are for everybody else.
    """

    def __init__(self, home: Path, port: int = 0, disk_mb: int = 16_384, heap_mb: int = HEAP_MB, bind: str = "127.0.0.1") -> None:
        self.folder = (home / "kafka").absolute()
        self.port = port or probe.free_port(bind)
        self.bind = bind
        self._plan = BrokerPlan(self.folder / "data", self.port, probe.free_port(), bind, disk_mb)
        self._heap_mb = heap_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Address for clients."""
        return f"{self.bind}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log_file(self) -> Path:
        """Where ``start()`` writes what the broker prints."""
        return self.folder / "broker.log"

    def command(self, cached: bool = True) -> list[str]:
        """Write the settings, format a new data folder, and return the command line of the broker."""
        lock, tools, runtime = jars.read_lock(), java.tools_folder(), java.runtime()
        folder = jar_folder(tools, lock)
        if jars.missing(lock, folder):
            raise ConfigurationError("Kafka's jars are missing or damaged: run `make setup` (or `kizashi setup`).")
        self._plan.data.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "server.properties"
        settings.write_text(render(properties(self._plan)), encoding="utf-8")
        path = os.pathsep.join(map(str, jars.class_path(lock, folder)))
        if not (self._plan.data / FORMATTED).exists():
            self._format(runtime, path, settings)
        extra = java.cache_flags(aot_cache(tools, lock, runtime)) if cached else []
        return [str(runtime.launcher), *java.flags(self._heap_mb), self._unpacked(), *extra, "-cp", path, "kafka.Kafka", str(settings)]

    def _unpacked(self) -> str:
        """Flag that has zstd's native part unpacked below our own folder: a hardened machine runs nothing out of /tmp.

        What a killed broker left there goes away.
        """
        native = self.folder / "native"
        shutil.rmtree(native, ignore_errors=True)
        native.mkdir(parents=True)
        return f"-DZstdTempFolder={native}"

    def start(self, extra_flags: tuple[str, ...] = ()) -> None:
        """Start the broker; it dies with this process. Raises ConfigurationError when its port is taken."""
        if probe.port_taken(self.port, self.bind):
            raise ConfigurationError(f"Port {self.port} for Kafka is taken. Stop who listens there, or choose another port.")
        command = self.command(cached=not extra_flags)
        self._log = self.log_file.open("ab")
        self._process = subprocess.Popen(
            [*leash.command(), command[0], *extra_flags, *command[1:]], stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )

    def wait_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Return when the broker answers ApiVersions. Raises BusUnavailable when it ends or stays silent."""
        deadline = time.monotonic() + within_s
        while not probe.kafka_answers(self.bind, self.port):
            if self._process is None or self._process.poll() is not None:
                raise BusUnavailable(f"Kafka ended while starting:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise BusUnavailable(f"Kafka did not answer on {self.bootstrap} within {within_s:g} s:\n{self.last_words()}")
            time.sleep(_POLL_S)

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """SIGTERM, then SIGKILL when it takes longer than ``within_s``."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._log is not None:
            self._log.close()
            self._log = None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def last_words(self, lines: int = 12) -> str:
        """The end of the broker's log."""
        text = self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _format(self, runtime: java.Java, class_path: str, settings: Path) -> None:
        """Give a new data folder its cluster id; done once."""
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)
        told = [str(runtime.launcher), *java.flags(128), "-cp", class_path, "kafka.tools.StorageTool", "format"]
        done = subprocess.run(
            [*told, "--cluster-id", cluster, "--config", str(settings), "--ignore-formatted"], capture_output=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr + done.stdout).decode(errors="replace").strip()
            raise ConfigurationError(f"Kafka could not format {self._plan.data}: {said[-800:]}")


def jar_folder(tools: Path, lock: jars.JarLock) -> Path:
    """Folder of the jars of one lock."""
    return tools / f"kafka-{lock.kafka}-{lock.key}"


def aot_cache(tools: Path, lock: jars.JarLock, runtime: java.Java) -> Path:
    """The ahead-of-time cache of one lock on one runtime. The JVM binds it to the jars' paths and times too."""
    return jar_folder(tools, lock) / f"java-{runtime.version}.aot"


def build_cache(scratch: Path, within_s: float = 120.0) -> Path | None:
    """Make the ahead-of-time cache by one start below ``scratch``. None when the disk has no room; a failure leaves none behind."""
    lock, tools, runtime = jars.read_lock(), java.tools_folder(), java.runtime()
    cache = aot_cache(tools, lock, runtime)
    if cache.exists() or not java.room_for_cache(tools):
        return cache if cache.exists() else None
    temporary = cache.with_suffix(f".{os.getpid()}")
    broker = KafkaProcess(scratch)
    broker.start(extra_flags=(f"-XX:AOTCacheOutput={temporary}",))
    try:
        broker.wait_ready(within_s)
    finally:
        broker.stop(within_s)
    if temporary.exists():
        temporary.replace(cache)
    return cache if cache.exists() else None
