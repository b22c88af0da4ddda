"""Configuration and feedback as the processor takes them from the log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import F64, SamplesBatch, SeriesInfo, encode_samples
from kizashi.contracts.findings import ConfigChange, Feedback
from kizashi.contracts.ids import format_series_id
from kizashi.errors import InvalidMessage
from kizashi.stream.config import sign
from kizashi.stream.records import Record
from services.anomaly.config import ModelConfig
from services.anomaly.model import PartitionModel
from services.anomaly.processor import AnomalyFactory, AnomalyProcessor

KEY = b"k" * 32
SERIES = 12
HOUR_MS = 3_600_000


def processor() -> AnomalyProcessor:
    return AnomalyFactory("t", 1, ModelConfig(), KEY).new(0)


def send(p: AnomalyProcessor, offset: int, ts: list[int], values: F64 | list[float], announce: bool = False) -> None:
    info = [SeriesInfo(SERIES, "acme", "cpu.load", {"host": "web-1"})] if announce else []
    n = len(ts)
    batch = SamplesBatch(
        ts[-1], np.full(n, SERIES, np.uint64), np.array(ts, np.int64), np.array(values, float), np.zeros(n, np.uint8), info
    )
    p.process(Record(topics.SAMPLES.name, 0, offset, encode_samples(batch)))


def configure(p: AnomalyProcessor, kind: str, id_: str, body: dict[str, Any] | None, based_on: int = 0, key: bytes = KEY) -> None:
    change = sign(ConfigChange(kind, id_, based_on, body, "mia", 1, f"{kind}{id_}{based_on}{body}", "acme"), key)
    p.control(Record(topics.CONFIG.name, 0, 0, codec.encode(change)))


def say(p: AnomalyProcessor, verdict: str, target: str = "episode-1", undo: bool = False, tenant: str = "acme") -> None:
    feedback = Feedback("f", tenant, target, verdict, "mia", 1, format_series_id(SERIES), undo=undo)  # type: ignore[arg-type]  # a word of the Literal
    p.control(Record(topics.FEEDBACK.name, 0, 0, codec.encode(feedback)))


def fed() -> AnomalyProcessor:
    p = processor()
    send(p, 0, list(range(1000, 301_000, 1000)), np.random.default_rng(0).normal(10.0, 1.0, 300), announce=True)
    return p


def test_sensitivity_reaches_series_that_are_there_and_those_that_come() -> None:
    p, late = fed(), processor()
    for one in (p, late):
        configure(one, "sensitivity", "cpu", {"metric": "cpu.*", "labels": {"host": "web-*"}, "direction": "up", "min_deviation": 3.0})
    send(late, 0, [1000], [10.0], announce=True)
    for one in (p, late):
        assert one.model.bank.states[0][["direction", "min_deviation"]].tolist() == (1, 3.0)


def test_deleting_a_rule_and_a_rule_for_others_leave_nothing_behind() -> None:
    p = fed()
    configure(p, "sensitivity", "a", {"metric": "cpu.load", "min_relative": 0.5})
    assert p.model.bank.states[0]["min_relative"] == 0.5
    configure(p, "sensitivity", "a", {"metric": "disk.*", "min_relative": 0.5}, based_on=1)
    assert p.model.bank.states[0]["min_relative"] == 0.0
    configure(p, "sensitivity", "a", None, based_on=2)
    assert p.model.bank.states[0]["min_relative"] == 0.0


def test_unsigned_late_and_bad_changes_leave_the_standing_one_in_force() -> None:
    p = fed()
    configure(p, "sensitivity", "a", {"min_relative": 0.5})
    configure(p, "sensitivity", "a", {"min_relative": 0.9}, based_on=1, key=b"x" * 32)
    configure(p, "sensitivity", "a", {"min_relative": 0.9}, based_on=0)
    with pytest.raises(InvalidMessage, match="min_relative"):
        configure(p, "sensitivity", "a", {"min_relative": -1.0}, based_on=1)
    assert p.model.bank.states[0]["min_relative"] == 0.5
    configure(p, "sensitivity", "a", {"min_relative": 0.7}, based_on=1)
    assert p.model.bank.states[0]["min_relative"] == pytest.approx(0.7)


def test_a_tenants_clock_holidays_and_alarm_rate() -> None:
    p = fed()
    configure(p, "scoring", "tenant", {"time_zone": "Asia/Tokyo", "holidays": ["2026-11-25"], "country": "JP", "alarm_days": 7.0})
    bank = p.model.bank
    ids, wednesday = np.full(1, SERIES, np.uint64), np.array([1_795_575_600_000])  # 2026-11-25 12:00 in Tokyo
    local, civil = bank._clocks(ids, wednesday)
    assert local[0] - wednesday[0] == 9 * HOUR_MS
    assert (local[0] - civil[0]) == 3 * 24 * HOUR_MS
    assert bank._clocks(np.ones(1, np.uint64), wednesday)[0][0] == wednesday[0]
    assert bank.states[0]["alarm_ms"] == 7 * 24 * HOUR_MS
    with pytest.raises(InvalidMessage, match="no public holidays"):
        configure(p, "scoring", "tenant", {"country": "QQ"}, based_on=1)


def test_configuration_survives_a_restart_bit_for_bit() -> None:
    p = fed()
    configure(p, "scoring", "tenant", {"time_zone": "Asia/Tokyo"})
    configure(p, "sensitivity", "a", {"model": "river.anomaly.GaussianScorer"})
    say(p, "false")
    ts, values = list(range(301_000, 1_500_000, 1000)), np.random.default_rng(1).normal(10.0, 1.0, 1199)
    send(p, 1, ts, values)
    p.drain()
    back = PartitionModel.load(p.dump(), ModelConfig(), KEY)
    assert back.dump() == p.dump()
    again = AnomalyProcessor(back, 1)
    for one in (p, again):
        configure(one, "sensitivity", "a", {"model": ""}, based_on=0)  # late: both must know that
        say(one, "false")  # a repeat
        send(one, 2, list(range(1_500_000, 2_500_000, 1000)), np.random.default_rng(2).normal(10.0, 1.0, 1000))
    assert [e.value for e in p.drain()] == [e.value for e in again.drain()]
    assert again.dump() == p.dump()


def test_a_verdict_counts_once_an_episode_and_is_undone_once() -> None:
    p = fed()
    steps = p.model.bank.states["feedback"]
    say(p, "false")
    say(p, "false")
    assert steps[0] == 2
    say(p, "false", target="episode-2")
    say(p, "true", target="episode-3")
    assert steps[0] == 3
    say(p, "false", undo=True)
    say(p, "false", undo=True)
    say(p, "expected", undo=True)
    say(p, "false", tenant="mallory")
    assert steps[0] == 1


def test_a_river_model_is_a_further_head_and_opens_episodes_under_its_name() -> None:
    p = fed()
    configure(p, "sensitivity", "a", {"metric": "cpu.load", "model": "river.anomaly.GaussianScorer"})
    rng = np.random.default_rng(3)
    send(p, 1, list(range(301_000, 1_301_000, 1000)), rng.normal(10.0, 1.0, 1000))
    assert not p.model.bank.states[0]["open"]
    quiet = processor()
    send(quiet, 0, list(range(1000, 1_301_000, 1000)), np.append(rng.normal(10.0, 1.0, 1299), 16.0), announce=True)
    send(p, 2, [1_301_000], [16.0])
    head = p.model.bank.heads[SERIES]
    assert head.path == "river.anomaly.GaussianScorer"
    assert p.model.bank.states[0]["open"]
    assert not quiet.model.bank.states[0]["open"]
    found = [codec.decode(e.value, dict[str, Any]) for e in p.drain() if e.topic == topics.EPISODES.name]
    assert [f["head"] for f in found] == ["river"]


def test_a_maintenance_window_keeps_matching_series_quiet_and_teaches_them_nothing() -> None:
    p, start = processor(), 1_790_000_000_000
    stamps = list(range(start, start + 2_500_000, 1000))
    send(p, 0, stamps, np.random.default_rng(0).normal(10.0, 1.0, 2500), announce=True)
    calm = p.model.bank.states[0].copy()
    body = {"match": ['host="web-1"'], "start": "2026-09-21T14:55:00", "duration_s": 600.0, "reason": "new disks"}
    configure(p, "maintenance", "disks", body)
    begin = 1_790_000_100_000 + 2_400_000
    send(p, 1, [begin], [10.0])
    send(p, 2, list(range(begin + 1000, begin + 400_000, 1000)), [500.0] * 399)
    record = p.model.bank.states[0]
    assert record["quiet_until_ms"] == begin + 600_000
    assert not record["open"]
    assert record["high"][0] > 100.0
    back = AnomalyProcessor(PartitionModel.load(_dumped(p), ModelConfig(), KEY), 1)
    for one in (p, back):
        send(one, 3, list(range(begin + 600_000, begin + 700_000, 1000)), np.random.default_rng(1).normal(10.0, 1.0, 100))
    after = p.model.bank.states[0]
    assert after["high"][0] < calm["high"][0] + 2.0
    assert after["square_rest"] / after["weight"] < 2.0
    assert not after["open"]
    assert back.dump() == p.dump()
    configure(p, "maintenance", "disks", None, based_on=1)
    assert p.model.bank.states[0]["quiet_until_ms"] == 0


def test_a_labelled_incident_is_unlearned_and_an_expected_one_is_not() -> None:
    def lived(verdict: str, when: str) -> np.ndarray[tuple[int], np.dtype[Any]]:
        p = processor()
        send(p, 0, list(range(1000, 2_501_000, 1000)), np.random.default_rng(0).normal(10.0, 1.0, 2500), announce=True)
        send(p, 1, list(range(2_501_000, 2_561_000, 1000)), [80.0] * 60)
        assert p.model.bank.states[0]["open"]
        if when == "during":
            say(p, verdict)
        send(p, 2, list(range(2_561_000, 3_561_000, 1000)), np.random.default_rng(1).normal(10.0, 1.0, 1000))
        assert not p.model.bank.states[0]["open"]
        if when == "after":
            say(p, verdict)
        copy: np.ndarray[tuple[int], np.dtype[Any]] = p.model.bank.states[0].copy()
        return copy

    for when in ("during", "after"):
        assert lived("true", when)["high"][0] < 10.0
        assert lived("expected", when)["high"][0] > 50.0
    assert lived("", "never")["high"][0] > 50.0


def _dumped(p: AnomalyProcessor) -> bytes:
    p.drain()
    return p.dump()
