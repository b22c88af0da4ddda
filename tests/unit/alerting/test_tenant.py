"""From a finding to what is said, and to nothing more: states, groups, gates, outbox, snapshots."""

from __future__ import annotations

import lz4.frame
import numpy as np
import pytest

from kizashi.contracts import codec
from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import ConfigChange, Feedback
from kizashi.contracts.ids import tenant_partition
from kizashi.errors import Damaged
from kizashi.stream.config import sign
from services.alerting.model import PartitionModel
from services.alerting.rules import AnomalyRule, IncidentRule, ThresholdRule
from services.alerting.tenant import Tenant
from tests.unit.alerting.situation import T0, S, deliver, episode, incident, run, tenant

ODD = {"odd": AnomalyRule()}


def rollup(series: int, at_ms: int, value: float) -> RollupBatch:
    one = np.array([value])
    return RollupBatch(
        "default", "topic", 0, 0, 0, at_ms, 10 * S, np.array([series], np.uint64), np.array([10], np.uint32), one, one, one,
        np.array([0.0], np.float32), [SeriesInfo(series, "default", "disk", {"host": "a"})],
    )  # fmt: skip


def feed(t: Tenant, b: RollupBatch) -> None:
    for info in b.series:
        t.series(info)
    t.advance(b.start_ms + b.step_ms + 2 * S)
    t.rollup(b)


def test_one_message_when_it_fires_and_one_when_it_is_over() -> None:
    t = tenant(ODD)
    t.episode(episode())
    t.advance(T0 + S)
    first = deliver(t)
    assert [(m.kind, m.severity, m.channel, len(m.alerts)) for m in first] == [("firing", "critical", "topic", 1)]
    assert "svc-1" in first[0].title and "0.5 to 1.5 was expected" in " ".join(first[0].body)
    t.episode(episode(version=2))
    run(t, T0 + 600 * S)
    assert deliver(t) == []
    t.episode(episode(version=3, state="closed"))
    run(t, T0 + 700 * S)
    last = deliver(t)
    assert [m.kind for m in last] == ["resolved"] and last[0].group == first[0].group and last[0].key != first[0].key
    assert not t.groups and not t.book.alerts and not t.in_groups


def test_an_older_or_repeated_version_changes_nothing() -> None:
    t = tenant(ODD)
    t.episode(episode(version=2, state="closed"))
    t.episode(episode(version=1))
    run(t, T0 + 10 * S)
    assert t.take() == [] and t.outbox.waiting() == []


def test_acknowledging_stops_reminders_and_escalation_and_is_told_at_once() -> None:
    t = tenant(ODD, route={"critical_wait_s": 0, "repeat_interval_s": 600, "group_interval_s": 60, "escalation": "e"})
    t.config("escalation", "e", {"steps": [{"after_s": 0, "channels": ["a"]}, {"after_s": 300, "channels": ["b"]}]}, T0)
    t.episode(episode())
    (first,) = deliver(t)
    assert (first.channel, first.step) == ("a", 0)
    run(t, T0 + 301 * S)
    (second,) = deliver(t)
    assert (second.kind, second.channel, second.step) == ("escalated", "b", 1)
    t.feedback(Feedback("f1", "default", first.alerts[0].id, "acknowledge", "mika", T0))
    told = deliver(t)
    assert {(m.kind, m.channel) for m in told} == {("acknowledged", "a"), ("acknowledged", "b")}
    run(t, T0 + 7_200 * S, 10 * S)
    assert deliver(t) == []
    t.episode(episode(version=2, state="closed"))
    run(t, t.now_ms + 400 * S)
    assert {(m.kind, m.channel) for m in deliver(t)} == {("resolved", "a"), ("resolved", "b")}


def test_assigning_is_acknowledging_for_somebody_who_can_hand_it_on() -> None:
    t = tenant(ODD)
    t.episode(episode())
    deliver(t)
    (alert,) = t.book.alerts.values()
    for note, author, by in (("assign: mika", "boss", "mika"), ("", "kai", "kai"), ("assign:yu", "kai", "yu")):
        t.feedback(Feedback(f"f{by}", "default", alert.group, "acknowledge", author, T0, note=note))
        assert (alert.state, alert.acknowledged_by) == ("acknowledged", by)
    assert [m.kind for m in deliver(t)] == ["acknowledged"]
    t.feedback(Feedback("fz", "default", alert.id, "acknowledge", "kai", T0, undo=True))
    assert (alert.state, alert.acknowledged_by) == ("firing", "")


def test_an_open_group_follows_a_changed_route() -> None:
    t = tenant(ODD, route={"critical_wait_s": 0, "repeat_interval_s": 600, "group_interval_s": 60})
    t.episode(episode())
    assert [m.channel for m in deliver(t)] == ["topic"]
    t.config("route", "tree", {"critical_wait_s": 0, "repeat_interval_s": 100, "group_interval_s": 60, "channels": ["b"]}, T0)
    run(t, T0 + 130 * S)
    assert [(m.channel, m.repeat) for m in deliver(t)] == [("topic", 1), ("b", 1)], "sooner, and both"
    t.episode(episode(version=2, state="closed"))
    run(t, T0 + 200 * S)
    assert {(m.channel, m.kind) for m in deliver(t)} == {("topic", "resolved"), ("b", "resolved")}


def test_reminders_come_with_keys_of_their_own() -> None:
    t = tenant(ODD, route={"critical_wait_s": 0, "repeat_interval_s": 600, "group_interval_s": 60})
    t.episode(episode())
    keys = [m.key for m in deliver(t)]
    for k in range(1, 4):
        run(t, T0 + k * 660 * S, 10 * S)
        keys += [m.key for m in deliver(t)]
    assert len(keys) == 4 == len(set(keys))


def test_a_silence_holds_back_and_reports_and_never_blocks_the_end() -> None:
    t = tenant(ODD)
    t.episode(episode(1))
    deliver(t)
    t.config("silence", "s", {"match": ["service=~svc-."], "ends_ms": T0 + 3_600 * S, "owner": "mika", "reason": "move"}, T0)
    t.episode(episode(2))
    run(t, T0 + 20 * S)
    assert deliver(t) == []
    held = {a.labels["service"]: a.held_back_by for a in t.book.alerts.values()}
    assert held == {"svc-1": "silence", "svc-2": "silence"}
    assert len(t.hidden["s"].alerts) == 2
    t.episode(episode(1, version=2, state="closed"))
    run(t, T0 + 30 * S)
    assert [(m.kind, m.alerts[0].labels["service"]) for m in deliver(t)] == [("resolved", "svc-1")]
    t.episode(episode(2, version=2, state="closed"))
    run(t, T0 + 400 * S)
    assert deliver(t) == [], "what was never told needs no end"


def test_what_a_silence_held_back_is_said_after_it_when_it_still_holds() -> None:
    t = tenant(ODD)
    t.config("silence", "s", {"match": ["service=svc-1"], "ends_ms": T0 + 600 * S, "owner": "mika", "reason": "move"}, T0)
    t.episode(episode(1))
    run(t, T0 + 590 * S)
    assert deliver(t) == []
    run(t, T0 + 1_000 * S)
    assert [m.kind for m in deliver(t)] == ["firing"]


def test_an_incident_holds_its_episodes_back_until_it_is_over() -> None:
    t = tenant({"odd": AnomalyRule(), "incident": IncidentRule()})
    e = episode(1)
    t.incident(incident(episodes=[e.id]))
    t.episode(e)
    run(t, T0 + 5 * S)
    said = deliver(t)
    assert [m.alerts[0].rule for m in said] == ["incident"]
    assert "its disk is full" in " ".join(said[0].body)
    child = next(a for a in t.book.alerts.values() if a.rule == "odd")
    assert child.held_back_by == "parent"
    t.incident(incident(episodes=[e.id], version=2, state="closed"))
    run(t, T0 + 900 * S)
    assert [(m.kind, m.alerts[0].rule) for m in deliver(t)] == [("resolved", "incident"), ("firing", "odd")]


def test_a_threshold_fires_after_its_time_and_clears_below_the_lower_mark() -> None:
    t = tenant({"full": ThresholdRule(metric="disk", above=0.9, clear=0.8, for_s=30.0)})
    values = [0.95, 0.95, 0.95, 0.95, 0.85, 0.85, 0.79, 0.79]
    states = []
    for k, value in enumerate(values):
        feed(t, rollup(7, T0 + 10 * S * k, value))
        states.append({a.state for a in t.book.alerts.values()})
    assert states[:3] == [{"pending"}] * 3
    assert states[3:6] == [{"firing"}] * 3, "0.85 is below the threshold, above the clearing mark"
    assert states[6] == {"resolved"}


def test_a_short_breach_never_fires_and_says_why() -> None:
    t = tenant({"full": ThresholdRule(metric="disk", above=0.9, for_s=60.0)})
    published = []
    for k, value in enumerate([0.95, 0.95, 0.1]):
        feed(t, rollup(7, T0 + 10 * S * k, value))
        published += t.take()
    published += run(t, T0 + 300 * S)
    assert deliver(t) == [] and not t.book.alerts
    assert {(a.state, a.held_back_by) for a in published} == {("pending", ""), ("resolved", "duration")}


def test_flapping_is_one_long_alert() -> None:
    t = tenant(ODD)
    kinds: list[str] = []
    for k in range(12):
        at = T0 + k * 240 * S
        t.advance(at)
        t.episode(episode(1, at_ms=at))
        run(t, at + 120 * S)
        t.episode(episode(1, at_ms=at, version=2, state="closed", closed_ms=at + 120 * S))
        run(t, at + 239 * S)
        kinds += [m.kind for m in deliver(t)]
    live = [a for a in t.book.alerts.values() if a.fires]
    assert len(live) == 1 and live[0].flapping
    assert kinds.count("firing") == 4, "the fourth start within an hour stays"
    run(t, t.now_ms + 1_200 * S)
    assert [m.kind for m in deliver(t)] == ["resolved"]


def test_failed_channels_hand_over_to_their_fallback_once() -> None:
    t = tenant(ODD, route={"critical_wait_s": 0, "channels": ["a"]})
    t.config("channel", "a", {"type": "slack", "url_file": "a", "fallback": "b"}, T0)
    t.config("channel", "b", {"type": "slack", "url_file": "b", "fallback": "a"}, T0)
    t.episode(episode())
    assert [m.channel for m in deliver(t, "retry")] == ["a"]
    assert [m.channel for m in deliver(t, "failed")] == ["a"]
    assert [m.given_up for m in t.outbox.waiting()] == [["a"]]
    assert [m.channel for m in deliver(t, "failed")] == ["b"]
    assert deliver(t) == [] and t.outbox.undelivered == 1


KEY = b"k" * 32
PARTITION = tenant_partition("default", 12)


def test_a_snapshot_continues_where_it_was_and_repeats_equal_keys() -> None:
    model = PartitionModel(PARTITION, 12, KEY)
    body = {"group_wait_s": 5, "critical_wait_s": 5, "group_interval_s": 30}
    model.config(codec.encode(sign(ConfigChange("route", "tree", 0, body, "mika", T0, "c1"), KEY)))
    model.advance(T0)
    model.episode(episode())
    twin = PartitionModel.load(model.dump(), PARTITION, 12, KEY)
    for m in (model, twin):
        m.advance(T0 + 61 * S)
        m.advance(T0 + 67 * S)
        m.take()
    assert [n.key for n in model.pending()] == [n.key for n in twin.pending()] != []
    assert model.dump() == twin.dump()
    assert twin.tenants["default"].running.route.group_interval_s == 30


def test_configuration_of_others_and_unsigned_changes_are_left_alone() -> None:
    model = PartitionModel(PARTITION, 12, KEY)
    change = ConfigChange("rule", "r", 0, {"kind": "incident"}, "mika", T0, "c1")
    model.config(codec.encode(sign(change, b"x" * 32)))
    model.config(codec.encode(sign(ConfigChange("dashboard", "d", 0, {}, "mika", T0, "c2"), KEY)))
    other = next(f"t{k}" for k in range(99) if tenant_partition(f"t{k}", 12) != PARTITION)
    model.config(codec.encode(sign(ConfigChange("rule", "r", 0, {"kind": "incident"}, "mika", T0, "c3", other), KEY)))
    assert model.tenants == {}


def test_a_bad_rule_is_refused_and_the_running_one_stays() -> None:
    t = tenant()
    assert t.config("rule", "r", {"kind": "threshold", "metric": "disk", "above": 0.9}, T0)
    assert not t.config("rule", "r", {"kind": "threshold", "metric": "disk", "above": 0.9, "clear": 0.95}, T0)
    assert "$.clear" in t.running.problems["rule", "r"]
    assert isinstance(t.running.rules["r"], ThresholdRule) and t.running.rules["r"].clear is None
    assert t.config("rule", "r", None, T0) and not t.running.problems


@pytest.mark.parametrize("data", [b"", b"nonsense", lz4.frame.compress(b"\x93\x09\x90\x90"), lz4.frame.compress(b"\x91")])
def test_a_state_that_cannot_be_read_is_never_misread(data: bytes) -> None:
    with pytest.raises(Damaged):
        PartitionModel.load(data, PARTITION, 12, KEY)
