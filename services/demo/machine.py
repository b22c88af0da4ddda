"""This machine's own metrics: CPU, memory, disk and network, read with psutil once a second."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

Reading = tuple[str, float, dict[str, str], str]
"""(metric, value, labels, unit)"""


@dataclass(frozen=True)
class _Counters:
    at_s: float
    read: int
    written: int
    received: int
    sent: int


class Machine:
    """Reads this machine. Rates are between two readings, so the first reading has none."""

    def __init__(self, disk: Path) -> None:
        self._disk = str(disk)
        self._host = socket.gethostname().partition(".")[0] or "localhost"
        self._last: _Counters | None = None
        psutil.cpu_percent(percpu=True)  # the first call has nothing to compare with

    def read(self, at_s: float) -> list[Reading]:
        """Everything now; ``at_s`` is a monotonic time in seconds."""
        return [*self._shares(), *self._rates(at_s)]

    def _shares(self) -> Iterator[Reading]:
        host = {"host": self._host}
        cores = psutil.cpu_percent(percpu=True)
        yield "system.cpu.utilization", sum(cores) / len(cores) / 100.0, host, "1"
        for k, core in enumerate(cores):
            yield "system.cpu.core.utilization", core / 100.0, {**host, "core": str(k)}, "1"
        memory = psutil.virtual_memory()
        yield "system.memory.utilization", memory.percent / 100.0, host, "1"
        yield "system.memory.available", float(memory.available), host, "By"
        yield "system.disk.utilization", psutil.disk_usage(self._disk).percent / 100.0, host, "1"
        yield "system.load.1m", psutil.getloadavg()[0], host, "1"
        yield "system.processes", float(len(psutil.pids())), host, "1"

    def _rates(self, at_s: float) -> Iterator[Reading]:
        disk, net = psutil.disk_io_counters(), psutil.net_io_counters()
        now = _Counters(
            at_s,
            disk.read_bytes if disk else 0,
            disk.write_bytes if disk else 0,
            net.bytes_recv if net else 0,
            net.bytes_sent if net else 0,
        )
        last, self._last = self._last, now
        if last is None or at_s <= last.at_s:
            return
        host, span = {"host": self._host}, at_s - last.at_s
        yield "system.disk.read", max(0, now.read - last.read) / span, host, "By/s"
        yield "system.disk.write", max(0, now.written - last.written) / span, host, "By/s"
        yield "system.network.receive", max(0, now.received - last.received) / span, host, "By/s"
        yield "system.network.transmit", max(0, now.sent - last.sent) / span, host, "By/s"
