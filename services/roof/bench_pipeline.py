"""The whole house under load: samples a second from producer to queryable row, CPU by stage, and delay to a WebSocket.

Counts whole-system work: native lists through ingest, every service running, rows asked for through the readers' view at the end.
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import websockets

from kizashi.errors import Recoverable
from services.demo.load import Order, instructions, now_ms
from services.roof import bench_peers
from services.roof.bench_house import BenchHouse, bench_house
from services.roof.bench_listen import GRACE_S, Heard, delay_figures, listen

DRAIN_WITHIN_S = 300.0
DELAY_RATES = (5_000, 50_000)
LEAD = 3_000_000
"""Samples that the sender may be ahead of the store at full speed: what more would only fill the log."""
SETTLED_S = 3.0
"""Ten flushes of the sink."""
WATCHED_SERIES = 20
KNOWN_WITHIN_S = 120.0
"""Until the store knows the series: the first samples of a new house wait for services that load their code."""
METRIC = "bench.load"
"""The same series in every phase: those of a phase that is over would be silent, and ten thousand silent series are an outage, which
opens as many episodes and alerts in the middle of the next measurement."""


@dataclass
class Load:
    """The load process; its figures come once a second."""

    process: subprocess.Popen[str]
    sent: int = 0
    cpu_s: float = 0.0
    done: bool = False
    _reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell_landed(self, rows: int) -> None:
        """Let the sender go on, up to its allowance ahead of ``rows``."""
        if self.process.stdin and not self.done:
            self.process.stdin.write(f"{rows}\n")
            self.process.stdin.flush()

    def finish(self) -> None:
        """Wait for the process to end, and close what led to it."""
        self.process.wait(120)
        self._reader.join(5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            told = json.loads(line)
            self.sent, self.cpu_s, self.done = told["sent"], told["cpu_s"], told["done"]


def start_load(order: Order) -> Load:
    """Begin to send in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "services.demo.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(instructions(order))
    process.stdin.flush()
    return Load(process)


@contextmanager
def flowing(order: Order) -> Iterator[Load]:
    """Samples that flow as long as somebody measures, whatever time that takes: ``seconds`` of the order counts for nothing.

    Raises Recoverable when the load has ended before: what was measured then was a house at rest.
    """
    load = start_load(replace(order, seconds=math.inf))
    try:
        yield load
        if load.process.poll() is not None:
            raise Recoverable(f"the load ended with exit code {load.process.returncode} while it was needed")
    finally:
        load.process.terminate()
        load.finish()


def throughput(house: BenchHouse, seconds: float, series: int) -> dict[str, Any]:
    """As fast as the house takes it, for ``seconds``, then until every sent sample is a row; figures by wall and by stage."""
    settled = _settled(house)
    warm = start_load(Order(house.settings.kafka.bootstrap, series=series, seconds=5, metric=METRIC, outstanding=500_000))
    base = _drain(house, warm, settled)
    earlier = house.rows(METRIC)
    before, begun = house.cpu_s(), time.monotonic()
    load = start_load(Order(house.settings.kafka.bootstrap, series=series, seconds=seconds, metric=METRIC, outstanding=LEAD))
    _drain(house, load, base)
    wall = time.monotonic() - begun
    after = house.cpu_s()
    queryable = house.rows(METRIC) - earlier
    cpu = {name: used - before.get(name, 0.0) for name, used in after.items()} | {"sender": load.cpu_s}
    return {
        "samples": load.sent,
        "queryable": queryable,
        "complete": queryable == load.sent,
        "series": series,
        "wall_s": round(wall, 1),
        "samples_per_s": round(queryable / wall),
        "cpu_s_per_million": {name: round(used / load.sent * 1e6, 3) for name, used in sorted(cpu.items(), key=lambda i: -i[1])},
        "cpu_s_per_million_total": round(sum(cpu.values()) / load.sent * 1e6, 2),
        "rss_mb": house.rss_mb(),
    }


def _settled(house: BenchHouse) -> int:
    """Rows in the table once nothing more comes: what an earlier measurement sent must not count for the next."""
    before, rows = -1, house.landed()
    while rows != before:
        time.sleep(SETTLED_S)
        before, rows = rows, house.landed()
    return rows


def _drain(house: BenchHouse, load: Load, base: int) -> int:
    """Follow the landed rows until all that was sent is there; the number of rows in the table then."""
    give_up = None
    while True:
        time.sleep(0.25)
        landed = house.landed()
        load.tell_landed(landed - base)
        if load.done:
            give_up = give_up or time.monotonic() + DRAIN_WITHIN_S
            if landed - base >= load.sent or time.monotonic() > give_up:
                load.finish()
                return landed


def delays(house: BenchHouse, rate: float, seconds: float, key: str, series: int) -> dict[str, Any]:
    """Time from making a sample to its score on a WebSocket at ``rate`` samples a second; see ``delay_figures``.

    Raises Recoverable when no score comes, or the load ends.
    """
    began_ms = now_ms()
    length = min(500, int(rate // 10))
    with flowing(Order(house.settings.kafka.bootstrap, series, metric=METRIC, rate=rate, list_length=length)):
        wanted = watched(lambda: _known(house), min(WATCHED_SERIES, series))
        return {"rate": rate} | delay_figures(asyncio.run(_listen(house, key, wanted, seconds, began_ms, GRACE_S + series / rate)))


def watched(known: Callable[[], list[str]], count: int) -> list[str]:
    """So many of the known series, once there are as many. Raises Recoverable when there are not within KNOWN_WITHIN_S."""
    deadline = time.monotonic() + KNOWN_WITHIN_S
    while len(found := known()) < count:
        if time.monotonic() > deadline:
            raise Recoverable(f"{len(found)} of {count} series within {KNOWN_WITHIN_S:g} s: is the machine busy?")
        time.sleep(0.2)
    return found[:count]


def _known(house: BenchHouse) -> list[str]:
    rows = house.store.query(f"SELECT series_id FROM v_series WHERE metric = '{METRIC}' LIMIT {WATCHED_SERIES}").rows  # noqa: S608
    return [str(r[0]) for r in rows]


async def _listen(house: BenchHouse, key: str, wanted: list[str], seconds: float, began_ms: float, grace_s: float) -> Heard:
    url = f"ws://127.0.0.1:{house.settings.port}/api/v1/ws"
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {key}"}, proxy=None) as ws:
        return await listen(ws, wanted, seconds, began_ms, grace_s)


def pipeline(seconds: float = 120.0, series: int = 10_000, delay_s: float = 20.0, with_peers: bool = False) -> dict[str, Any]:
    """All figures of ``kizashi bench pipeline``."""
    if with_peers:
        bench_peers.refuse_without()
    with bench_house() as house:
        idle = house.rss_mb()
        key = house.kizashi("token", "create", "bench", "--scope", "read")["key"]
        delayed = {"delays": [delays(house, rate, delay_s, key, series) for rate in DELAY_RATES]}
        result = throughput(house, seconds, series) | delayed | {"idle_rss_mb": idle, "idle_rss_mb_total": round(sum(idle.values()))}
        if with_peers:
            found = bench_peers.peers(house.settings.kafka, series)
            result |= {"peers": found, "cpu_s_per_million_side_by_side": bench_peers.side_by_side(result["cpu_s_per_million"], found)}
        return result
