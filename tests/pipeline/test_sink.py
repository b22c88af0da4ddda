"""The sink on the real broker and the real store: exactly once through crashes, waits and bad messages."""

from __future__ import annotations

import asyncio
import time
import zlib

import numpy as np
import pytest

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import ScoresBatch, SeriesInfo, encode_scores
from kizashi.contracts.findings import Episode
from kizashi.observe.health import Health
from kizashi.settings import KafkaSettings, Settings, StoreSettings
from kizashi.store.client import Store, connect
from kizashi.store.migrate import migrate
from kizashi.stream.admin import ensure_topics
from kizashi.stream.producer import Producer, Record
from services.sink.app import Flow
from services.sink.settings import Pace

pytestmark = pytest.mark.pipeline
PACE = Pace(linger_s=0.05, poll_ms=20, retry_s=0.05, retry_most_s=0.2, tier_every_s=3_600)
PLAIN, GAPPED, POISONED = 3, 1, 2
"""Partitions of the shared scores topic: the topic id tells the tests' rows apart; a gap stops a partition for every reader."""


@pytest.fixture(scope="module")
def bus(kafka: KafkaSettings) -> KafkaSettings:
    ensure_topics(kafka)
    return kafka


def scores(topic_id: str, first: int, slices: int, partition: int = PLAIN, rows: int = 3) -> Record:
    """A batch whose values tell offset and row apart."""
    n = slices * rows
    offsets = np.arange(first, first + slices)
    zero = np.zeros(n, np.float32)
    ids = np.full(n, zlib.crc32(topic_id.encode()), np.uint64)
    ts = 1_700_000_000_000 + np.repeat(offsets, rows) * 1_000 + np.tile(np.arange(rows), slices)
    batch = encode_scores(
        ScoresBatch(
            topic_id, partition, time.time_ns() // 1_000_000, offsets, np.full(slices, rows, np.uint32), ids, ts,
            np.arange(n, dtype=np.float64), zero, zero, zero, zero, np.zeros(n, np.uint8), zero, zero,
        )
    )  # fmt: skip
    return Record(topics.SCORES.name, batch, partition=partition)


def produce(bus: KafkaSettings, *records: Record) -> None:
    sender = Producer(bus, "test")
    for record in records:
        sender.send(record)
    sender.flush(20.0)


async def until(store: Store, sql: str, wanted: object, parameters: dict[str, str] | None = None, within_s: float = 20.0) -> None:
    """Wait for the first value of a query to be ``wanted``."""
    deadline = time.monotonic() + within_s
    got: object = None
    while time.monotonic() < deadline:
        got = (await asyncio.to_thread(store.query, sql, parameters)).rows[0][0]
        if got == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{sql} gives {got}, not {wanted}")


class Sink:
    """A sink in this loop; ``async with`` waits until it has joined its group, and stops it."""

    def __init__(self, bus: KafkaSettings, clickhouse: StoreSettings, group: str) -> None:
        self.health = Health("sink", needs=("bus", "store"))
        self._flow = Flow(Settings(kafka=bus, store=clickhouse), self.health, PACE, group)
        self._stop = asyncio.Event()

    async def __aenter__(self) -> Sink:
        self._task = asyncio.create_task(self._flow.run(self._stop))
        try:
            async with asyncio.timeout(60):  # a broker's very first group takes its time, which is not what these tests measure
                while not self._joined():  # noqa: ASYNC110  # health has no event
                    await asyncio.sleep(0.02)
        except TimeoutError:
            self._stop.set()
            await asyncio.wait({self._task}, timeout=15)
            raise AssertionError(f"the sink has no partitions after a minute: {self.health.report()}") from None
        return self

    def _joined(self) -> bool:
        """Whether partitions were assigned, which is when the sink first speaks of its fence. Raises what ended the sink."""
        if self._task.done():
            self._task.result()
            raise AssertionError("the sink ended before it joined its group")
        parts = self.health.report()["parts"]
        return bool(parts["bus"]["ready"] and "fence" in parts)  # type: ignore[index,operator]

    async def until_not(self, part: str) -> None:
        """Wait for a part to be reported as not ready."""
        async with asyncio.timeout(15):
            while self.health.report()["parts"][part]["ready"]:  # type: ignore[index]  # noqa: ASYNC110  # health has no event
                await asyncio.sleep(0.02)

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._task


COUNT = "SELECT count() FROM samples WHERE src_topic = {t:String}"
DISTINCT = "SELECT uniqExact(series_id, ts) FROM samples FINAL WHERE src_topic = {t:String}"


async def test_repeated_slices_land_once(bus: KafkaSettings, clickhouse: StoreSettings, store: Store, unique: str) -> None:
    produce(bus, scores(unique, 0, 10))
    async with Sink(bus, clickhouse, unique):
        await until(store, COUNT, 30, {"t": unique})
        # a scorer that restarted: the last four slices again, then two new ones, in one batch
        produce(bus, scores(unique, 6, 6))
        await until(store, COUNT, 36, {"t": unique})
    async with Sink(bus, clickhouse, f"{unique}-reread"):  # another group reads all of it again: nothing is new
        produce(bus, scores(unique, 12, 1))
        await until(store, DISTINCT, 39, {"t": unique})
    assert store.query(COUNT, {"t": unique}).rows[0][0] == 39


async def test_rows_without_watermark_are_found(bus: KafkaSettings, clickhouse: StoreSettings, store: Store, unique: str) -> None:
    produce(bus, scores(unique, 0, 5))
    async with Sink(bus, clickhouse, unique):
        await until(store, COUNT, 15, {"t": unique})
    store.command("TRUNCATE TABLE watermarks")  # as if the sink had died between data and watermark, before the commit
    async with Sink(bus, clickhouse, f"{unique}-2"):
        produce(bus, scores(unique, 3, 4))
        await until(store, DISTINCT, 21, {"t": unique})
    assert store.query(COUNT, {"t": unique}).rows[0][0] == 21


async def test_a_partition_that_carried_ticks_alone_goes_on_after_a_restart(
    bus: KafkaSettings, clickhouse: StoreSettings, store: Store, unique: str
) -> None:
    produce(bus, scores(unique, 0, 2))
    async with Sink(bus, clickhouse, unique):
        await until(store, COUNT, 6, {"t": unique})
        produce(bus, scores(unique, 2, 5, rows=0))
        await until(store, "SELECT max(next_offset) FROM watermarks WHERE topic_id = {t:String}", 7, {"t": unique})
    async with Sink(bus, clickhouse, unique):
        produce(bus, scores(unique, 7, 1))
        await until(store, COUNT, 9, {"t": unique})


async def test_a_gap_stops_the_partition_and_the_others_go_on(
    bus: KafkaSettings, clickhouse: StoreSettings, store: Store, unique: str
) -> None:
    produce(bus, scores(unique, 0, 2, GAPPED))
    async with Sink(bus, clickhouse, unique) as sink:
        await until(store, COUNT, 6, {"t": unique})
        produce(bus, scores(unique, 4, 2, GAPPED))
        await sink.until_not("fence")
        info = SeriesInfo(5, "default", "cpu", {"service": "a"})
        produce(bus, Record(topics.SERIES.name, codec.encode(info), b"0", partition=0))
        await until(store, "SELECT count() FROM series WHERE series_id = 5", 1)
    assert store.query(COUNT, {"t": unique}).rows[0][0] == 6


async def test_store_away_waits_and_loses_nothing(bus: KafkaSettings, unique: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.store_process import StoreProcess

    server = StoreProcess(tmp_path_factory.mktemp("away"))
    server.start()
    try:
        await asyncio.to_thread(migrate, server.settings)
        produce(bus, scores(unique, 0, 4))
        async with Sink(bus, server.settings, unique) as sink:
            door = await asyncio.to_thread(connect, server.settings)
            await until(door, COUNT, 12, {"t": unique})
            server.kill()
            for k in range(1, 6):
                produce(bus, scores(unique, 4 * k, 4))
            await sink.until_not("store")
            await asyncio.to_thread(server.start)
            await until(door, COUNT, 72, {"t": unique}, within_s=30)
            await until(door, DISTINCT, 72, {"t": unique})
            door.close()
    finally:
        assert server.stop() == 0


async def test_invalid_messages_become_dead_letters(bus: KafkaSettings, clickhouse: StoreSettings, store: Store, unique: str) -> None:
    from kizashi.stream.consumer import Lookout
    from kizashi.stream.dead_letters import from_headers

    good = Episode(f"e-{unique}", 1, "default", "00000000000000ff", "cpu", {"service": "a"}, "anomaly", "open", 1_000, 2_000)
    produce(
        bus,
        Record(topics.EPISODES.name, b"{not json", b"x", POISONED),
        Record(topics.EPISODES.name, codec.encode(good).replace(b"00000000000000ff", b"no-series"), b"y", POISONED),
        Record(topics.EPISODES.name, codec.encode(good), b"z", POISONED),
        Record(topics.SCORES.name, b"\x00" + unique.encode(), partition=POISONED),
        scores(unique, 0, 2, POISONED),
    )
    async with Sink(bus, clickhouse, unique):
        await until(store, COUNT, 6, {"t": unique})
        await until(store, "SELECT count() FROM episodes WHERE id = {t:String}", 1, {"t": f"e-{unique}"})
    found = []
    for topic in (topics.EPISODES.dead_letters, topics.SCORES.dead_letters):
        lookout = Lookout(bus, topic)
        found += [(from_headers(m.headers()).reason, m.value()) for m in lookout.until_end()]
        lookout.close()
    assert ("json", b"{not json") in found
    assert ("schema", b"\x00" + unique.encode()) in found
    assert any(reason == "schema" and b"no-series" in (value or b"") for reason, value in found)
