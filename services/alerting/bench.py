"""What alerting costs: a storm through the chain alone, and episodes through the whole service to a webhook, on a broker of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from kizashi.contracts import codec, topics
from kizashi.contracts.findings import Alert, ConfigChange, Delivery, Episode
from kizashi.contracts.ids import tenant_partition
from kizashi.errors import Recoverable
from kizashi.settings import KafkaSettings
from kizashi.standalone import home as house
from kizashi.standalone import probe
from kizashi.standalone.kafka import KafkaProcess
from kizashi.stream.admin import ensure_topics
from kizashi.stream.config import load_signing_key, sign
from kizashi.stream.consumer import Lookout
from kizashi.stream.loop_producer import LoopProducer
from services.alerting.configuration import RunningSet
from services.alerting.rules import AnomalyRule
from services.alerting.tenant import Tenant

TENANT = "default"
STORM = 10_000
STORM_GROUPS = 100
STORM_S = 60.0
HOST = "localhost"
READY_WITHIN_S = 180.0
"""Imports alone take half a minute on a machine that others use up."""
STOP_WITHIN_S = 30.0
SETTLE_S = 20.0
PUBLISHED = {
    "who": "Keep: best published figure of an open alert hub",
    "source": "https://docs.keephq.dev/deployment/stress-testing",
    "alerts_a_minute": 1_000, "vcpus": 16, "alerts_a_minute_a_core": 62.5, "seconds_an_alert": 1.5,
}  # fmt: skip
"""Row "Digest Alert, 1,000 alerts per minute, 16 vCPUs, 32 GB RAM, ~1.5 seconds" of its specifications (read November 2026)."""


def episode(n: int, at_ms: int, group: int, state: str = "open") -> Episode:
    """A critical episode of series ``n`` of service ``group``."""
    made: dict[str, Any] = {
        "id": f"episode-{n}-{at_ms}", "version": 1 if state == "open" else 2, "tenant": TENANT, "series_id": f"{n:016x}",
        "metric": "latency", "labels": {"service": f"svc-{group}", "n": str(n)}, "kind": "anomaly", "state": state, "opened_ms": at_ms,
        "updated_ms": at_ms, "severity": "critical", "peak_score": 2.0, "value": 9.0, "expected": 1.0, "lower": 0.5, "upper": 1.5,
    }  # fmt: skip
    return Episode(**made)


def storm() -> dict[str, Any]:
    """10,000 alerts in a minute of simulated time through rules, states, gates, groups and outbox; every alert and message is counted."""
    running = RunningSet({"odd": AnomalyRule()})
    running.take("route", "tree", {"group_by": ["service"], "critical_wait_s": 0}, 0)
    running.take("inhibition", "i", {"source": ["kind=incident"], "target": ["kind=anomaly"], "equal": ["entity"]}, 0)
    running.take("silence", "s", {"match": ["service=nobody"], "ends_ms": 86_400_000, "owner": "bench", "reason": "cost"}, 0)
    t = Tenant(TENANT, running)
    t.advance(1_000)
    said: list[Any] = []
    published: set[str] = set()

    def collect() -> None:
        published.update(a.id for a in t.take())
        for m in t.outbox.waiting():
            said.append(m)
            t.delivery(Delivery(m.key, m.group, TENANT, m.channel, t.now_ms, "sent", dedup_key=m.key))

    began = time.perf_counter()
    for n in range(STORM):
        at = 1_000 + n * 6
        t.advance(at)
        t.episode(episode(n, at, n % STORM_GROUPS))
        if n % 100 == 99:
            collect()
    seconds = time.perf_counter() - began
    collect()
    in_storm = len(said)
    t.advance(t.now_ms + 310_000)
    collect()
    told = {i for g in t.groups.values() for i in g.told}
    return {
        "alerts": STORM, "groups": STORM_GROUPS, "alerts_a_second": round(STORM / seconds), "published": len(published),
        "messages_in_the_minute": in_storm, "messages_after_one_interval": len(said), "told": len(told), "lost": STORM - len(told),
    }  # fmt: skip


@dataclass
class Hook:
    """A webhook receiver on this machine: when each alert's message came, and how many messages each group got."""

    came_s: dict[str, float] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
            data = json.loads(await reader.readexactly(length))["data"]
            now = time.perf_counter()
            self.groups[data["group"]] = self.groups.get(data["group"], 0) + 1
            self.keys[data["key"]] = self.keys.get(data["key"], 0) + 1
            for a in data["alerts"]:
                self.came_s.setdefault(a["labels"]["n"], now)
            writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()


@contextlib.contextmanager
def _service(home: Path, kafka: KafkaSettings, hook_port: int) -> Any:
    """The alerting service as its own process."""
    port = probe.free_port()
    environment = os.environ | {
        "KIZASHI_HOME": str(home), "KIZASHI_KAFKA": kafka.bootstrap, "KIZASHI_OBSERVE_PORT": str(port), "KIZASHI_ALERTING_PORT": "0",
        "KIZASHI_ALERTING_HOSTS": f"{HOST}:{hook_port}",
    }  # fmt: skip
    with (home / "alerting.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "services", "run", "alerting"], env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + READY_WITHIN_S
            while not probe.http_ok(f"http://127.0.0.1:{port}/readyz", 2.0):
                if time.monotonic() > deadline or process.poll() is not None:
                    raise Recoverable(f"alerting did not become ready; see {home / 'alerting.log'}")
                time.sleep(0.2)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:  # what went wrong before must not be hidden by this
                process.kill()
                process.wait()


async def _configure(producer: LoopProducer, key: bytes, hook_port: int) -> None:
    """One channel, one route that speaks at once, default rules off but one without a wait."""
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("channel", "hook", {"type": "webhook", "url": f"http://{HOST}:{hook_port}/", "secret_file": "bench"}),
        ("rule", "anomaly", {"kind": "anomaly"}),
        ("route", "tree", {"channels": ["hook"], "group_by": ["service"], "critical_wait_s": 0}),
    ]
    for kind, id_, body in bodies:
        change = sign(ConfigChange(kind, id_, 0, body, "bench", time.time_ns() // 1_000_000, f"bench-{kind}"), key)
        await producer.send(topics.CONFIG.name, 0, id_.encode(), codec.encode(change))


async def _until(done: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not done() and time.monotonic() < deadline:  # noqa: ASYNC110 - what is waited for comes through a socket, not an event
        await asyncio.sleep(0.05)


async def _paced(producer: LoopProducer, first: int, count: int, rate: float, groups: int) -> dict[str, float]:
    """Send ``count`` episodes at ``rate`` a second; when each was sent."""
    sent: dict[str, float] = {}
    partition, began = tenant_partition(TENANT, KafkaSettings().partitions), time.perf_counter()
    under_way: set[asyncio.Task[int]] = set()
    for k in range(count):
        await asyncio.sleep(max(0.0, began + k / rate - time.perf_counter()))
        n = first + k
        e = episode(n, time.time_ns() // 1_000_000, first + k % groups)
        sent[str(n)] = time.perf_counter()
        task = asyncio.create_task(producer.send(topics.EPISODES.name, partition, e.id.encode(), codec.encode(e)))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    return sent


@contextlib.asynccontextmanager
async def _hook() -> AsyncIterator[tuple[Hook, int]]:
    hook = Hook()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    try:
        yield hook, int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _measure(home: Path, kafka: KafkaSettings, rate: float, seconds: float) -> dict[str, Any]:
    key = load_signing_key(home / "secrets" / "config.key")
    async with _hook() as (hook, hook_port), LoopProducer(kafka) as producer:
        await _configure(producer, key, hook_port)
        with contextlib.ExitStack() as stack:
            process = await asyncio.to_thread(stack.enter_context, _service(home, kafka, hook_port))
            await _paced(producer, 0, 50, 10, 50)  # imports, connections and the first snapshot are not what is measured
            await _until(lambda: len(hook.came_s) >= 50, SETTLE_S)
            count, used = round(rate * seconds), _cpu_s(process)
            sent = await _paced(producer, 1_000, count, rate, count)
            await _until(lambda: all(n in hook.came_s for n in sent), SETTLE_S)
            delays = sorted((hook.came_s[n] - at) * 1000 for n, at in sent.items() if n in hook.came_s)
            used = _cpu_s(process) - used
            before = dict(hook.groups)
            began, used_before = time.perf_counter(), _cpu_s(process)
            stormed = await _paced(producer, 1_000_000, STORM, STORM / STORM_S, STORM_GROUPS)
            alerts = await asyncio.to_thread(_published, kafka, set(stormed))
            storm_s, storm_cpu_s = time.perf_counter() - began, _cpu_s(process) - used_before
        more = {g: n - before.get(g, 0) for g, n in hook.groups.items() if n > before.get(g, 0)}
    return {
        "rate": rate, "episodes": count, "told": len(delays), "p50_ms": round(_at(delays, 0.5), 1), "p99_ms": round(_at(delays, 0.99), 1),
        "max_ms": round(delays[-1], 1) if delays else None, "cpu_ms_an_alert": round(1_000 * used / count, 2),
        "load_average": round(os.getloadavg()[0], 1), "cores": os.cpu_count(), "storm_alerts": len(stormed), "storm_published": alerts,
        "storm_seconds": round(storm_s, 1), "storm_alerts_a_minute": round(60 * alerts / storm_s),
        "storm_alerts_a_minute_a_core": round(60 * alerts / max(storm_cpu_s, 1e-9)), "published": PUBLISHED,
        "storm_groups": len(more), "storm_most_messages_a_group": max(more.values(), default=0),
        "repeated_keys": sum(n > 1 for n in hook.keys.values()),
    }  # fmt: skip


def _cpu_s(process: subprocess.Popen[bytes]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def _published(kafka: KafkaSettings, wanted: set[str]) -> int:
    """How many of the storm's series have a firing alert on the topic, once no more come."""
    found: set[str] = set()
    deadline = time.monotonic() + SETTLE_S
    while len(found) < len(wanted) and time.monotonic() < deadline:
        lookout = Lookout(kafka, topics.ALERTS.name, partition=tenant_partition(TENANT, kafka.partitions))
        alerts = (codec.decode(m.value() or b"", Alert) for m in lookout.until_end())
        found |= {n for a in alerts if a.state == "firing" and (n := a.labels.get("n", "")) in wanted}
        lookout.close()
    return len(found)


def _at(ordered: list[float], q: float) -> float:
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


def through_kafka(rate: float = 100.0, seconds: float = 30.0) -> dict[str, Any]:
    """Delay from an episode's send to its webhook at ``rate`` a second, then the storm, through a real broker and the real service."""
    with tempfile.TemporaryDirectory(prefix="kizashi-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        house.make_secrets(home)
        secret = home / "secrets" / "channels" / "bench"
        secret.parent.mkdir(parents=True)
        secret.write_text("whsec_" + base64.b64encode(os.urandom(32)).decode(), encoding="ascii")
        broker = KafkaProcess(home)
        broker.start()
        try:
            broker.wait_ready()
            kafka = KafkaSettings(bootstrap=broker.bootstrap)
            ensure_topics(kafka)
            return asyncio.run(_measure(home, kafka, rate, seconds))
        finally:
            broker.stop()
