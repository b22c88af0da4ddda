"""Risks of a tenant from rollups and events: each kind comes, a repeat changes nothing, a restore goes on."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Episode
from kizashi.contracts.inputs import Event
from kizashi.contracts.objective import decode_objective
from kizashi.contracts.promises import Promise
from kizashi.errors import Damaged
from services.forecast.incident_book import IncidentBook
from services.forecast.tenant_risks import TenantRisks
from services.forecast.ticket import Desk

HOUR = 3_600_000
START = 1_700_000_000_000 // HOUR * HOUR
UP = SeriesInfo(4, "default", "up", {"service": "web"})


def rollup(start: int) -> RollupBatch:
    one = np.ones(1)
    return RollupBatch(
        "default", "t", 0, 0, 0, start, 10_000, np.array([4], np.uint64), np.full(1, 10, np.uint32), one, one, one,
        np.zeros(1, np.float32), [UP],
    )  # fmt: skip


def lived() -> TenantRisks:
    risks = TenantRisks()
    body: dict[str, object] = {"name": "Web", "entity": "web", "objective": 0.99, "kind": "availability", "metric": {"metric": "up"}}
    risks.set_objective("default", "o", decode_objective(body, "o", "default"))
    risks.set_desk("default", Desk([Promise("P1", 3600.0)], []))
    for k in range(30):
        risks.learn_event(Event("incident", "web", START + 12 * k * HOUR, f"i{k}"))
        risks.learn_event(Event("change", "web", START + 12 * k * HOUR + 1, f"c{k}"))
        risks.learn_rollup(rollup(START + 12 * k * HOUR + 60_000))
    opened = START + 400 * HOUR
    risks.learn_event(Event("ticket", "web", opened, "t1", attributes={"priority": "P1", "state": "open"}))
    risks.learn_episode(Episode("e", 1, "default", "0" * 16, "cpu", {"service": "web"}, "anomaly", "open", opened, opened))
    return risks


def test_every_kind_of_risk_comes() -> None:
    kinds = {r.kind for r in lived().drain()}
    assert kinds == {"slo", "ticket", "incident"}


def test_a_repeated_incident_counts_once() -> None:
    book = IncidentBook("default")
    for _ in range(3):
        book.incident("web", "i1", START)
    assert book.hazards["web"]["1d"].count == 1


def test_a_restored_state_goes_on_alike() -> None:
    a = lived()
    a.drain()
    b = TenantRisks.load(a.dump())
    b.set_desk("default", Desk([Promise("P1", 3600.0)], []))
    for risks in (a, b):
        risks.learn_rollup(rollup(START + 402 * HOUR))
    assert a.drain() == b.drain()
    assert a.dump() == b.dump()
    with pytest.raises(Damaged):
        TenantRisks.load(b"x")


@pytest.mark.parametrize("silent", [False, True])
def test_a_ticket_that_comes_late_is_soon_told_as_of_now(silent: bool) -> None:
    risks = TenantRisks()
    risks.set_desk("default", Desk([Promise("P1", 3600.0)], []))
    now = START + 2 * HOUR
    risks.learn_rollup(rollup(now - 10_000))
    risks.learn_event(Event("ticket", "web", now - 60_000, "earlier", attributes={"priority": "P1", "state": "open"}))
    risks.advance(now + 1_000)
    risks.drain()
    risks.learn_event(Event("ticket", "web", now - 50 * 60_000, "late", attributes={"priority": "P1", "state": "open"}))
    assert [round(r.value or 0.0, 1) for r in risks.drain()] == [0.0]
    if silent:
        risks.settle()
    else:
        risks.learn_rollup(rollup(now + 2_000))
    assert any(r.value == pytest.approx(50 / 60, abs=0.01) for r in risks.drain())
