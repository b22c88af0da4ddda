"""What the gateway asks the bus besides following it: lag, dead letters, and sending dead letters back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kizashi.contracts.topics import TOPICS
from kizashi.errors import InvalidMessage, NotFound
from kizashi.settings import KafkaSettings
from kizashi.stream.admin import BusAdmin
from kizashi.stream.dead_letters import DeadLetter, from_headers
from kizashi.stream.live_tail import read_spans
from kizashi.stream.records import Record

T = TypeVar("T")
DEAD_LETTER_TOPICS = tuple(t.name for t in TOPICS if ".dlq." in t.name)
PREVIEW_BYTES = 300


@dataclass(frozen=True)
class Lag:
    """Messages of a topic that a group has not taken yet, and the end of the topic."""

    topic: str
    group: str
    lag: int
    end: int


@dataclass(frozen=True)
class Letter:
    """A dead letter at its place in the dead-letter topic."""

    record: Record
    about: DeadLetter | None
    """None when its headers are not ours."""


class Bus:
    """Administration in threads: the client is synchronous."""

    def __init__(self, kafka: KafkaSettings, groups: Mapping[str, Sequence[str]]) -> None:
        self._kafka = kafka
        self._groups = groups
        self._admin = BusAdmin(kafka)
        self._turn = asyncio.Lock()

    async def lags(self) -> list[Lag]:
        """Lag of every group of ours on every topic it reads. Raises BusUnavailable."""
        return await self._ask(self._lags)

    def _lags(self, admin: BusAdmin) -> list[Lag]:
        names = sorted({t for topics in self._groups.values() for t in topics})
        ends: dict[str, int] = dict.fromkeys(names, 0)
        for (topic, _), end in admin.end_offsets(names).items():
            ends[topic] += end
        out: list[Lag] = []
        for group, topics in self._groups.items():
            behind = admin.lag(group, topics)
            out += [Lag(topic, group, behind.get(topic, 0), ends[topic]) for topic in topics]
        return out

    async def partitions(self, topic: str) -> int:
        """Number of partitions of a topic. Raises NotFound, BusUnavailable."""
        found = await self._ask(BusAdmin.topics)
        if topic not in found:
            raise NotFound(f"there is no topic {topic} yet")
        return found[topic]

    async def dead_letter_counts(self) -> dict[str, int]:
        """Dead-letter topic → letters kept; empty topics are left out."""

        def count(admin: BusAdmin) -> dict[str, int]:
            begins, ends = admin.begin_offsets(DEAD_LETTER_TOPICS), admin.end_offsets(DEAD_LETTER_TOPICS)
            kept: dict[str, int] = {}
            for (topic, partition), end in ends.items():
                kept[topic] = kept.get(topic, 0) + end - begins.get((topic, partition), 0)
            return {topic: n for topic, n in kept.items() if n}

        return await self._ask(count)

    async def dead_letters(self, topic: str, limit: int) -> list[Letter]:
        """The newest letters of a dead-letter topic, newest first. Raises NotFound for a topic that is none."""
        if topic not in DEAD_LETTER_TOPICS:
            raise NotFound(f"{topic[:80]!r} is no dead-letter topic: {', '.join(DEAD_LETTER_TOPICS)}")

        def ends(admin: BusAdmin) -> dict[int, tuple[int, int]]:
            begins = admin.begin_offsets([topic])
            return {p: (max(begins.get((topic, p), 0), end - limit), end) for (_, p), end in admin.end_offsets([topic]).items()}

        spans = await self._ask(ends)
        letters = [Letter(record, _about(record)) async for record in read_spans(self._kafka, topic, spans)]
        return sorted(letters, key=lambda x: x.record.timestamp_ms, reverse=True)[:limit]

    async def dead_letters_at(self, topic: str, offsets: Sequence[int]) -> list[Letter]:
        """The letters at these offsets (dead-letter topics have one partition); those that are gone are left out."""

        def bounds(admin: BusAdmin) -> tuple[int, int]:
            return admin.begin_offsets([topic]).get((topic, 0), 0), admin.end_offsets([topic]).get((topic, 0), 0)

        begin, end = await self._ask(bounds)
        wanted = {o for o in offsets if begin <= o < end}
        if not wanted:
            return []
        spans = {0: (min(wanted), max(wanted) + 1)}
        return [Letter(r, _about(r)) async for r in read_spans(self._kafka, topic, spans) if r.offset in wanted]

    async def _ask(self, work: Callable[[BusAdmin], T]) -> T:
        """One question at a time: many pages ask at once, and the answers are kept anyway."""
        async with self._turn:
            return await asyncio.to_thread(work, self._admin)


def _about(record: Record) -> DeadLetter | None:
    try:
        return from_headers(record.headers)
    except InvalidMessage:
        return None
