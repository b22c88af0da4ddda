"""The partition model: message borders, snapshots, skipping, rollups and episodes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kizashi.contracts.batches import UNSCORED, SamplesBatch, SeriesInfo, encode_scores
from kizashi.contracts.findings import Episode
from kizashi.errors import Damaged
from services.anomaly.model import Drained, PartitionModel
from services.anomaly.rollup import TOLD_MS

SERIES = 5
STEP_MS = 10_000


def message(k: int, rng: np.random.Generator, shift: float = 0.0) -> SamplesBatch:
    """One sample of each series at minute-like step k."""
    ids = np.arange(1, SERIES + 1, dtype=np.uint64)
    infos = [SeriesInfo(int(i), "acme" if i % 2 else "umbrella", "cpu", {"host": f"h{i}"}) for i in ids] if k == 1 else []
    values = rng.normal(10.0, 1.0, SERIES) + shift
    return SamplesBatch(k * STEP_MS + 500, ids, np.full(SERIES, k * STEP_MS), values, np.zeros(SERIES, np.uint8), infos)


def stream(n: int, fault_at: int = 10**9) -> list[SamplesBatch]:
    rng = np.random.default_rng(7)
    return [message(k, rng, 40.0 if k >= fault_at else 0.0) for k in range(1, n + 1)]


def everything(model: PartitionModel, batches: list[SamplesBatch], drain_every: int) -> list[Drained]:
    out = []
    for i, b in enumerate(batches):
        model.score(model.next_offset, b)
        if (i + 1) % drain_every == 0:
            out.append(model.drain())
    return [*out, model.drain()]


def flat(drained: list[Drained]) -> tuple[np.ndarray, list[tuple[object, ...]], list[Episode]]:
    scores = np.concatenate([d.scores.score for d in drained if d.scores])
    rollups: list[tuple[object, ...]] = [
        (r.tenant, r.first, r.last, r.start_ms, r.mean.tolist(), r.worst.tolist()) for d in drained for r in d.rollups
    ]
    return scores, rollups, [e for d in drained for e in d.episodes]


def test_answers_do_not_depend_on_when_they_are_taken() -> None:
    batches = stream(300, fault_at=280)
    one, many = PartitionModel("t", 0), PartitionModel("t", 0)
    a, b = flat(everything(one, batches, 1)), flat(everything(many, batches, 37))
    assert np.array_equal(a[0], b[0])
    assert a[1] == b[1]
    assert a[2] == b[2]
    assert one.dump() == many.dump()


def test_a_restored_model_goes_on_bit_for_bit() -> None:
    batches = stream(300, fault_at=280)
    whole, first = PartitionModel("t", 0), PartitionModel("t", 0)
    expected = everything(whole, batches, 1)
    before = everything(first, batches[:283], 1)
    again = PartitionModel.load(first.dump())
    assert again.next_offset == 283
    assert again.dump() == first.dump()
    after = everything(again, batches[283:], 1)
    assert flat(before + after)[0].tobytes() == flat(expected)[0].tobytes()
    assert flat(before + after)[1:] == flat(expected)[1:]
    assert again.dump() == whole.dump()


def test_damaged_state_is_refused() -> None:
    model = PartitionModel("t", 0)
    everything(model, stream(50), 50)
    good = model.dump()
    for at in (10, len(good) // 2, len(good) - 3):
        bad = bytearray(good)
        bad[at] ^= 0xFF
        try:
            assert PartitionModel.load(bytes(bad)).dump() != good
        except Damaged:
            continue
    with pytest.raises(Damaged):
        PartitionModel.load(good[:-100])


def test_a_fault_opens_one_episode_per_series_and_names_its_place() -> None:
    model = PartitionModel("t", 3)
    episodes = flat(everything(model, stream(300, fault_at=280), 10))[2]
    fault = {e.series_id: e for e in episodes if e.peak_ms == 280 * STEP_MS}
    assert set(fault) == {f"{i:016x}" for i in range(1, SERIES + 1)}
    assert len({e.id for e in episodes if e.updated_ms >= 280 * STEP_MS}) == SERIES
    assert all(e.direction != "down" and e.peak_score >= 1.0 and e.source and e.source.partition == 3 for e in fault.values())
    assert {e.tenant for e in fault.values()} == {"acme", "umbrella"}


def test_rollups_hold_every_sample_once() -> None:
    model = PartitionModel("t", 0)
    batches = stream(60)
    drained = everything(model, batches, 7)
    model.score(model.next_offset, tick(10_000_000))
    drained.append(model.drain())
    rollups = [r for d in drained for r in d.rollups]
    assert sum(int(r.count.sum()) for r in rollups) == 60 * SERIES
    total = sum(float((r.mean * r.count).sum()) for r in rollups)
    assert total == pytest.approx(sum(float(b.values.sum()) for b in batches))
    assert all(a.last < b.first or a.last == b.last for a, b in itertools.pairwise(rollups))


def test_a_replay_of_old_samples_is_scored_and_tells_no_rollups() -> None:
    model = PartitionModel("t", 0)
    late_by = TOLD_MS + 60 * STEP_MS
    batches = [replace(b, now_ms=b.now_ms + late_by) for b in stream(60)]
    drained = everything(model, [*batches, tick(10_000_000 + late_by)], 7)
    assert not [r for d in drained for r in d.rollups]
    assert sum(len(d.scores.ids) for d in drained if d.scores) == 60 * SERIES


def tick(now_ms: int) -> SamplesBatch:
    none = np.zeros(0)
    return SamplesBatch(now_ms, none.astype(np.uint64), none.astype(np.int64), none, none.astype(np.uint8))


def test_a_skipped_message_leaves_no_hole() -> None:
    model = PartitionModel("t", 0)
    batches = stream(3)
    model.score(0, batches[0])
    model.skip(1, batches[1])
    model.skip(2, None)
    model.score(3, batches[2])
    scores = model.drain().scores
    assert scores is not None
    assert scores.offsets.tolist() == [0, 1, 2, 3]
    assert scores.counts.tolist() == [SERIES, SERIES, 0, SERIES]
    assert (scores.flags[SERIES : 2 * SERIES] & UNSCORED).all()
    assert encode_scores(scores)
    assert model.next_offset == 4


def test_silence_is_an_episode_that_ends_with_the_next_sample() -> None:
    model = PartitionModel("t", 0)
    everything(model, stream(50), 50)
    model.score(50, tick(50 * STEP_MS + 60_000))
    assert model.drain().episodes == []
    model.score(51, tick(50 * STEP_MS + 130_000))
    missing = model.drain().episodes
    assert [(e.kind, e.state) for e in missing] == [("missing", "open")] * SERIES
    model.score(52, message(64, np.random.default_rng(1)))
    back = [e for e in model.drain().episodes if e.kind == "missing"]
    assert [(e.id, e.state, e.version) for e in back] == [(e.id, "closed", 2) for e in missing]


@pytest.mark.parametrize("samples", [1_000_000, pytest.param(10_000_000, marks=pytest.mark.soak)])
def test_memory_is_flat(samples: int) -> None:
    series, rows, seen = 1000, 10, 0
    model = PartitionModel("t", 0)
    rng = np.random.default_rng(0)
    ids = np.tile(np.arange(1, series + 1, dtype=np.uint64), rows)
    flags = np.zeros(series * rows, np.uint8)
    resident: list[int] = []
    while seen < samples:
        ts = np.repeat((seen // series + np.arange(1, rows + 1)) * 1000, series)
        model.score(seen // (series * rows), SamplesBatch(int(ts[-1]), ids, ts, rng.normal(size=len(ids)), flags))
        drained = model.drain()
        assert drained.scores is not None
        assert np.isfinite(drained.scores.score).all()
        seen += len(ids)
        if seen % (samples // 5) == 0:
            resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
    assert resident[-1] - resident[0] < 16 << 20
    assert len(model.dump()) < 3_000 * series
