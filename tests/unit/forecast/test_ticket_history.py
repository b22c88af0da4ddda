"""Past tickets teach the models of the desk in their own time, once, and nobody is told of them."""

from __future__ import annotations

import msgspec
import numpy as np

from kizashi.contracts.inputs import Event
from services.forecast.desk import simulate
from services.forecast.evaluate_tickets import desk_of_simulation, events_of
from services.forecast.tenant_risks import TenantRisks
from services.forecast.ticket_risk import FEWEST


def past(days: int, seed: int) -> list[Event]:
    events = sorted((e for t in simulate(days, seed) for e in events_of(t)), key=lambda e: e.ts_ms)
    return [msgspec.structs.replace(e, type="past_ticket") for e in events]


def taught(events: list[Event]) -> TenantRisks:
    risks = TenantRisks()
    risks.set_desk("default", desk_of_simulation())
    for e in events:
        risks.learn_event(e)
    return risks


def test_history_teaches_once_and_tells_nobody() -> None:
    events = past(25, 5)
    risks = taught(events)
    assert risks.drain() == []
    model = risks.tickets["default"].resolve
    assert model.settled > FEWEST
    assert not np.allclose(model.model.w[1:], 0.0)  # questions were asked on the way, not only classes counted
    assert risks.now_ms == 0
    before = risks.dump()
    for e in events:
        risks.learn_event(e)
    assert risks.dump() == before


def test_a_taught_desk_gives_probabilities_from_the_first_live_ticket_on() -> None:
    risks = taught(past(25, 5))
    later = max(e.ts_ms for e in past(25, 5)) + 3_600_000
    risks.learn_event(Event("ticket", "web", later, "live", attributes={"priority": "P2", "queue": "network", "state": "open"}))
    told = risks.drain()
    assert {f.text for r in told for f in r.factors if f.name == "promise"} == {"resolve", "respond"}
    assert all(r.probability is not None and 0.0 < r.probability < 1.0 for r in told)
    again = TenantRisks.load(risks.dump())
    assert again.dump() == risks.dump()
