"""A worker process for the crash tests: keeps a running hash of a partition and emits it for every record.

Use: python chain_worker.py BOOTSTRAP PREFIX HOME. Topics PREFIX.in, PREFIX.out, PREFIX.state, PREFIX.control.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from pathlib import Path

from kizashi.errors import InvalidMessage
from kizashi.observe.health import Health
from kizashi.observe.logs import configure
from kizashi.settings import KafkaSettings
from kizashi.stream.faust_worker import Duty, FaustWorker
from kizashi.stream.records import Emit, Record

TICKS = 3
"""Seconds in which a snapshot has covered the value ``wake``."""


def chained(state: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(state + value, digest_size=8).digest()


class Chain:
    """Hash of all values so far; a control is hashed in at its place, the third tick after the value ``wake`` too."""

    def __init__(self, out: str, partition: int, state: bytes = b"") -> None:
        self._out, self._partition, self._state = out, partition, state
        self._emits: list[Emit] = []
        self._ticks = 0

    def process(self, record: Record) -> None:
        if record.value == b"poison":
            raise InvalidMessage("poison", "schema")
        self._ticks = TICKS if record.value == b"wake" else 0
        self._state = chained(self._state, record.value)
        self._emits.append(Emit(self._out, self._partition, record.value + b" " + self._state.hex().encode(), str(record.offset).encode()))

    def skip(self, record: Record) -> None:
        self._emits.append(Emit(self._out, self._partition, b"skipped " + self._state.hex().encode(), str(record.offset).encode()))

    def control(self, record: Record) -> None:
        self._state = chained(self._state, b"control" + record.value)

    def tick(self, now_ms: int) -> None:
        self._ticks -= 1
        if self._ticks == 0:
            self._state = chained(self._state, b"tick")
            self._emits.append(Emit(self._out, self._partition, b"tick " + self._state.hex().encode()))

    def drain(self) -> list[Emit]:
        out, self._emits = self._emits, []
        return out

    def dump(self) -> bytes:
        return self._state


class Chains:
    def __init__(self, out: str) -> None:
        self._out = out

    def new(self, partition: int) -> Chain:
        return Chain(self._out, partition)

    def load(self, partition: int, data: bytes) -> Chain:
        return Chain(self._out, partition, data)


async def main(bootstrap: str, prefix: str, home: Path) -> None:
    configure(prefix, json_lines=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    duty = Duty(prefix, (f"{prefix}.in",), f"{prefix}.state", controls=(f"{prefix}.control",), snapshot_every_s=1.0, ticks=True)
    worker = FaustWorker(duty, Chains(f"{prefix}.out"), KafkaSettings(bootstrap=bootstrap), home, Health(prefix))
    await worker.run(stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
