"""The rings of recent values, and the state as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.errors import Damaged
from services.rca.model import PartitionModel
from services.rca.signals import SignalStore
from tests.unit.rca.landscape import episode


def fold(store: SignalStore, step: int, values: dict[int, float]) -> None:
    store.fold(step * store.step_ms, np.array(list(values), np.uint64), np.array(list(values.values())))


def test_a_window_holds_what_was_folded_and_nan_elsewhere() -> None:
    store = SignalStore(steps=10)
    for step in range(5):
        fold(store, step, {7: float(step)} if step != 3 else {8: 1.0})
    window = store.window([7, 8, 9], 0, 50_000)
    assert window[:, 0].tolist()[:3] == [0.0, 1.0, 2.0]
    assert np.isnan(window[3, 0])
    assert window[4, 0] == 4.0
    assert np.isnan(window[:, 2]).all()
    assert np.isnan(window[[0, 1, 2, 4], 1]).all()


def test_old_laps_of_the_ring_do_not_come_back() -> None:
    store = SignalStore(steps=5)
    for step in range(5):
        fold(store, step, {1: 10.0 + step, 2: 0.0})
    for step in range(5, 9):
        fold(store, step, {2: 0.0})
    fold(store, 9, {1: 99.0, 2: 0.0})
    assert np.isnan(store.window([1], 50_000, 90_000)).all()
    assert store.window([1], 90_000, 100_000).tolist() == [[99.0]]
    assert len(store.window([1], 0, 40_000)) == 0


def test_a_replaced_step_and_a_step_from_long_ago() -> None:
    store = SignalStore(steps=5)
    fold(store, 9, {1: 1.0})
    fold(store, 9, {1: 2.0})
    fold(store, 2, {1: 5.0})
    assert store.window([1], 90_000, 100_000).tolist() == [[2.0]]


def test_memory_is_bounded_by_giving_up_the_most_silent() -> None:
    store = SignalStore(steps=4, limit=300)
    for step in range(4):
        fold(store, step, dict.fromkeys(range(step * 200, step * 200 + 200), 1.0))
    assert len(store.slot_of) <= 300
    assert len(store.means) <= 300
    assert set(range(600, 800)) <= set(store.slot_of)


def test_a_store_survives_its_snapshot() -> None:
    store = SignalStore(steps=6)
    for step in range(8):
        fold(store, step, {i: step + i / 10 for i in range(5)})
    again = SignalStore.restore(store.snapshot())
    for s in (store, again):
        fold(s, 9, {3: 1.0, 77: 2.0})
    ids = [0, 3, 4, 77]
    assert np.array_equal(store.window(ids, 0, 100_000), again.window(ids, 0, 100_000), equal_nan=True)


@pytest.mark.parametrize("data", [b"", b"nonsense", PartitionModel().dump()[:-3]])
def test_damaged_state_is_never_misread(data: bytes) -> None:
    with pytest.raises(Damaged):
        PartitionModel.load(data)


def test_pending_findings_survive_a_snapshot() -> None:
    model = PartitionModel()
    model.episode(episode("db", "latency", 10))
    again = PartitionModel.load(model.dump())
    first, second = model.drain(), again.drain()
    assert first.incidents == second.incidents
    assert len(first.incidents) == 1
