"""The landscape is deterministic, seasonal, and its faults spread from the root to the callers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.demo.faults import CHANGE_LEAD_MS, FIRST_AFTER_MS, HOP_MS, RAMP_MS, events, past, schedule, topology
from services.demo.landscape import DAY_MS, EDGES, HOUR_MS, LEAKING, METRICS, SERVICES, Landscape, callers
from services.demo.machine import Machine
from services.demo.stream import landscape_samples, samples_record
from services.ingest.decode import decode

LIVE = 1_760_000_000_000 // DAY_MS * DAY_MS + 12 * HOUR_MS
NAMES = [s.name for s in SERVICES]
LATENCY = [m for m, _ in METRICS].index("latency_p95_ms")
MEMORY = [m for m, _ in METRICS].index("memory_ratio")


def test_twelve_services_and_every_edge_names_two_of_them() -> None:
    assert len(NAMES) == len(set(NAMES)) == 12
    assert {n for e in EDGES for n in e} == set(NAMES)


def test_the_same_seed_and_time_give_the_same_values_in_any_order() -> None:
    a, b = Landscape(LIVE, seed=3), Landscape(LIVE, seed=3)
    times = [LIVE, LIVE - 5, LIVE + 1_000]
    forward = [a.values(t) for t in times]
    backward = [b.values(t) for t in reversed(times)][::-1]
    assert all((x == y).all() for x, y in zip(forward, backward, strict=True))
    assert (Landscape(LIVE, seed=4).values(LIVE) != forward[0]).any()


def test_values_are_finite_positive_and_shares_below_one() -> None:
    land = Landscape(LIVE, [*past(LIVE, 14), *schedule(LIVE, LIVE + HOUR_MS)])
    for t in range(LIVE - 2 * DAY_MS, LIVE + HOUR_MS, 1_111_111):
        values = land.values(t)
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert (values[:, 2:] < 1).all()


def test_days_have_a_season_and_weekends_are_quieter() -> None:
    land = Landscape(LIVE)
    web = NAMES.index("web")
    monday = (LIVE // DAY_MS // 7 * 7 + 4) * DAY_MS  # 1970-01-05 was a Monday
    day = [land.values(monday + h * HOUR_MS)[web, 0] for h in range(24)]
    assert max(day) > 1.8 * min(day)
    saturday_noon = land.values(monday + 5 * DAY_MS + 12 * HOUR_MS)[web, 0]
    assert saturday_noon < 0.8 * day[12]


def test_a_fault_hits_its_root_first_then_its_callers_and_nobody_else() -> None:
    fault = schedule(LIVE, LIVE + DAY_MS)[0]
    assert fault.start_ms == LIVE + FIRST_AFTER_MS
    calm, struck = Landscape(LIVE), Landscape(LIVE, [fault])

    def ratio(name: str, at: int) -> float:
        row = NAMES.index(name)
        return float(struck.values(at)[row, LATENCY] / calm.values(at)[row, LATENCY])

    ramped = fault.start_ms + RAMP_MS
    assert ratio(fault.root, ramped) > 3
    assert ratio("checkout", fault.start_ms + HOP_MS) == 1
    assert ratio("checkout", ramped + HOP_MS) > 2
    assert ratio("web", ramped + 2 * HOP_MS) > 1.5
    untouched = set(NAMES) - {fault.root} - set(callers(fault.root))
    assert untouched
    assert all(ratio(n, ramped + 3 * HOP_MS) == 1 for n in untouched)
    assert all(ratio(n, fault.end_ms + 20 * HOP_MS + RAMP_MS + 1) == 1 for n in NAMES)


def test_a_change_comes_before_the_fault_it_causes_and_ids_repeat() -> None:
    faults = schedule(LIVE, LIVE + HOUR_MS)
    told = list(events(faults, "default"))
    changes = [e for e in told if e.type == "change"]
    assert [c.ts_ms for c in changes] == [f.start_ms - CHANGE_LEAD_MS for f in faults if f.change]
    assert [c.entity for c in changes] == [f.root for f in faults if f.change]
    assert [e.id for e in told] == [e.id for e in events(schedule(LIVE, LIVE + HOUR_MS), "default")]
    assert len({e.id for e in told}) == len(told)
    assert topology("t", EDGES, LIVE).edges == list(EDGES)


def test_the_leak_grows_and_only_where_it_leaks() -> None:
    land = Landscape(LIVE)
    row = NAMES.index(LEAKING)
    before, now, later = (land.values(LIVE + d)[row, MEMORY] for d in (-21 * HOUR_MS, 0, 5 * HOUR_MS))
    assert now > before + 0.3
    assert later > now + 0.05
    assert abs(land.values(LIVE)[NAMES.index("web"), MEMORY] - land.values(LIVE - DAY_MS)[NAMES.index("web"), MEMORY]) < 0.1


def test_messages_are_what_ingest_reads() -> None:
    record = samples_record(landscape_samples(Landscape(LIVE), LIVE), history=True)
    samples, bad = decode(record.value)
    assert bad == []
    assert len(samples) == 60
    assert record.headers == [("kizashi-history", "1")]


def test_the_machine_has_shares_at_once_and_rates_from_the_second_reading() -> None:
    machine = Machine(Path("/"))
    first = {m for m, *_ in machine.read(1.0)}
    second = machine.read(2.0)
    assert "system.cpu.utilization" in first
    assert "system.disk.read" not in first
    assert {"system.disk.read", "system.network.receive"} <= {m for m, *_ in second}
    assert all(0 <= v <= 1 for m, v, *_ in second if m.endswith("utilization"))
