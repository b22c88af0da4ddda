"""Records that come while the group is rebalanced: none is lost. The client is a stand-in, since the group is not ours to time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from kizashi.settings import KafkaSettings
from kizashi.stream.batch_reader import BatchReader

TP = TopicPartition("scores", 3)
NEW = TopicPartition("scores", 4)


@dataclass
class Client:
    """One partition's log as a client of the group sees it; ``meanwhile`` runs while ``getmany`` waits."""

    reader: BatchReader | None = None
    committed_at: dict[TopicPartition, int | None] = field(default_factory=lambda: {TP: 40, NEW: None})
    position: dict[TopicPartition, int] = field(default_factory=lambda: {TP: 40, NEW: 0})
    rebalance: bool = False
    given_away: bool = False
    together: asyncio.Barrier | None = None
    resets: int = 0

    def assignment(self) -> set[TopicPartition]:
        return {TP, NEW}

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        if self.rebalance and self.reader:
            self.rebalance = False
            await self.reader.on_partitions_assigned([TP, NEW])
        out = {tp: [SimpleNamespace(topic=tp.topic, partition=tp.partition, offset=at, value=b"v", key=b"", timestamp=1, headers=())]
               for tp, at in self.position.items()}  # fmt: skip
        self.position = {tp: at + 1 for tp, at in self.position.items()}
        return out

    async def committed(self, tp: TopicPartition) -> int | None:
        if self.together:
            async with asyncio.timeout(2):
                await self.together.wait()
        return self.committed_at[tp]

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if self.given_away:
            raise IllegalStateError("no longer ours")
        self.position[tp] = offset

    async def seek_to_beginning(self, *tps: TopicPartition) -> None:
        self.resets += 1
        self.position |= dict.fromkeys(tps, 0)


@pytest.fixture
def reader() -> BatchReader:
    async def told() -> None:
        return None

    made = BatchReader(KafkaSettings(), "g", ["scores"], told, told)
    made._consumer = Client(made)
    return made


def places(records: list[Any]) -> list[tuple[int, int]]:
    return sorted((r.partition, r.offset) for r in records)


async def test_first_records_of_a_new_assignment_are_read_again_not_skipped(reader: BatchReader) -> None:
    reader._consumer.rebalance = True
    assert await reader.read(10) == []
    assert places(await reader.read(10)) == [(3, 40), (4, 0)]
    assert places(await reader.read(10)) == [(3, 41), (4, 1)]


async def test_records_given_out_before_the_assignment_was_told_are_read_again(reader: BatchReader) -> None:
    assert places(await reader.read(10)) == [(3, 40), (4, 0)]  # the sink drops them when it is told
    await reader.on_partitions_assigned([TP, NEW])
    assert places(await reader.read(10)) == [(3, 40), (4, 0)]


async def test_what_was_given_away_meanwhile_is_left_to_its_owner(reader: BatchReader) -> None:
    reader._consumer.rebalance = reader._consumer.given_away = True
    assert await reader.read(10) == []
    assert (3, 41) in places(await reader.read(10)), "no error: the next assignment begins at what is committed"


async def test_all_partitions_are_asked_for_at_once(reader: BatchReader) -> None:
    """A broker that answers none before all were asked, and one reset for all that are new: time does not grow with the partitions."""
    client = reader._consumer
    client.committed_at = {TP: None, NEW: None}
    client.together = asyncio.Barrier(2)
    await reader.on_partitions_assigned([TP, NEW])
    assert places(await reader.read(10)) == [(3, 0), (4, 0)]
    assert client.resets == 1
