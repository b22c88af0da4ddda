"""The sink's flow: read, flush in an executor, watermark, commit; wait while the store is away.

One flush is being written while the next is read; when both are full, reading pauses and the group's membership goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from kizashi.contracts import topics
from kizashi.errors import BusUnavailable, InvalidMessage, KizashiError, NotFound, StoreUnavailable
from kizashi.observe import metrics
from kizashi.observe.health import Health, ObservePort
from kizashi.observe.logs import logger
from kizashi.settings import Settings
from kizashi.store.client import Store, connect
from kizashi.stream.admin import BusAdmin
from kizashi.stream.batch_reader import BatchReader, wait_until
from kizashi.stream.dead_letters import DeadLetterLimit, dead_letter, to_record
from kizashi.stream.producer import AsyncProducer, Producer
from kizashi.stream.records import Record
from services.sink.fence import Gap
from services.sink.landing import TOPICS, Flush, Lander
from services.sink.settings import GROUP, Pace
from services.sink.tiers import Tiers

T = TypeVar("T")


class GaveUp(KizashiError):
    """The flush belongs to an assignment that has ended; its records are read again by the new owner."""


class TooManyInvalid(KizashiError):
    """Most of what comes cannot be read: stop instead of draining the topic into the dead letters."""


class Flow:
    """From the reader to the tables. ``run`` returns after ``stop`` with everything read written and committed, or raises."""

    def __init__(self, settings: Settings, health: Health, pace: Pace | None = None, group: str = GROUP) -> None:
        self._settings, self._health, self._pace = settings, health, pace or Pace()
        self._reader = BatchReader(settings.kafka, group, TOPICS, self._revoked, self._assigned)
        self._pending: list[Record] = []
        self._pending_bytes = 0
        self._since = 0.0
        self._flushing: asyncio.Task[None] | None = None
        self._assignment = 0
        self._limit = DeadLetterLimit()
        self._tiers_due = self._lag_due = 0.0
        self._rolling: asyncio.Task[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``."""
        store = await self._connected(stop)
        if store is None:
            return
        self._lander = Lander(store, self._log_lost_it)
        self._tiers = Tiers(store)
        if not await wait_until(self._reader.start, stop):
            store.close()
            return
        self._health.mark("bus", True)
        self._letters = AsyncProducer(Producer(self._settings.kafka, "kizashi-sink"))
        try:
            await self._turn_until(stop)
        finally:
            if self._rolling:
                self._rolling.cancel()
            await self._reader.stop()
            await asyncio.get_running_loop().run_in_executor(None, self._letters.close)
            store.close()

    async def _turn_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._health.turn()
            full = self._pending_bytes >= self._pace.flush_bytes
            if full and self._flushing:
                self._reader.hold()
            else:
                self._reader.go_on()
            records = await self._reader.read(self._pace.poll_ms)
            self._take(records)
            await self._maybe_flush()
            self._chores()
        await self._finish()

    def _take(self, records: list[Record]) -> None:
        if records and not self._pending:
            self._since = time.monotonic()
        self._pending += records
        self._pending_bytes += sum(len(r.value) for r in records)

    async def _maybe_flush(self) -> None:
        if self._flushing is not None:
            if not self._flushing.done():
                return
            task, self._flushing = self._flushing, None
            await task
        if self._pending and self._pace.due(self._pending_bytes, time.monotonic() - self._since):
            records, self._pending, self._pending_bytes = self._pending, [], 0
            self._flushing = asyncio.create_task(self._flush(records, self._assignment), name="flush")

    async def _finish(self) -> None:
        """At stop: write what was read, within the time the supervisor grants; what is not written is read again."""
        try:
            async with asyncio.timeout(self._pace.hand_over_s / 2):
                while self._pending or self._flushing:
                    if self._flushing:
                        await asyncio.wait({self._flushing})
                    self._since = 0.0
                    await self._maybe_flush()
        except TimeoutError:
            logger().warning("sink.stopped_with_unwritten", records=len(self._pending))

    async def _flush(self, records: list[Record], assignment: int) -> None:
        with metrics.BATCH.labels("sink").time():
            try:
                flush = await self._insist(lambda: self._lander.prepare(records, _now_ms()), assignment)
                records.clear()  # megabytes that nobody needs any more while the store is waited for
                await self._insist(lambda: self._lander.write(flush), assignment)
                await self._bury(flush, assignment)
            except GaveUp:
                return
            await self._commit(flush)
        self._observe(flush)

    async def _insist(self, work: Callable[[], T], assignment: int) -> T:
        """Run blocking work until the store takes it; raises GaveUp when the assignment has ended meanwhile."""
        pause = self._pace.retry_s
        while True:
            try:
                result = await asyncio.get_running_loop().run_in_executor(None, work)
            except (StoreUnavailable, NotFound, BusUnavailable) as x:
                self._health.mark("store", False, str(x)[:300])
                logger().warning("sink.waiting_for_store", error=str(x)[:300], pause_s=pause)
            else:
                self._health.mark("store", True)
                return result
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._pace.retry_most_s)
            if assignment != self._assignment:
                raise GaveUp("the partitions went to another member")

    async def _bury(self, flush: Flush, assignment: int) -> None:
        """Set invalid messages aside, acknowledged, before their offsets are committed."""
        if self._limit.passed(good=flush.messages - len(flush.dead), bad=len(flush.dead)):
            raise TooManyInvalid("more than half of the last messages cannot be read: is a newer program writing to these topics?")
        letters = []
        for record, error in flush.dead:
            logger().warning(
                "sink.dead_letter", topic=record.topic, partition=record.partition, offset=record.offset, error=str(error)[:300]
            )
            metrics.DEAD_LETTERED.labels(record.topic, error.reason).inc()
            letters.append(
                to_record(dead_letter(record.topic, record.partition, record.offset, error, _now_ms()), record.value, record.key)
            )
        while letters:
            try:
                await self._letters.deliver(letters, 30.0)
                return
            except (BusUnavailable, InvalidMessage) as x:
                logger().warning("sink.waiting_for_bus", error=str(x)[:300])
            await asyncio.sleep(self._pace.retry_s)
            if assignment != self._assignment:
                raise GaveUp("the partitions went to another member")

    async def _commit(self, flush: Flush) -> None:
        try:
            await self._reader.commit({place: offset for place, offset in flush.commits.items() if place in self._reader.partitions()})
        except BusUnavailable as x:
            logger().warning("sink.commit_failed", error=str(x)[:300])  # the next flush commits further; until then a restart reads again
        for place, gap in flush.stopped.items():
            self._stop_partition(place, gap)

    def _stop_partition(self, place: tuple[str, int], gap: Gap) -> None:
        self._reader.stop_partition(place)
        self._pending = [r for r in self._pending if (r.topic, r.partition) != place]
        self._pending_bytes = sum(len(r.value) for r in self._pending)
        self._health.mark("fence", False, str(gap))
        logger().error("sink.gap", topic=place[0], partition=place[1], expected=gap.expected, got=gap.got, error=str(gap))

    def _log_lost_it(self, record: Record, gap: Gap) -> bool:
        """Whether retention took what is missing: the samples are gone from their topic, or the scores topic begins with this record."""
        begins = BusAdmin(self._settings.kafka).begin_offsets([topics.SAMPLES.name, topics.SCORES.name])
        samples_gone = begins.get((topics.SAMPLES.name, gap.source[1]), 0) >= gap.got
        return samples_gone or 0 < record.offset <= begins.get((topics.SCORES.name, record.partition), 0)

    def _observe(self, flush: Flush) -> None:
        now = _now_ms()
        for made in flush.written_by_ms:
            metrics.DELAY.labels("stored").observe(max(0, now - made) / 1_000)
        if flush.newest_ms:
            metrics.FRESHNESS.labels("stored").set(max(0, now - flush.newest_ms) / 1_000)

    def _chores(self) -> None:
        now = time.monotonic()
        if now >= self._lag_due:
            self._lag_due = now + self._pace.lag_every_s
            asyncio.get_running_loop().create_task(self._measure_lag())
        leader = (topics.SERIES.name, 0) in self._reader.partitions()
        if leader and now >= self._tiers_due and (self._rolling is None or self._rolling.done()):
            self._tiers_due = now + self._pace.tier_every_s
            self._rolling = asyncio.create_task(self._roll())

    async def _measure_lag(self) -> None:
        for topic, lag in (await self._reader.lag()).items():
            metrics.LAG.labels(topic).set(lag)

    async def _roll(self) -> None:
        """Bring the coarse tiers up to date; a store that is away is tried again next time."""
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._tiers.roll)
        except (StoreUnavailable, NotFound) as x:
            logger().warning("sink.tiers_wait", error=str(x)[:300])

    async def _connected(self, stop: asyncio.Event) -> Store | None:
        while not stop.is_set():
            self._health.turn()
            try:
                store = await asyncio.get_running_loop().run_in_executor(None, connect, self._settings.store, None, "sink")
            except (StoreUnavailable, NotFound) as x:
                self._health.mark("store", False, str(x)[:300])
                logger().warning("sink.waiting_for_store", error=str(x)[:300])
                await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=self._pace.retry_s)
            else:
                self._health.mark("store", True)
                return store
        return None

    async def _revoked(self) -> None:
        """Before partitions go: let the running flush end and commit, within what the group waits for."""
        self._pending, self._pending_bytes = [], 0
        if self._flushing:
            await asyncio.wait({self._flushing}, timeout=self._pace.hand_over_s)
        self._assignment += 1

    async def _assigned(self) -> None:
        self._pending, self._pending_bytes = [], 0
        self._lander.forget()
        self._health.mark("fence", True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """The service: runs until ``stop``."""
    health = Health("sink", needs=("bus", "store", "fence"))
    port = ObservePort(health, settings.observe_port, settings.bind)
    logger().info("service.starting", observe_port=port.port)
    try:
        await Flow(settings, health).run(stop)
    finally:
        port.close()
