"""One flush: records to blocks, fenced; blocks to tables, in an order that a crash cannot hurt. Blocking; runs in an executor.

Order: meaning of series, samples, newest rows, findings, then the watermarks. Offsets are committed by the caller after all of it.
A crash between data and watermark is found on the next assignment by the offsets in the rows themselves.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from kizashi.contracts import topics
from kizashi.contracts.batches import decode_scores
from kizashi.errors import InvalidMessage
from kizashi.observe import metrics
from kizashi.observe.logs import logger
from kizashi.store import watermarks
from kizashi.store.blocks import Block
from kizashi.store.client import Store
from kizashi.store.watermarks import Watermark
from kizashi.stream.records import Record
from services.sink.fence import Fence, Gap
from services.sink.finding_rows import LANDINGS, Landed, decode, misfits
from services.sink.score_rows import Arrival, current_block, sample_block

SAMPLES = "samples"
TOPICS: tuple[str, ...] = (topics.SCORES.name, *LANDINGS)
Place = tuple[str, int]
HoleCheck = Callable[[Record, Gap], bool]
"""True when the log itself no longer holds what is missing: retention overtook the scorer or the sink."""


ROWS_AT_ONCE = 500_000
"""Rows of one insert, about 35 MB: after a pause the reader hands over far more than a server takes in one body."""


@dataclass(frozen=True)
class Insert:
    """One block for one table; ``token`` makes a repeat harmless."""

    table: str
    block: Block
    token: str = ""


@dataclass
class Flush:
    """What one batch of records comes to. ``inserts`` shrinks while it is written, so that a retry goes on where it stopped."""

    inserts: list[Insert] = field(default_factory=list)
    marks: list[Watermark] = field(default_factory=list)
    commits: dict[Place, int] = field(default_factory=dict)
    dead: list[tuple[Record, InvalidMessage]] = field(default_factory=list)
    stopped: dict[Place, Gap] = field(default_factory=dict)
    new_series: bool = False
    messages: int = 0
    rows: int = 0
    newest_ms: int = 0
    written_by_ms: list[int] = field(default_factory=list)


class Lander:
    """Turns records into inserts, and writes them. One a process; used by one flush at a time."""

    def __init__(self, store: Store, hole: HoleCheck) -> None:
        self._store = store
        self._hole = hole
        self._fence = Fence()
        self._asked: set[int] = set()
        self._excused: set[int] = set()
        self._series: dict[int, tuple[str, str]] = {}

    def forget(self) -> None:
        """After a rebalance: marks are asked of the store again."""
        self._fence.forget()
        self._asked.clear()
        self._excused.clear()

    def prepare(self, records: Sequence[Record], now_ms: int) -> Flush:
        """Decode, fence, build blocks. Raises StoreUnavailable when marks cannot be read; then nothing has changed."""
        flush = Flush(messages=len(records))
        by_topic: dict[str, list[Record]] = defaultdict(list)
        for record in records:
            by_topic[record.topic].append(record)
        scores = by_topic.pop(topics.SCORES.name, [])
        self._ask_marks({r.partition for r in scores})
        for topic, some in sorted(by_topic.items(), key=lambda kv: kv[0] != topics.SERIES.name):
            self._findings(topic, some, flush, now_ms)
        self._scores(scores, flush, now_ms)
        return flush

    def write(self, flush: Flush) -> None:
        """Insert what is left of the flush, then its watermarks. Raises StoreUnavailable; calling again goes on."""
        while flush.inserts:
            insert = flush.inserts[0]
            self._store.insert_block(insert.table, insert.block, insert.token)
            metrics.LANDED.labels(insert.table).inc(insert.block.rows)
            flush.inserts.pop(0)
        if flush.marks:
            watermarks.write(self._store, flush.marks)
            flush.marks = []
        if flush.new_series:
            self._store.command("SYSTEM RELOAD DICTIONARY series_dict")
            flush.new_series = False

    def _ask_marks(self, partitions: Iterable[int]) -> None:
        for partition in sorted(set(partitions) - self._asked):
            known = watermarks.read(self._store, SAMPLES, partition)
            found = watermarks.landed(self._store, partition, known)
            for topic_id in known.keys() | found.keys():
                mark = known[topic_id].next_offset if topic_id in known else 0
                if found.get(topic_id, 0) > mark:
                    logger().warning("sink.found_after_crash", partition=partition, watermark=mark, landed=found[topic_id])
                self._fence.raise_to((topic_id, partition), max(mark, found.get(topic_id, 0)))
            self._asked.add(partition)

    def _scores(self, records: list[Record], flush: Flush, now_ms: int) -> None:
        arrivals: list[Arrival] = []
        reached: dict[tuple[str, int], Watermark] = {}
        for record in records:
            place = (record.topic, record.partition)
            if place in flush.stopped:
                continue
            try:
                arrival = self._fenced(record, now_ms)
            except InvalidMessage as x:
                flush.dead.append((record, x))
                self._excused.add(record.partition)  # its slices are missing from here on, and we know why
            except Gap as x:
                flush.stopped[place] = x
                continue
            else:
                flush.written_by_ms.append(arrival.batch.now_ms)
                metrics.CUT_OFF.labels(record.topic).inc(arrival.cut.first_row)
                if arrival.rows:
                    arrivals.append(arrival)
                if batch_end := [int(offset) + 1 for offset in arrival.batch.offsets[-1:]]:
                    source = (arrival.batch.topic_id, arrival.batch.partition)
                    reached[source] = Watermark(*source, SAMPLES, arrival.day, batch_end[0])
            flush.commits[place] = record.offset + 1
        self._sample_inserts(arrivals, flush)
        marked = {(m.topic_id, m.partition): m.next_offset for m in flush.marks}
        # a partition that carries only ticks has no rows, but its place is committed: without a mark a restart would see a gap
        flush.marks += [m for source, m in reached.items() if m.next_offset > marked.get(source, 0)]

    def _fenced(self, record: Record, now_ms: int) -> Arrival:
        batch = decode_scores(record.value)
        try:
            cut = self._fence.cut(batch)
        except Gap as gap:
            if record.partition not in self._excused and not self._hole(record, gap):
                raise
            logger().warning("sink.hole_passed", partition=gap.source[1], expected=gap.expected, got=gap.got)
            self._fence.raise_to(gap.source, gap.got)
            return self._fenced(record, now_ms)  # the batch may have another gap behind this one
        self._excused.discard(record.partition)
        self._fence.take(batch)
        landed_ms = min(record.timestamp_ms, now_ms) if record.timestamp_ms > 0 else now_ms
        return Arrival(batch, cut, landed_ms // 1_000)

    def _sample_inserts(self, arrivals: list[Arrival], flush: Flush) -> None:
        arrivals.sort(key=lambda a: (a.day, a.batch.topic_id))  # stable: offsets stay in order within a partition
        for day, topic_id, group in _parts(arrivals):
            spans: dict[int, tuple[int, int]] = {}
            for a in group:
                first, last = int(a.batch.offsets[a.cut.first_slice]), int(a.batch.offsets[-1])
                spans[a.batch.partition] = (spans.get(a.batch.partition, (first, last))[0], last)
            name = f"{topic_id}/{day}/{sorted(spans.items())}"
            block = sample_block(group)
            flush.inserts.append(Insert(SAMPLES, block, hashlib.sha256(name.encode()).hexdigest()[:32]))
            flush.marks += [Watermark(topic_id, p, SAMPLES, day, last + 1) for p, (_, last) in sorted(spans.items())]
            flush.rows += block.rows
        if arrivals:
            flush.newest_ms = max(int(a.batch.ts[a.cut.first_row :].max()) for a in arrivals)
            flush.inserts.append(Insert("current", current_block(arrivals)))

    def _findings(self, topic: str, records: list[Record], flush: Flush, now_ms: int) -> None:
        good: list[tuple[Record, Landed]] = []
        for record in records:
            flush.commits[record.topic, record.partition] = record.offset + 1
            if not record.value:
                continue  # a tombstone of a compacted topic: nothing to land
            try:
                good.append((record, Landed(decode(topic, record.value), record.offset, record.timestamp_ms)))
            except InvalidMessage as x:
                flush.dead.append((record, x))
        wrong = misfits(topic, [landed for _, landed in good])
        flush.dead += [(good[k][0], x) for k, x in wrong.items()]
        found = [landed for k, (_, landed) in enumerate(good) if k not in wrong]
        if topic == topics.SERIES.name:
            found = self._unknown_series(found)
            flush.new_series = flush.new_series or bool(found)
        if found:
            blocks = LANDINGS[topic].rows(found, now_ms)
            flush.inserts += [Insert(table, block) for table, block in blocks]
            flush.rows += sum(block.rows for _, block in blocks)

    def _unknown_series(self, found: list[Landed]) -> list[Landed]:
        """Announcements that say something new: a writer that restarts announces all its series again."""
        unsure = [f.message.id for f in found if f.message.id not in self._series]
        if len(self._series) > 1_000_000:
            self._series.clear()
        for at in range(0, len(unsure), 5_000):
            rows = self._store.query(
                "SELECT series_id, toString(unit), toString(kind) FROM series FINAL WHERE series_id IN {ids:Array(UInt64)}",
                {"ids": unsure[at : at + 5_000]},
            ).rows
            self._series |= {int(i): (str(unit), str(kind)) for i, unit, kind in rows}
        new = [f for f in found if self._series.get(f.message.id) != (f.message.unit, f.message.kind)]
        self._series |= {f.message.id: (f.message.unit, f.message.kind) for f in new}
        return new


def _parts(arrivals: Sequence[Arrival]) -> Iterable[tuple[str, str, list[Arrival]]]:
    """Arrivals, sorted by day and topic id, cut into inserts; a message is never divided, so that what landed is a prefix of the log."""
    for (day, topic_id), some in groupby(arrivals, key=lambda a: (a.day, a.batch.topic_id)):
        part: list[Arrival] = []
        rows = 0
        for arrival in some:
            if part and rows + arrival.rows > ROWS_AT_ONCE:
                yield day, topic_id, part
                part, rows = [], 0
            part.append(arrival)
            rows += arrival.rows
        yield day, topic_id, part
