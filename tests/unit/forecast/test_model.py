"""The partition model: samples in, forecasts and capacity risks out; replays and restores change nothing."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from kizashi.contracts.batches import SamplesBatch, SeriesInfo
from kizashi.contracts.findings import Forecast, Risk
from kizashi.contracts.promises import Limit
from kizashi.errors import Damaged
from services.forecast.config import HOUR_MS, MINUTE_MS, ForecastConfig, Tier
from services.forecast.model import PartitionModel

CONFIG = ForecastConfig(tiers=(Tier(5 * MINUTE_MS, 24, 12, 2), Tier(HOUR_MS, 24, 12, 2)))
START = 1_700_000_000_000 // HOUR_MS * HOUR_MS
DISK = SeriesInfo(7, "acme", "disk_used", {"host": "db1"}, "%")


def message(
    ids: list[int], ts: list[int], values: list[float], infos: list[SeriesInfo] | None = None, now_ms: int | None = None
) -> SamplesBatch:
    n = len(ids)
    now_ms = max(ts, default=START) if now_ms is None else now_ms
    return SamplesBatch(now_ms, np.array(ids, np.uint64), np.array(ts, np.int64), np.array(values), np.zeros(n, np.uint8), infos or [])


def disk(step: int) -> float:
    return 50 + 0.02 * step + math.sin(step / 4)


def fed(steps: int, model: PartitionModel | None = None, start: int = 0, now_ms: int | None = None) -> PartitionModel:
    model = model or PartitionModel(CONFIG)
    for k in range(start, steps):
        model.learn(k, message([7], [START + k * 5 * MINUTE_MS], [disk(k)], [DISK] if k == 0 else None, now_ms))
    return model


def packed(findings: list[Forecast] | list[Risk]) -> bytes:
    return msgspec.json.encode(findings)


def test_forecasts_come_in_turn_with_what_became_of_the_last_one() -> None:
    out = fed(300).drain()
    fine = [f for f in out.forecasts if f.step_ms == 5 * MINUTE_MS]
    assert len(fine) > 100
    assert fine[-1].tenant == "acme"
    assert len(fine[-1].mean) == 12
    assert all(f.made_at_ms % f.step_ms == 0 for f in fine)
    scored = [row for f in fine for row in f.scored]
    assert len({time for time, *_ in scored}) == len(scored) > 200
    assert np.mean([abs(actual - mean) for _, actual, mean, _ in scored[-100:]]) < 0.5
    assert all(len(f.pinball) == len(f.scored) for f in fine)
    assert "panel" in fine[-1].track


def test_scored_rows_name_the_time_they_speak_of() -> None:
    model = fed(300)
    rows = {time: actual for f in model.drain().forecasts if f.step_ms == 5 * MINUTE_MS for time, actual, _, _ in f.scored}
    for time, actual in rows.items():
        step = (time - START) // (5 * MINUTE_MS) - 1
        assert actual == pytest.approx(disk(step))


def test_capacity_of_a_percentage_is_foreseen() -> None:
    risks = fed(1500).drain().risks
    last = risks[-1]
    assert last.kind == "capacity"
    assert last.threshold == 100.0
    assert last.eta_ms is not None
    assert last.eta_low_ms is not None
    true_eta = START + (100 - 50) / 0.02 * 5 * MINUTE_MS
    assert last.eta_low_ms - 12 * HOUR_MS < true_eta < (last.eta_high_ms or 1 << 60) + 12 * HOUR_MS
    assert [r.version for r in risks] == list(range(1, len(risks) + 1))


def test_limits_by_hand_win_over_the_unit() -> None:
    model = PartitionModel(CONFIG)
    model.set_limits([Limit("cfg-1", "disk_used", 85.0, "acme"), Limit("other", "disk_used", 1.0, "else")])
    assert {r.threshold for r in fed(600, model).drain().risks} == {85.0}


def test_a_replay_changes_nothing() -> None:
    model = fed(200)
    before = model.dump()
    fed(200, model)
    assert model.dump() == before
    model.skip(100)
    assert model.next_offset == 200
    model.skip(200)
    assert model.next_offset == 201


def test_old_data_is_learned_but_hardly_forecast() -> None:
    live, late = fed(1200), fed(1200, now_ms=START + 30 * 24 * HOUR_MS)
    caught_up = late.drain().forecasts
    assert {f.step_ms for f in caught_up} == {HOUR_MS}
    assert 0 < len(caught_up) * 10 < len(live.drain().forecasts)
    a, b = live.forecast(7), late.forecast(7)
    assert a is not None and b is not None and a.mean == b.mean


def test_message_borders_change_nothing() -> None:
    whole, parts = PartitionModel(CONFIG), fed(300, now_ms=START)
    steps = list(range(300))
    whole.learn(299, message([7] * 300, [START + k * 5 * MINUTE_MS for k in steps], [disk(k) for k in steps], [DISK], START))
    a, b = whole.drain(), parts.drain()
    fine = [[f for f in d.forecasts if f.step_ms == 5 * MINUTE_MS] for d in (a, b)]
    assert packed(fine[0]) == packed(fine[1])


def test_restored_state_goes_on_bit_for_bit() -> None:
    whole = fed(400)
    whole.drain()
    half = fed(250)
    half.drain()
    again = fed(400, PartitionModel.load(half.dump(), CONFIG), 250)
    again.drain()
    assert again.dump() == whole.dump()


def test_damaged_or_foreign_state_is_refused() -> None:
    data = bytearray(fed(50).dump())
    with pytest.raises(Damaged):
        PartitionModel.load(bytes(data), ForecastConfig(tiers=(Tier(MINUTE_MS, 24),)))
    data[-1] ^= 1
    with pytest.raises(Damaged, match="checksum"):
        PartitionModel.load(bytes(data), CONFIG)


def test_counters_become_rates_and_survive_resets() -> None:
    model = PartitionModel(CONFIG)
    info = SeriesInfo(9, "acme", "requests_total", {}, "", "counter")
    total = 0.0
    for k in range(600):
        total = 0.0 if k == 400 else total + 120.0
        model.learn(k, message([9], [START + k * MINUTE_MS], [total], [info] if k == 0 else None))
    rates = model.banks[0].history(0)
    assert np.abs(rates - 2.0).max() < 0.5
    assert np.median(rates) == pytest.approx(2.0)


def test_ticks_and_unknown_series_are_harmless() -> None:
    model = PartitionModel(CONFIG)
    model.learn(0, message([], [], []))
    assert model.forecast(7) is None
    assert model.track_record(7) == {}
    model.learn(1, message([7], [START], [1.0]))
    assert model.forecast(7) is None
    assert model.next_offset == 2


def test_series_are_bounded_and_silent_ones_make_room() -> None:
    config = ForecastConfig(tiers=CONFIG.tiers, maximum_series=2, expire_ms=HOUR_MS)
    model = PartitionModel(config)
    model.learn(0, message([1, 2, 3], [START] * 3, [1.0] * 3))
    assert model.ids == [1, 2]
    assert model.refused == 1
    late = START + 3 * HOUR_MS
    model.learn(1, message([2], [late], [1.0]))
    model.learn(2, message([3], [late], [5.0]))
    assert model.ids == [3, 2]
    again = PartitionModel.load(model.dump(), config)
    again.learn(3, message([1], [late], [1.0]))
    assert again.ids == [3, 2]


def test_ids_with_the_top_bit_are_found() -> None:
    model = PartitionModel(CONFIG)
    big = 2**64 - 5
    for k in range(40):
        model.learn(k, message([big, 11], [START + k * 5 * MINUTE_MS] * 2, [1.0, 2.0]))
    assert model.ids == [11, big]
    assert model.forecast(big) is not None
