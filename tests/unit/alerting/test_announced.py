"""Maintenance said as an event: whom it mutes, until when, and what it never touches."""

from __future__ import annotations

from typing import Any

import lz4.frame
import msgspec
import pytest

from kizashi.contracts import codec, topics
from kizashi.contracts.inputs import Event
from kizashi.contracts.maintenance import LONGEST_S
from services.alerting import announced
from services.alerting.announced import USUAL_MS, Announced
from services.alerting.answers import answer
from services.alerting.app import DUTY
from services.alerting.configuration import RunningSet
from services.alerting.model import PartitionModel
from services.alerting.replay import Recorded, play
from services.alerting.rules import AnomalyRule
from tests.unit.alerting.situation import T0, S, deliver, episode, run, tenant
from tests.unit.alerting.test_processor import KEY, PARTITION, factory_with_an_alert, record

ODD = {"odd": AnomalyRule()}


def work(entity: str = "svc-1", id_: str = "m1", *, at_ms: int = T0, **attributes: Any) -> Event:
    return Event("maintenance", entity, at_ms, id_, title="new disk", attributes=attributes)


def test_it_mutes_its_entity_until_its_end_and_nobody_else() -> None:
    t = tenant(ODD)
    t.announced.take(work(until_ms=T0 + 600 * S), T0)
    for n in (1, 2):
        t.episode(episode(n))
    run(t, T0 + 590 * S)
    assert [m.alerts[0].labels["service"] for m in deliver(t)] == ["svc-2"]
    held = {a.labels["service"]: (a.held_back_by, a.state) for a in t.book.alerts.values()}
    assert held == {"svc-1": ("maintenance", "firing"), "svc-2": ("", "firing")}, "the alert is there, only nobody is woken"
    (listed,) = answer(t, "GET", "maintenance", {}, {})["items"]
    assert listed == {
        "id": "m1", "match": ["entity=svc-1"], "reason": "new disk", "start_ms": T0, "end_ms": T0 + 600 * S, "active": True,
        "windows": [{"start_ms": T0, "end_ms": T0 + 600 * S}],
    }  # fmt: skip
    run(t, T0 + 1_000 * S)
    assert [m.alerts[0].labels["service"] for m in deliver(t)] == ["svc-1"], "what still holds at the end is told then"
    assert answer(t, "GET", "maintenance", {}, {})["items"] == []


def test_the_end_of_what_was_told_before_is_told_during_it() -> None:
    t = tenant(ODD)
    t.episode(episode(1))
    assert [m.kind for m in deliver(t)] == ["firing"]
    t.announced.take(work(until_ms=T0 + 600 * S), T0)
    t.episode(episode(1, version=2, state="closed"))
    run(t, T0 + 30 * S)
    assert [m.kind for m in deliver(t)] == ["resolved"]


@pytest.mark.parametrize(
    ("attributes", "lasts_ms"),
    [
        ({}, USUAL_MS), ({"until_ms": "soon"}, USUAL_MS), ({"until_ms": float("inf")}, USUAL_MS), ({"until_ms": T0 + 5_000.0}, 5_000),
        ({"until_ms": f"{T0 + 7_000}"}, 7_000), ({"until_ms": T0 * 2}, round(LONGEST_S * S)), ({"until_ms": T0 - 1}, 0),
    ],
)  # fmt: skip
def test_how_long_it_lasts(attributes: dict[str, Any], lasts_ms: int) -> None:
    one = Announced()
    one.take(work(**attributes), T0)
    for at_ms in (T0 - 1, T0, T0 + lasts_ms - 1, T0 + lasts_ms):
        assert bool(one.covering({"host": "svc-1"}, at_ms)) == (T0 <= at_ms < T0 + lasts_ms)


def test_said_again_under_its_id_it_moves_and_ends_early() -> None:
    one = Announced()
    for _ in range(2):
        one.take(work(until_ms=T0 + 600 * S), T0)
    one.take(work("other", "m2", until_ms=T0 + 60 * S), T0)
    one.take(work("svc-3", until_ms=T0 + 600 * S), T0)
    assert one.covering({"entity": "svc-1"}, T0) == [] and one.covering({"service": "svc-3"}, T0) == ["m1"]
    one.take(work("svc-3", until_ms=T0 + 30 * S), T0 + 61 * S)
    assert one.spans == {}, "what is over is not kept"
    one.take(Event("change", "svc-1", T0, "c"), T0)
    assert one.spans == {}


def test_windows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced, "MOST", 3)
    one = Announced()
    for k in range(5):
        one.take(work(f"svc-{k}", f"m{k}"), T0)
    assert sum(map(len, one.spans.values())) == 3 and one.covering({"service": "svc-4"}, T0) == ["m4"]


def test_events_come_through_the_log_and_are_kept_in_the_state() -> None:
    assert topics.EVENTS.name in DUTY.inputs and topics.EVENTS.partitioned_by == "tenant"
    factory, p = factory_with_an_alert()
    p.process(record(topics.EVENTS.name, codec.encode(work(until_ms=T0 + 600 * S))))
    p.process(record(topics.EVENTS.name, codec.encode(Event("ticket", "svc-1", T0, "t", "stranger"))))
    assert factory.tenant("stranger") is None, "a tenant is not made of its tickets"
    twin = PartitionModel.load(p.dump(), PARTITION, 12, KEY)
    assert twin.tenants["default"].announced.covering({"service": "svc-1"}, T0) == ["m1"]
    assert twin.dump() == p.dump()


def test_a_replay_knows_them() -> None:
    running = RunningSet(dict(ODD))
    running.take("route", "tree", {"critical_wait_s": 0}, T0)
    said = [Recorded(T0, work(until_ms=T0 + 600 * S)), Recorded(T0 + S, episode(1, at_ms=T0 + S))]
    end = Recorded(T0 + 300 * S, episode(1, at_ms=T0 + S, version=2, state="closed"))
    played, _ = play("default", running, [*said, end], [], T0, T0 + 3_600 * S)
    assert (played.pages, played.held_back) == (0, {"maintenance": 1})
    played, _ = play("default", running, [said[1], end], [], T0, T0 + 3_600 * S)
    assert played.pages == 1


def test_a_state_from_before_announcements_is_still_read() -> None:
    _factory, p = factory_with_an_alert()
    whole = msgspec.msgpack.decode(lz4.frame.decompress(p.dump()))
    for one in whole["tenants"]:
        assert one.pop("announced") == {}
    twin = PartitionModel.load(bytes(lz4.frame.compress(msgspec.msgpack.encode(whole))), PARTITION, 12, KEY)
    assert twin.dump() == p.dump()
