"""The fence: every offset lands once, whatever the batch borders; holes are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.contracts.batches import ScoresBatch
from services.sink.fence import Cut, Fence, Gap


def batch(first: int, counts: list[int], topic_id: str = "t", partition: int = 0, offsets: list[int] | None = None) -> ScoresBatch:
    n = sum(counts)
    f32 = np.zeros(n, np.float32)
    where = np.array(offsets if offsets is not None else range(first, first + len(counts)), np.int64)
    return ScoresBatch(
        topic_id, partition, 0, where, np.array(counts, np.uint32), np.zeros(n, np.uint64), np.zeros(n, np.int64), np.zeros(n),
        f32, f32, f32, f32, np.zeros(n, np.uint8), f32, f32,
    )  # fmt: skip


def land(fence: Fence, b: ScoresBatch) -> list[int]:
    """Offsets of the rows that are new, one a row."""
    cut = fence.cut(b)
    fence.take(b)
    return [int(o) for o in np.repeat(b.offsets, b.counts)[cut.first_row :]]


def test_a_source_never_seen_starts_with_what_comes() -> None:
    assert land(Fence(), batch(100, [1, 2])) == [100, 101, 101]


def test_repeats_are_cut_and_ticks_count() -> None:
    fence = Fence()
    assert land(fence, batch(0, [2, 0, 1])) == [0, 0, 2]
    assert land(fence, batch(1, [0, 1, 3])) == [3, 3, 3]
    assert land(fence, batch(0, [2, 0, 1])) == []
    assert land(fence, batch(4, [0])) == []
    assert land(fence, batch(5, [1])) == [5]


def test_a_gap_is_told_and_nothing_is_taken() -> None:
    fence = Fence()
    land(fence, batch(0, [1]))
    with pytest.raises(Gap) as caught:
        fence.cut(batch(3, [1]))
    assert (caught.value.expected, caught.value.got) == (1, 3)
    assert land(fence, batch(1, [1])) == [1]


def test_a_gap_inside_a_batch_is_told() -> None:
    with pytest.raises(Gap, match="1 are missing"):
        Fence().cut(batch(0, [1, 1], offsets=[4, 6]))


def test_sources_do_not_mix() -> None:
    fence = Fence()
    land(fence, batch(0, [1]))
    assert land(fence, batch(50, [1], topic_id="made-again")) == [50]
    assert land(fence, batch(70, [1], partition=1)) == [70]
    fence.raise_to(("t", 0), 10)
    fence.raise_to(("t", 0), 5)
    assert land(fence, batch(9, [1, 1])) == [10]
    fence.forget()
    assert land(fence, batch(3, [1])) == [3]


def test_an_empty_batch_is_nothing() -> None:
    fence = Fence()
    assert fence.cut(batch(0, [])) == Cut(0, 0)
    fence.take(batch(0, []))
    assert fence.marks == {}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=10))
def test_any_replay_with_any_borders_lands_each_row_once(counts: list[int], turns: list[tuple[int, int]]) -> None:
    """Each turn goes back some slices and sends some; the last one sends what is left."""
    fence, landed, at = Fence({("t", 0): 0}), [], 0
    for back, length in [*turns, (0, len(counts))]:
        start = max(0, at - back)
        end = min(len(counts), start + length)
        landed += land(fence, batch(start, counts[start:end]))
        at = max(at, end)
    assert landed == np.repeat(np.arange(len(counts)), counts).tolist()
