"""The whole house under load: samples a second from producer to queryable row, CPU by stage, and delay to a WebSocket.

Counts whole-system work: native lists through ingest, every service running, rows asked for through the readers' view at the end.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import websockets

from services.demo.load import Order, instructions
from services.roof import bench_peers
from services.roof.bench_house import BenchHouse, bench_house

DRAIN_WITHIN_S = 300.0
DELAY_RATES = (5_000, 50_000)
SETTLED_S = 3.0
"""Ten flushes of the sink."""
WATCHED_SERIES = 20
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
        """Wait for the process to end."""
        self.process.wait(120)
        self._reader.join(5)

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


def throughput(house: BenchHouse, seconds: float, series: int) -> dict[str, Any]:
    """As fast as the house takes it, for ``seconds``, then until every sent sample is a row; figures by wall and by stage."""
    settled = _settled(house)
    warm = start_load(Order(house.settings.kafka.bootstrap, series=series, seconds=5, metric=METRIC, outstanding=500_000))
    base = _drain(house, warm, settled)
    earlier = house.rows(METRIC)
    before, begun = house.cpu_s(), time.monotonic()
    load = start_load(Order(house.settings.kafka.bootstrap, series=series, seconds=seconds, metric=METRIC))
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
    """Time from making a sample to its score on a WebSocket at ``rate`` samples a second; see ``delay_figures``."""
    began = time.monotonic()
    length = min(500, int(rate // 10))
    load = start_load(Order(house.settings.kafka.bootstrap, series, metric=METRIC, rate=rate, seconds=seconds + 8, list_length=length))
    found = asyncio.run(_listen(house, key, seconds))
    while not load.done:
        time.sleep(0.2)
    load.finish()
    return {"rate": rate} | delay_figures(found, began)


def delay_figures(found: list[tuple[float, float]], began: float) -> dict[str, float]:
    """p50 and p99 in ms of points (when it came in s, delay in ms), and of those of the second half alone.

    All together are what a person sees who opens a chart of series that have just begun; ``first_point_s`` is how long that person waits,
    from ``began``, when the first sample was sent.
    """
    if not found:
        return {"points": 0}
    half = (found[0][0] + found[-1][0]) / 2
    p50, p99 = np.percentile([delay for _, delay in found], [50, 99])
    settled = np.percentile([delay for at, delay in found if at >= half], [50, 99])
    return {
        "points": len(found),
        "first_point_s": round(found[0][0] - began, 1),
        "p50_ms": round(float(p50)),
        "p99_ms": round(float(p99)),
        "second_half_p50_ms": round(float(settled[0])),
        "second_half_p99_ms": round(float(settled[1])),
    }


async def _listen(house: BenchHouse, key: str, seconds: float) -> list[tuple[float, float]]:
    """When each score of some series reached a WebSocket (monotonic s) and its delay in ms, for ``seconds``.

    Of samples made since it subscribed: the few seconds before, with which a subscription begins, waited for us and not for the house.
    """
    wanted: list[str] = []
    while len(wanted) < WATCHED_SERIES:
        rows = house.store.query(f"SELECT series_id FROM v_series WHERE metric = '{METRIC}' LIMIT {WATCHED_SERIES}").rows  # noqa: S608
        wanted = [str(r[0]) for r in rows]
        await asyncio.sleep(0.2)
    out: list[tuple[float, float]] = []
    url = f"ws://127.0.0.1:{house.settings.port}/api/v1/ws"
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {key}"}) as ws:
        begun_ms = time.time_ns() / 1e6
        await ws.send(json.dumps({"op": "sub", "id": "bench", "series": wanted}))
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                message = json.loads(await asyncio.wait_for(ws.recv(), left))
            except TimeoutError:
                break
            if message.get("op") == "points":
                now = time.time_ns() / 1e6
                out += [(time.monotonic(), now - ts) for s in message["series"] for ts in s["ts"][-1:] if ts >= begun_ms]
    return out


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
