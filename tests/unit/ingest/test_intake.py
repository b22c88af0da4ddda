"""From samples to rows and batches: limits with a reason each, announcements in front, nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from kizashi.contracts.batches import HISTORY, decode_samples, encode_samples
from kizashi.contracts.ids import series_id, series_partition
from services.ingest.batching import cut, tick
from services.ingest.decode import Sample, decode
from services.ingest.intake import Intake
from services.ingest.registry import SeriesRegistry, TokenBucket
from services.ingest.settings import IngestLimits

NOW = 1_700_000_000_000


def raw(labels: dict[str, str]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(labels))


def sample(metric: str = "cpu", value: float = 1.0, ts: float | datetime | None = NOW, **labels: str) -> Sample:
    return Sample(metric, value, ts, raw(labels))


def at_now() -> int:
    """When the samples of these tests arrived."""
    return NOW


def intake(limits: IngestLimits | None = None, known: tuple[int, ...] = ()) -> Intake:
    limits = limits or IngestLimits()
    return Intake(SeriesRegistry(12, limits, known), limits)


def test_rows_keep_order_id_time_and_value() -> None:
    door = intake()
    taken = door.take("default", [sample(host="a"), sample(value=2.0, ts=NOW / 1_000, host="b"), sample(value=3.0, host="a")], at_now, NOW)
    assert not taken.refused
    ids = door.registry.ids[taken.rows.slots].tolist()
    assert ids == [series_id("default", "cpu", {"host": h}) for h in "aba"]
    assert taken.rows.ts.tolist() == [NOW] * 3
    assert taken.rows.values.tolist() == [1.0, 2.0, 3.0]


def test_label_order_and_spacing_are_one_series() -> None:
    door = intake()
    samples, _ = decode(b'[{"metric":"m","value":1,"labels":{"a":"1","b":"2"}},{"metric":"m","value":1,"labels":{ "b":"2", "a":"1" }}]')
    slots = door.take("t", samples, at_now, NOW).rows.slots
    assert slots[0] == slots[1]


def test_tenants_do_not_share_series() -> None:
    door = intake()
    a = door.take("a", [sample()], at_now, NOW).rows.slots
    b = door.take("b", [sample()], at_now, NOW).rows.slots
    assert door.registry.ids[a[0]] != door.registry.ids[b[0]]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (sample(value=float("nan")), "not_finite"),
        (sample(value=float("inf")), "not_finite"),
        (sample(ts=NOW + 5 * 60_000 + 1), "future"),
        (sample(ts=datetime(2100, 1, 1, tzinfo=UTC)), "future"),
        (sample(ts=-3.0), "time"),
        (sample(ts=1e25), "time"),
        (sample(metric=""), "name"),
        (sample(metric=" cpu"), "name"),
        (sample(metric="m" * 129), "name"),
        (sample(metric="名" * 60), "name"),
        (sample(metric="a\x1fb"), "name"),
        (sample(metric="a\ud800b"), "name"),
        (Sample("m", 1.0, NOW, unit="u" * 65), "name"),
        (Sample("m", 1.0, NOW, raw({f"l{k}": "x" for k in range(31)})), "labels"),
        (Sample("m", 1.0, NOW, raw({"n" * 129: "x"})), "labels"),
        (Sample("m", 1.0, NOW, raw({"": "x"})), "labels"),
        (sample(host="v" * 1_025), "labels"),
        (sample(host="a\x00b"), "labels"),
        (Sample("m", 1.0, NOW, msgspec.Raw(b'{"a":1}')), "labels"),
        (Sample("m", 1.0, NOW, msgspec.Raw(b'["a"]')), "labels"),
        (Sample("m", 1.0, NOW, msgspec.Raw(b'{"a":"\xff"}')), "labels"),
        (Sample("m", 1.0, NOW, msgspec.Raw(b"null")), "labels"),
    ],
)
def test_a_refused_sample_has_a_reason_and_leaves_the_others(bad: Sample, reason: str) -> None:
    taken = intake().take("default", [sample(value=7.0), bad, sample(value=8.0)], at_now, NOW)
    assert dict(taken.refused) == {reason: 1}
    assert taken.first == 1
    assert taken.rows.values.tolist() == [7.0, 8.0]


def test_old_samples_are_taken() -> None:
    taken = intake().take("default", [sample(ts=86_400.0), sample(ts=NOW - 10 * 365 * 86_400_000)], at_now, NOW)
    assert not taken.refused
    assert taken.rows.ts[0] == 86_400_000


def test_samples_without_time_get_the_time_of_arrival() -> None:
    samples = [sample(ts=None), sample(ts=NOW - 5), sample(ts=None), sample(ts=datetime(2023, 1, 1))]
    taken = intake().take("default", samples, lambda: np.array([NOW - 3, NOW, NOW - 1, NOW]), NOW)
    assert taken.rows.ts.tolist() == [NOW - 3, NOW - 5, NOW - 1, 1_672_531_200_000]


def test_active_series_are_limited_and_silent_ones_make_room() -> None:
    door = intake(IngestLimits(active_series=2, idle_ms=1_000))
    assert not door.take("t", [sample(host="a"), sample(host="b")], at_now, NOW).refused
    assert dict(door.take("t", [sample(host="c"), sample(host="a")], at_now, NOW + 100).refused) == {"series_limit": 1}
    later = NOW + 70_000
    assert not door.take("t", [sample(host="c")], lambda: later, later).refused
    assert door.registry.active == 1
    assert not door.take("other", [sample(host="z")], lambda: later, later).refused


def test_a_reused_slot_is_announced_again() -> None:
    door = intake(IngestLimits(active_series=1, idle_ms=1_000))
    (first,) = cut(door.registry, [door.take("t", [sample(host="a")], at_now, NOW).rows], NOW, 100)
    later = NOW + 70_000
    (second,) = cut(door.registry, [door.take("t", [sample(host="b")], lambda: later, later).rows], later, 100)
    assert [i.labels for _, b in (first, second) for i in b.series] == [{"host": "a"}, {"host": "b"}]


def test_new_series_are_limited_by_rate_but_known_ones_are_not() -> None:
    limits = IngestLimits(new_series_per_s=1.0, new_series_burst=1)
    known = series_id("t", "cpu", {"host": "k"})
    door = intake(limits, (known,))
    taken = door.take("t", [sample(host="a"), sample(host="b"), sample(host="k")], at_now, NOW)
    assert dict(taken.refused) == {"series_rate": 1}
    assert not door.take("t", [sample(host="b")], at_now, NOW + 1_000).refused


def test_spellings_are_bounded() -> None:
    door = intake(IngestLimits(active_series=2))
    for k in range(50):
        door.take("t", [Sample("m", 1.0, NOW, msgspec.Raw(b'{"a":' + b" " * k + b'"1"}'))], at_now, NOW)
    assert door.registry.active == 1


def test_cut_sorts_by_partition_announces_once_and_loses_nothing() -> None:
    door = intake()
    rng = np.random.default_rng(5)
    samples = [sample(value=float(k), host=f"h{int(rng.integers(40))}") for k in range(500)]
    rows = [door.take("t", samples[:300], at_now, NOW).rows, door.take("t", samples[300:], at_now, NOW, history=True).rows]
    messages = [(p, decode_samples(encode_samples(b))) for p, b in cut(door.registry, rows, NOW, 30)]
    seen: dict[int, set[int]] = {}
    values = []
    for partition, batch in messages:
        assert len(batch.ids) <= 30
        announced = seen.setdefault(partition, set())
        announced.update(s.id for s in batch.series)
        assert {int(i) for i in batch.ids} <= announced
        assert all(series_partition(int(i), 12) == partition for i in batch.ids)
        assert ((batch.flags == HISTORY) == (batch.values >= 300)).all()
        values += batch.values.tolist()
    assert sorted(values) == [float(k) for k in range(500)]
    assert sum(len(b.series) for _, b in messages) == len({s.labels and bytes(s.labels) for s in samples})
    again = list(cut(door.registry, [door.take("t", samples[:5], at_now, NOW).rows], NOW, 30))
    assert all(not b.series for _, b in again)


def test_within_a_partition_the_order_of_arrival_is_kept() -> None:
    door = intake()
    rows = door.take("t", [sample(value=float(k)) for k in range(100)], at_now, NOW).rows
    values = [v for _, b in cut(door.registry, [rows], NOW, 7) for v in b.values.tolist()]
    assert values == [float(k) for k in range(100)]


def test_nothing_makes_no_message_and_a_tick_has_no_rows() -> None:
    door = intake()
    assert list(cut(door.registry, [], NOW, 10)) == []
    assert list(cut(door.registry, [door.take("t", [sample(value=float("nan"))], at_now, NOW).rows], NOW, 10)) == []
    assert len(decode_samples(encode_samples(tick(NOW))).ids) == 0


def test_the_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(10.0, 3)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10_000) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(5_000)
