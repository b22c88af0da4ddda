"""Anomaly rate of services and hosts, and alarms a series, out of rollups and episodes."""

from __future__ import annotations

import numpy as np

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import RollupBatch, SeriesInfo, decode_samples, encode_rollups
from kizashi.contracts.findings import Episode
from kizashi.contracts.ids import format_series_id, series_id, series_partition
from kizashi.stream.records import Record
from services.anomaly.groups import ALARMS, RATE, TenantGroups, Told
from services.anomaly.groups_processor import GroupsFactory, GroupsProcessor

STEP, START, DAY_MS = 10_000, 1_700_006_400_000, 86_400_000
INFOS = [SeriesInfo(k, "acme", f"m{k}", {"service": "shop" if k < 5 else "db", "host": f"h{k % 2}"}) for k in range(1, 8)]


def rollup(bucket: int, odd: tuple[int, ...] = (), ids: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7), announce: bool = False) -> RollupBatch:
    n = len(ids)
    worst = np.array([2.0 if i in odd else 0.1 for i in ids], np.float32)
    one = np.ones(n)
    series = np.array(ids, np.uint64)
    start = START + bucket * STEP
    return RollupBatch(
        "acme", "t", 0, bucket, bucket, start, STEP, series, np.ones(n, np.uint32), one, one, one, worst, INFOS if announce else []
    )


def episode(series: int, state: str = "open", version: int = 1, kind: str = "anomaly") -> Episode:
    return Episode(f"e{series}", version, "acme", format_series_id(series), "m", {}, kind, state, START, START)  # type: ignore[arg-type]  # words of the Literals


def rates(told: list[Told]) -> dict[str, float]:
    return {next(iter(t.series.labels.values())): t.value for t in told if t.series.metric == RATE}


def test_share_of_odd_series_by_service_and_host() -> None:
    groups = TenantGroups("acme")
    assert groups.learn_rollup(rollup(0, odd=(1, 5), announce=True)) == []
    told = groups.learn_rollup(rollup(1))
    assert rates(told) == {"shop": 0.25, "db": 1 / 3, "h0": 0.0, "h1": 0.5}
    assert {t.ts_ms for t in told} == {START}
    assert all(t.new for t in told)
    assert rates(groups.learn_rollup(rollup(2))) == {"shop": 0.0, "db": 0.0, "h0": 0.0, "h1": 0.0}


def test_an_open_episode_is_odd_until_it_closes_and_change_points_never_are() -> None:
    groups = TenantGroups("acme")
    groups.learn_rollup(rollup(0, announce=True))
    groups.learn_episode(episode(1))
    groups.learn_episode(episode(2, kind="step"))
    assert rates(groups.learn_rollup(rollup(1)))["shop"] == 0.25
    assert rates(groups.learn_rollup(rollup(2)))["shop"] == 0.25
    groups.learn_episode(episode(1, "closed", 2))
    assert rates(groups.learn_rollup(rollup(3)))["shop"] == 0.0


def test_silent_series_leave_the_group_unless_their_silence_is_an_episode() -> None:
    groups = TenantGroups("acme")
    groups.learn_rollup(rollup(0, announce=True))
    groups.learn_episode(episode(4, kind="missing"))
    groups.learn_rollup(rollup(40, ids=(1, 2, 5, 6, 7)))
    told = rates(groups.learn_rollup(rollup(41, ids=(1, 2, 5, 6, 7))))
    assert told["shop"] == 1 / 3  # 1, 2 and the missing 4; 3 is gone
    assert "h1" in told


def test_small_groups_and_series_about_series_are_left_out() -> None:
    groups = TenantGroups("acme")
    groups.learn_series(SeriesInfo(1, "acme", RATE, {"service": "shop"}))
    for k in (2, 3):
        groups.learn_series(SeriesInfo(k, "acme", "m", {"service": "shop"}))
    groups.learn_rollup(rollup(0))
    assert rates(groups.learn_rollup(rollup(1))) == {}


def test_alarms_a_series_are_those_of_the_last_fourteen_days() -> None:
    groups = TenantGroups("acme")
    groups.learn_rollup(rollup(0, announce=True))
    for k in (1, 2):
        groups.learn_episode(episode(k))
        groups.learn_episode(episode(k))  # a repeat
        groups.learn_episode(episode(k, "closed", 2))
    told = [t for bucket in range(1, 8640 * 2, 1) for t in groups.learn_rollup(rollup(bucket)) if t.series.metric == ALARMS]
    assert len(told) > 200  # from the first day of life on, every five minutes
    days = 2 * 7
    assert abs(told[-1].value - 14 * 2 / days) < 0.02


def test_what_is_replayed_or_late_tells_no_share() -> None:
    groups = TenantGroups("acme")
    for bucket in range(4):
        start = START + bucket * STEP
        assert groups.learn_rollup(rollup(bucket, announce=bucket == 0), start + 3_600_000) == []
    groups.learn_rollup(rollup(5), START + 5 * STEP + 12_000)
    assert rates(groups.learn_rollup(rollup(6), START + 6 * STEP + 12_000))["shop"] == 0.0


def feed(p: GroupsProcessor, k: int, batch: RollupBatch) -> None:
    p.process(Record(topics.ROLLUPS.name, 0, k, encode_rollups(batch)))


def test_rates_go_back_into_the_samples_announced_once_and_survive_a_restart() -> None:
    factory = GroupsFactory(3)
    whole, p = factory.new(0), factory.new(0)
    stream = [rollup(k, odd=(k % 7 + 1,), announce=k == 0) for k in range(6)]
    said, announced = [], []
    for k, batch in enumerate(stream):
        feed(whole, k, batch)
        said += whole.drain()
        feed(p, k, batch)
        announced += p.drain()
        p = factory.load(0, p.dump())
    assert [e.value for e in said] == [e.value for e in announced]
    assert p.dump() == whole.dump()
    infos = [codec.decode(e.value, SeriesInfo) for e in said if e.topic == topics.SERIES.name]
    assert sorted(i.labels.get("service", "") for i in infos) == ["", "", "db", "shop"]
    rows = [(e.partition, decode_samples(e.value)) for e in said if e.topic == topics.SAMPLES.name]
    shop = series_id("acme", RATE, {"service": "shop"})
    times = [int(t) for partition, b in rows for i, t in zip(b.ids, b.ts, strict=True) if int(i) == shop]
    assert times == [START + k * STEP for k in range(5)]
    assert all(series_partition(int(i), 3) == partition for partition, b in rows for i in b.ids)
