"""What has landed in the store, by source partition: the memory of the sink's fence."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from kizashi.store.blocks import Block
from kizashi.store.client import Store


@dataclass(frozen=True)
class Watermark:
    """Rows of offsets below ``next_offset`` of (topic id, source partition) are in ``target``; ``storage_partition`` was written last."""

    topic_id: str
    partition: int
    target: str
    storage_partition: str
    next_offset: int


def write(store: Store, marks: list[Watermark]) -> None:
    """Record what has landed: after the data, before the offsets are committed."""
    now = np.full(len(marks), time.time_ns() // 1_000_000)
    block = (
        Block(len(marks))
        .text("topic_id", [m.topic_id for m in marks])
        .fixed("src_partition", "UInt16", np.array([m.partition for m in marks], np.uint16))
        .text("target", [m.target for m in marks])
        .text("storage_partition", [m.storage_partition for m in marks])
        .fixed("next_offset", "UInt64", np.array([m.next_offset for m in marks], np.uint64))
        .fixed("written", "DateTime64(3, 'UTC')", now)
    )
    store.insert_block("watermarks", block)


def read(store: Store, target: str, partition: int) -> dict[str, Watermark]:
    """The highest watermark of every topic id for one source partition of ``target``."""
    rows = store.query(
        "SELECT topic_id, argMax(storage_partition, next_offset), max(next_offset) FROM watermarks"
        " WHERE target = {target:String} AND src_partition = {partition:UInt16} GROUP BY topic_id",
        {"target": target, "partition": partition},
    ).rows
    return {topic: Watermark(topic, partition, target, day, int(offset)) for topic, day, offset in rows}


def landed(store: Store, partition: int, known: dict[str, Watermark]) -> dict[str, int]:
    """By topic id, the offset after the highest one found in the rows of ``samples``.

    It is above the watermark when the writer died between data and watermark. Looks at the landing days from the day before the last
    watermark on: a writer's clock may step back a little, and older days have watermarks of their own.
    """
    since = max((w.storage_partition for w in known.values()), default="1970-01-02")
    rows = store.query(
        "SELECT toString(src_topic), max(src_offset) + 1 FROM samples"
        " WHERE toDate(landed_at) >= {since:Date} - 1 AND src_partition = {partition:UInt16} GROUP BY src_topic",
        {"since": since, "partition": partition},
    ).rows
    return {str(topic): int(offset) for topic, offset in rows}
