"""A gateway in the test's own loop, on the real broker and the real store, with people, keys and series of two tenants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from kizashi.contracts import batches, topics
from kizashi.contracts.batches import ScoresBatch
from kizashi.contracts.ids import series_id
from kizashi.settings import KafkaSettings, Settings, StoreSettings
from kizashi.store.client import Store, connect
from kizashi.store.migrate import migrate
from kizashi.stream.admin import ensure_topics
from kizashi.stream.loop_producer import LoopProducer
from services.gateway import credentials, login_link
from services.gateway.app import serve
from services.gateway.settings import GatewaySettings

READY_WITHIN_S = 30.0
FRESH = GatewaySettings(stale_s=0.0, warm=False)
"""Tests look at what they have just put in."""
SERIES = """
INSERT INTO series (series_id, tenant, metric, labels, service, host, unit, kind, seen)
SELECT {id:UInt64}, {tenant:String}, {metric:String}, map('service', {service:String}, 'host', {host:String}),
    {service:String}, {host:String}, '', 'gauge', now64(3)
"""
SAMPLES = """
INSERT INTO samples
    (series_id, ts, value, score, expected, lower, upper, flags, point, novelty, version, src_topic, src_partition, src_offset, landed_at)
SELECT s, fromUnixTimestamp64Milli({start:Int64} + i * {step:Int64}), i, i * 10, i, i - 1, i + 1, if(i > 100, 2, 0), 0, 0,
    2, 't', 0, i, now()
FROM (SELECT arrayJoin({ids:Array(UInt64)}) AS s, arrayJoin(range({count:UInt32})) AS i)
"""
CURRENT = """
INSERT INTO current SELECT series_id, ts, value, score, expected, lower, upper, flags FROM samples
WHERE series_id IN {ids:Array(UInt64)} ORDER BY ts DESC LIMIT 1 BY series_id
"""


@dataclass
class House:
    """A running gateway and the doors behind it."""

    url: str
    settings: Settings
    store: Store
    producer: LoopProducer
    keys: dict[str, str]
    """``TENANT/SCOPE+SCOPE`` → key."""

    def client(self, key: str = "") -> httpx.AsyncClient:
        """A client with a key, or with nothing."""
        headers = {"Authorization": f"Bearer {self.keys[key]}"} if key else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, trust_env=False)

    @contextlib.asynccontextmanager
    async def person(self) -> AsyncIterator[httpx.AsyncClient]:
        """A logged-in administrator, as a browser: cookie, origin and CSRF header."""
        async with self.client() as client:
            client.headers["Origin"] = self.url
            answer = await client.get("/login", params={"token": login_link.issue(self.settings.home)})
            assert answer.status_code == 303, answer.text
            client.headers["X-CSRF-Token"] = (await client.get("/api/v1/me")).json()["csrf"]
            yield client

    async def score(self, partition: int, rows: list[tuple[int, int, float]], score: float = 0.5, flags: int = 0) -> int:
        """Publish one score message with rows (series, time, value); its offset."""
        n = len(rows)
        ids, ts = np.array([r[0] for r in rows], np.uint64), np.array([r[1] for r in rows], np.int64)
        values, f32 = np.array([r[2] for r in rows], np.float64), np.full(n, score, np.float32)
        slices = (np.array([0], np.int64), np.array([n], np.uint32))
        batch = ScoresBatch("t", partition, 0, *slices, ids, ts, values, f32, f32, f32, f32, np.full(n, flags, np.uint8), f32, f32)
        return await self.producer.send(topics.SCORES.name, partition, None, batches.encode_scores(batch))

    def add_series(self, tenant: str, metric: str, labels: dict[str, str]) -> int:
        """Make a series known to the store; its id."""
        number = series_id(tenant, metric, labels)
        self.store.command(SERIES, {"id": number, "tenant": tenant, "metric": metric, **labels})
        return number

    def add_samples(self, series: list[int], start_ms: int, step_ms: int, count: int) -> None:
        """Land ``count`` samples of each series: value is the position, score is value / 100."""
        self.store.command(SAMPLES, {"ids": series, "start": start_ms, "step": step_ms, "count": count})
        self.store.command(CURRENT, {"ids": series})


@contextlib.asynccontextmanager
async def house(kafka: KafkaSettings, clickhouse: StoreSettings, home: Path, limits: GatewaySettings = FRESH) -> AsyncIterator[House]:
    """Start everything that a gateway needs, and the gateway; stop it in order."""
    await asyncio.to_thread(ensure_topics, kafka)
    await asyncio.to_thread(migrate, clickhouse)
    port, ingest_port, alerting_port = free_port(), free_port(), free_port()
    (home / "secrets").mkdir(parents=True, exist_ok=True)
    (home / "secrets" / "config.key").write_bytes(b"k" * 32 + home.name.encode())  # a key of its own: other tests' changes are not ours
    keys = write_keys(home)
    settings = Settings(home=home, port=port, ingest_port=ingest_port, alerting_port=alerting_port, kafka=kafka, store=clickhouse)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop, limits))
    store = await asyncio.to_thread(connect, clickhouse)
    try:
        async with LoopProducer(kafka) as producer:
            running = House(f"http://127.0.0.1:{port}", settings, store, producer, keys)
            await until_ready(running, serving)
            yield running
    finally:
        stop.set()
        await serving
        store.close()


def write_keys(home: Path) -> dict[str, str]:
    """Keys in the key file of this home: every tenant with every useful set of rights."""
    keys: dict[str, str] = {}
    listed = []
    for tenant in ("default", "acme"):
        for scopes in ("read", "read+operate", "read+operate+admin", "ingest"):
            text, prefix, sha256 = credentials.new_key()
            keys[f"{tenant}/{scopes}"] = text
            listed.append({"prefix": prefix, "sha256": sha256, "tenant": tenant, "scopes": scopes.split("+"), "name": f"{tenant} {scopes}"})
    (home / "secrets" / "api_keys.json").write_text(json.dumps(listed))
    return keys


async def until_ready(running: House, serving: asyncio.Task[None]) -> None:
    """Return when the gateway answers; fail with its error when it ended."""
    async with asyncio.timeout(READY_WITHIN_S), running.client() as client:
        while True:
            if serving.done():
                serving.result()
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/api/v1/me")).status_code == 401:
                    return
            await asyncio.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def unique_labels(service: str = "web") -> dict[str, str]:
    """Labels of a series that no other test has."""
    return {"service": service, "host": f"h-{secrets.token_hex(4)}"}
