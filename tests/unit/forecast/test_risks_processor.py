"""The carriers: configuration in force or refused, risks out, a restored partition goes on alike."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import RollupBatch, SeriesInfo, encode_rollups
from kizashi.contracts.findings import ConfigChange, Risk
from kizashi.contracts.ids import tenant_partition
from kizashi.contracts.inputs import Event
from kizashi.errors import Damaged, InvalidMessage
from kizashi.stream.config import sign
from kizashi.stream.records import Emit, Record
from services.forecast.config import ForecastConfig
from services.forecast.processor import ForecastFactory
from services.forecast.risks_processor import RisksFactory, RisksProcessor

KEY = b"k" * 32
START = 1_700_000_000_000 // 3_600_000 * 3_600_000
SLO: dict[str, object] = {
    "name": "Web", "entity": "web", "objective": 0.99, "kind": "availability", "metric": {"metric": "up"}, "window": "7d"
}  # fmt: skip


def change(kind: str, id_: str, body: dict[str, object] | None, based_on: int = 0, key: bytes = KEY, tenant: str = "default") -> Record:
    one = sign(ConfigChange(kind, id_, based_on, body, "ann", START, f"{kind}-{id_}-{based_on}", tenant), key)
    return Record(topics.CONFIG.name, 0, 0, codec.encode(one))


def rollup(minute: int, up: float = 1.0) -> Record:
    n, one = np.full(1, 10, np.uint32), np.full(1, up)
    info = [SeriesInfo(4, "default", "up", {"service": "web"})] if minute == 0 else []
    batch = RollupBatch("default", "t", 0, 0, 0, START + 60_000 * minute, 10_000, np.array([4], np.uint64), n, one, one, one,
                        np.zeros(1, np.float32), info)  # fmt: skip
    return Record(topics.ROLLUPS.name, 0, minute, encode_rollups(batch), timestamp_ms=batch.start_ms + 12_000)


def event(type_: str, id_: str, ts_ms: int, written_ms: int = 0, **attributes: object) -> Record:
    one = Event(type_, "web", ts_ms, id_, attributes=attributes)  # type: ignore[arg-type]  # a word of the closed set
    return Record(topics.EVENTS.name, 0, 0, codec.encode(one), timestamp_ms=written_ms or ts_ms)


def risks_of(emits: list[Emit]) -> list[Risk]:
    assert {e.topic for e in emits} <= {topics.RISKS.name}
    return [codec.decode(e.value, Risk) for e in emits]


def processor() -> RisksProcessor:
    return RisksFactory(1, KEY).new(0)


def test_an_objective_counts_and_its_deletion_is_told() -> None:
    p = processor()
    p.control(change("slo", "web", SLO))
    for minute in range(10):
        p.process(rollup(minute, 0.5 if minute > 4 else 1.0))
    told = risks_of(p.drain())
    assert told[-1].kind == "slo"
    assert told[-1].value == pytest.approx(0.75, abs=0.1)
    assert [r.version for r in told] == list(range(1, len(told) + 1))
    p.control(change("slo", "web", None, 1))
    [last] = risks_of(p.drain())
    assert (last.reason, last.firing, last.version) == ("deleted", False, told[-1].version + 1)
    p.control(change("slo", "web", SLO, 2))
    p.process(rollup(11))
    p.process(rollup(12))
    assert risks_of(p.drain())[0].version == last.version + 1


def test_what_makes_no_sense_or_is_not_signed_leaves_the_old_in_force() -> None:
    p = processor()
    p.control(change("slo", "web", SLO))
    with pytest.raises(InvalidMessage):
        p.control(change("slo", "web", {**SLO, "objective": 7}, 1))
    p.control(change("slo", "web", {**SLO, "objective": 0.5}, 2, key=b"x" * 32))
    p.control(change("slo", "web", {**SLO, "objective": 0.5}, 1))  # came second: version 1 was changed already
    [(_, found)] = p.promises.of_kind("slo", "default")
    assert getattr(found, "objective", 0) == 0.99
    p.control(change("slo", "web", {**SLO, "objective": 0.5}, 2))
    [(_, found)] = p.promises.of_kind("slo", "default")
    assert getattr(found, "objective", 0) == 0.5
    with pytest.raises(InvalidMessage):
        p.control(change("promise", "p1", {"priority": "P1", "resolve_s": 3600, "calendar": "office"}))
    p.control(change("calendar", "office", {"zone": "Asia/Tokyo"}))
    assert [x.calendar for x in p.risks.tickets["default"].desk.promises] == ["office"]


def test_only_tenants_of_the_partition_are_configured() -> None:
    there = tenant_partition("default", 12)
    assert RisksFactory(12, KEY).new(there).promises.take(change("slo", "a", SLO).value) is not None
    assert RisksFactory(12, KEY).new((there + 1) % 12).promises.take(change("slo", "a", SLO).value) is None
    assert RisksFactory(12, None).new(there).promises.take(change("slo", "a", SLO).value) is None


def test_incidents_with_a_priority_run_the_clocks_too() -> None:
    p = processor()
    p.control(change("promise", "p1", {"priority": "P1", "resolve_s": 3600, "respond_s": 600}))
    p.process(event("incident", "i1", START, priority="P1", queue="ops", opened_ms=START, state="open"))
    p.process(rollup(50))
    told = risks_of(p.drain())
    assert [r.kind for r in told].count("ticket") == 4  # opened and late to respond; opened and four fifths gone
    assert {f.text for r in told for f in r.factors if f.name == "promise"} == {"resolve", "respond"}
    assert [r.firing for r in told if "first answer" in r.title] == [False, True]


def test_a_clock_ahead_of_the_log_does_not_move_time() -> None:
    p = processor()
    p.process(event("change", "c", START + 86_400_000, START))
    assert p.risks.now_ms == 0
    p.process(event("change", "d", START + 1, START))
    assert p.risks.now_ms == START + 1


def test_a_still_partition_takes_the_time_from_the_wall_after_a_minute() -> None:
    p = processor()
    p.control(change("promise", "p1", {"priority": "P1", "resolve_s": 3600}))
    p.process(event("ticket", "t1", START, priority="P1", state="open"))
    p.drain()
    for _ in range(59):
        p.tick(START + 3_500_000)
    assert p.drain() == []
    p.tick(START + 3_500_000)
    [late] = risks_of(p.drain())
    assert late.firing


def standing_time() -> RisksProcessor:
    """A partition that others brought to minute 5, and an objective made then."""
    p = processor()
    for minute in (0, 5):
        p.process(rollup(minute))
    p.control(change("slo", "web", SLO))
    assert p.drain() == []
    return p


def test_a_new_objective_is_judged_as_soon_as_it_has_counted() -> None:
    p = standing_time()
    p.process(rollup(5))
    [first] = risks_of(p.drain())
    assert (first.value, first.version) == (1.0, 1)
    p.process(rollup(5, 0.0))
    assert p.drain() == [], "after the first word, once a minute"
    p.process(rollup(6))
    [second] = risks_of(p.drain())
    assert second.value == pytest.approx(2 / 3)


def test_the_end_of_what_was_sent_is_judged_though_nothing_follows() -> None:
    p = standing_time()
    p.process(rollup(5))
    p.process(rollup(5, 0.0))
    assert risks_of(p.drain())[-1].value == 1.0
    wall = START + 86_400_000
    for second in range(14):
        p.process(event("change", f"c{second}", START, START))  # other records do not keep rollups waiting
        p.tick(wall)
    assert p.drain() == []
    p.tick(wall)
    [last] = risks_of(p.drain())
    assert (last.value, last.made_at_ms) == (0.5, START + 310_000), "the wall does not move an objective's time"
    for _ in range(120):
        p.tick(wall)
    assert p.drain() == [], "judged once"
    p.process(rollup(5))
    for _ in range(15):
        p.tick(wall)
    assert risks_of(p.drain())[-1].value == pytest.approx(2 / 3), "and again after the next rollup"


def test_what_was_not_judged_before_a_restart_is_judged_after_it() -> None:
    p = standing_time()
    p.process(rollup(5))
    p.process(rollup(5, 0.0))
    p.drain()
    q = RisksFactory(1, KEY).load(0, p.dump())
    for one in (p, q):
        for _ in range(20):
            one.tick(START)
    told = p.drain()
    assert risks_of(told)[-1].value == 0.5
    assert q.drain() == told and q.dump() == p.dump()


def test_a_restored_partition_goes_on_alike() -> None:
    factory, p = RisksFactory(1, KEY), processor()
    p.control(change("slo", "web", SLO))
    p.control(change("promise", "p1", {"priority": "P1", "resolve_s": 3600, "respond_s": 900}))
    for minute in range(30):
        p.process(rollup(minute, 0.9))
    p.process(event("ticket", "t1", START + 60_000, priority="P1", state="open"))
    p.process(event("past_ticket", "t0", START - 9_000_000, priority="P1", state="open"))
    p.drain()
    q = factory.load(0, p.dump())
    assert q.dump() == p.dump()
    for one in (p, q):
        one.control(change("slo", "web", {**SLO, "name": "Shop"}, 1))
        for minute in range(30, 90):
            one.process(rollup(minute, 0.9))
    assert p.drain() == q.drain()
    assert p.dump() == q.dump()
    with pytest.raises(Damaged):
        factory.load(0, b"no")


def test_limits_are_configured_and_old_state_is_still_read() -> None:
    factory = ForecastFactory(1, ForecastConfig(), KEY)
    p = factory.new(0)
    old = p.model.dump()
    assert factory.load(0, old).dump() == p.dump()
    p.control(change("limit", "disk", {"metric": "disk.used", "threshold": 90.0}, tenant="acme"))
    assert [x.threshold for x in p.model.run_out.limits] == [90.0]
    again = factory.load(0, p.dump())
    assert again.dump() == p.dump()
    again.control(change("limit", "disk", None, 1, tenant="acme"))
    assert again.model.run_out.limits == []
    with pytest.raises(InvalidMessage):
        again.control(change("limit", "disk", {"metric": "disk.used"}, 2, tenant="acme"))
