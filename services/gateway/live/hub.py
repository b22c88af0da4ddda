"""The hub: one tail of the log, many subscriptions. Everything here runs on the event loop; nothing here waits for a client.

Each flush (at most every ``flush_s``) cuts the rows that came since the last one into JSON fragments, one a series, once; a subscription's
message is a join of ready fragments, so a thousand subscriptions cost little more than one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from time import perf_counter
from typing import Any

import msgspec

from kizashi.clock import Clock
from kizashi.contracts import batches, topics
from kizashi.errors import BusUnavailable, InvalidMessage, KizashiError, NotFound
from kizashi.observe.logs import logger
from kizashi.observe.metrics import DELAY
from kizashi.settings import KafkaSettings
from kizashi.stream.live_tail import LiveTail, Place, read_spans
from kizashi.stream.records import Record
from services.gateway.live.findings import FindingDesk
from services.gateway.live.hot import HotRows
from services.gateway.live.lately import Lately
from services.gateway.live.recent import Recent
from services.gateway.live.rows import Fragment, Rows, Sieve, cut, fragments, join, pick_fragments, pieces
from services.gateway.live.subscription import SeriesSubscription

SCORES = topics.SCORES.name
REPLAY_BYTES = 64 << 20
"""Score messages that one resume may read again; a client that was away for longer loads the range anew."""
RECENT_S = 5.0
"""What a new subscription is given at once: longer than a sample takes from the score topic into the store, so that a chart that has just
loaded its range misses nothing between the answer and the first live point. Clients drop what they know already."""
RECENT_BYTES = 24 << 20
"""Most of it that is kept, of all partitions together: five seconds of a hundred thousand rows a second."""
BEGIN_S = 0.1
"""Those who join within it read the last seconds together."""
GATHER_S = 0.02
"""Not seen by a person; a hundred screens that open send a thousand subscriptions, and each would walk over all the others."""
SERIES_AT_ONCE = 300
"""Written in a millisecond or two; then whoever asked something meanwhile has a turn."""
SUBSCRIPTIONS_AT_ONCE = 50
OBSERVED = 0
"""Partition that is always followed, so that the delay of the pipeline is known when nobody looks: the only one when there are too many
series to keep all."""


class Hub:
    """Owns the live tail; ``subscribe`` and ``unsubscribe`` are all that a connection needs."""

    def __init__(
        self, kafka: KafkaSettings, clock: Clock, flush_s: float, partitions: int, delayed: Callable[[int], None] = lambda _: None
    ) -> None:
        self._delayed = delayed
        self._kafka, self._clock, self._flush_s = kafka, clock, flush_s
        self.partitions = partitions
        self.findings = FindingDesk()
        self._subs: set[SeriesSubscription] = set()
        self._sieve = Sieve(())
        self._following: asyncio.Future[None] | None = None
        self._joining: list[SeriesSubscription] = []
        self._rows: list[Rows] = []
        self._flushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.hot = HotRows(clock, partitions, self._followed, self._follow_soon)
        self.lately = Lately(clock, partitions, self._followed, self._follow_soon)
        self._tail = LiveTail(kafka, self._handle, {SCORES: RECENT_S}, self._missed)
        self._recent: dict[int, Recent[batches.ScoresBatch]] = {}
        self.busy_s = 0.0
        """CPU time spent in flushes and cuts."""
        self.freshest_ms = 0

    def newest(self, ids: Collection[int], follow: bool) -> dict[int, dict[str, Any]]:
        """Newest rows as the store would answer, of the series whose rows are at hand; with ``follow`` they will be, in a house of many."""
        if self.lately.kept:
            return self.lately.newest(ids)
        if follow:
            self.hot.want(ids, charted=False)
        return self.hot.newest(ids)

    def start(self) -> None:
        """Begin to follow and to flush."""
        self._follow()
        self._tail.start()
        self._spawn(self._flush_for_ever(), "live-flush")

    async def stop(self) -> None:
        """End all tasks."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tail.stop()

    async def wait_connected(self, within_s: float) -> bool:
        """Whether the log was being followed within this time."""
        wanted = frozenset((name, OBSERVED) for name in (SCORES, *self.findings.topics))
        try:
            await self._tail.wait_for(wanted, within_s)
        except BusUnavailable:
            return False
        return True

    @property
    def connected(self) -> bool:
        """Whether the log is being followed now."""
        return self._tail.connected

    @property
    def subscriptions(self) -> int:
        return len(self._subs)

    def subscribe(self, sub: SeriesSubscription) -> None:
        """Serve it from the next flush on; before that it gets what lies after its ``since``, or else the last few seconds."""
        self._subs.add(sub)
        self._spawn(self._join(sub, self._follow_soon()), "live-join")

    def unsubscribe(self, subs: Iterable[SeriesSubscription]) -> None:
        """Forget subscriptions; unknown ones are ignored."""
        gone = {s for s in subs if s in self._subs}
        if gone:
            self._subs -= gone
            self._follow_soon()

    def _spawn(self, work: object, name: str) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=name)  # type: ignore[arg-type]  # any coroutine
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _follow_soon(self) -> asyncio.Future[None]:
        """Done when what is subscribed now is followed. What is subscribed within GATHER_S costs one look at all subscriptions."""
        if self._following is None:
            loop = asyncio.get_running_loop()
            self._following = loop.create_future()
            loop.call_later(GATHER_S, self._follow)
        return self._following

    def _follow(self) -> None:
        wanted: set[Place] = {(SCORES, p) for sub in self._subs for p in sub.partitions}
        always = range(self.partitions) if self.lately.kept else (OBSERVED,)
        wanted |= {(SCORES, p) for p in {*always, *self.hot.wanted}}
        wanted |= {(name, p) for name in self.findings.topics for p in range(self.partitions)}
        self._tail.want(frozenset(wanted))
        self._sieve = Sieve(s for sub in self._subs for s in sub.series)
        if self._following is not None:
            self._following.set_result(None)
            self._following = None

    def _followed(self, partition: int) -> bool:
        return self._tail.caught_up(frozenset({(SCORES, partition)}))

    def _missed(self) -> None:
        self.hot.restart()
        self.lately.restart()

    def _position(self, partition: int) -> int:
        return self._tail.positions.get((SCORES, partition), 0)

    def _handle(self, record: Record) -> None:
        if record.topic != SCORES:
            self.findings.handle(record)
            return
        began = perf_counter()
        try:
            batch = batches.decode_scores(record.value)
        except InvalidMessage as x:  # the sink keeps it as a dead letter; a screen shows what can be read
            logger().warning("live.unreadable", offset=record.offset, error=str(x))
            return
        self.lately.take(record.partition, batch)
        self.hot.take(record.partition, batch)
        if len(batch.ids):
            self._recent.setdefault(record.partition, Recent(RECENT_S, RECENT_BYTES // self.partitions)).add(
                record.offset, batch, len(record.value), began
            )
            self.freshest_ms = max(self.freshest_ms, int(batch.ts.max()))
            if not self._tail.is_old(record):
                delay_ms = max(0, self._clock.now_ms() - batch.now_ms)
                DELAY.labels("live").observe(delay_ms / 1_000)
                self._delayed(delay_ms)
            at = self._sieve.pick(batch.ids)
            if len(at):
                self._rows.append(cut(batch, at))
                self._wake.set()
        self.busy_s += perf_counter() - began

    async def _flush_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            async with self._flushing:
                await self._flush_in_turns()
            await asyncio.sleep(self._flush_s)

    async def _flush_in_turns(self) -> None:
        for _ in self._timed(self._flush()):
            await asyncio.sleep(0)

    def _timed(self, steps: Iterator[None]) -> Iterator[None]:
        """The same steps; what they take counts as busy, what others do in between does not."""
        began = perf_counter()
        for _ in steps:
            self.busy_s += perf_counter() - began
            yield
            began = perf_counter()
        self.busy_s += perf_counter() - began

    def _flush(self) -> Iterator[None]:
        """Hand the rows that came since the last flush to every subscription that has joined; between its steps others may have a turn."""
        if not self._rows:
            return
        rows = join(self._rows)
        self._rows.clear()
        positions = {p: self._position(p) for p in range(self.partitions)}
        subs = [sub for sub in self._subs if sub.joined]
        found: dict[int, Fragment] = {}
        for piece in pieces(rows, SERIES_AT_ONCE):
            found |= piece
            yield
        for first in range(0, len(subs), SUBSCRIPTIONS_AT_ONCE):
            for sub in subs[first : first + SUBSCRIPTIONS_AT_ONCE]:
                if sub in self._subs and (mine := pick_fragments(sub.series, found)):
                    sub.deliver(sub.cursor(positions.__getitem__), mine)
            yield

    async def _join(self, sub: SeriesSubscription, followed: asyncio.Future[None]) -> None:
        """Wait until its partitions are read, then begin together with all others that wait."""
        await asyncio.shield(followed)
        try:
            await self._tail.wait_for(frozenset((SCORES, p) for p in sub.partitions))
        except KizashiError as x:
            sub.client.send(error_message(sub.id, str(x)))
            self.unsubscribe([sub])
            return
        if not self._joining:
            self._spawn(self._begin(), "live-begin")
        self._joining.append(sub)

    async def _begin(self) -> None:
        """Begin exactly at a flush: rows before it belong to the replay, or are the last seconds, rows after it are live."""
        await asyncio.sleep(BEGIN_S)
        joining, self._joining = self._joining, []
        async with self._flushing:
            await self._flush_in_turns()
            for _ in self._timed(self._flush()):  # the little that came meanwhile, in one go
                pass
            self._join_now([sub for sub in joining if sub in self._subs])

    def _join_now(self, joining: Sequence[SeriesSubscription]) -> None:
        found = self._last_seconds([sub for sub in joining if sub.since is None])
        for sub in joining:
            sub.joined = True
            if sub.since is None:
                sub.client.points(sub.id, sub.cursor(self._position), pick_fragments(sub.series, found))
            else:
                sub.replaying = True
                self._spawn(self._replay(sub, {p: self._position(p) for p in sub.partitions}), "live-replay")

    def _last_seconds(self, subs: Sequence[SeriesSubscription]) -> dict[int, Fragment]:
        """What came of their series in the last few seconds, as far as it is kept: read once for all of them."""
        began, sieve, rows = perf_counter(), Sieve(s for sub in subs for s in sub.series), []
        partitions = {p for sub in subs for p in sub.partitions}
        for batch in [b for p in sorted(partitions) if p in self._recent for b in self._recent[p].values(began)]:
            at = sieve.pick(batch.ids)
            if len(at):
                rows.append(cut(batch, at))
        found = fragments(join(rows)) if rows else {}
        self.busy_s += perf_counter() - began
        return found

    async def _replay(self, sub: SeriesSubscription, start: dict[int, int]) -> None:
        since = sub.since or {}
        spans = {p: (since.get(p, end), end) for p, end in start.items()}
        cursor = ",".join(f"{p}:{end}" for p, end in sorted(start.items()))
        rows: list[Rows] = []
        try:
            if any(a > b for a, b in spans.values()):
                raise NotFound("the cursor is ahead of the log: it belongs to another installation")
            sieve, read = Sieve(sub.series), 0
            async for record in read_spans(self._kafka, SCORES, spans):
                read += len(record.value)
                if read > REPLAY_BYTES:
                    raise NotFound("the connection was away for too long to catch up")
                batch = batches.decode_scores(record.value)
                at = sieve.pick(batch.ids)
                if len(at):
                    rows.append(cut(batch, at))
        except KizashiError as x:
            sub.client.send(error_message(sub.id, f"{x}; load the range again", gap=True))
            rows.clear()
        missed = fragments(join(rows)) if rows else {}
        sub.replay_ends([f.full for f in missed.values()], cursor)


def error_message(sub_id: str, detail: str, gap: bool = False) -> bytes:
    """An ``error`` message; ``gap`` says that points are missing between what the client has and what comes next."""
    body: dict[str, object] = {"op": "error", "id": sub_id, "detail": detail}
    return msgspec.json.encode(body | ({"gap": True} if gap else {}))
