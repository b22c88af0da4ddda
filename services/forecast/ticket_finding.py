"""What people are told of a promise about a ticket: a Risk with its reasons, the plain 80 % rule beside them."""

from __future__ import annotations

from dataclasses import dataclass

from kizashi.contracts.business_calendar import BusinessCalendar
from kizashi.contracts.findings import Factor, Risk, Severity
from kizashi.contracts.ids import finding_id
from kizashi.errors import ConfigurationError
from services.forecast.ticket import Ticket
from services.forecast.ticket_risk import FEWEST, Situation

ELAPSED_RULE = 0.8
"""The plain rule beside the model: four fifths of the promise are gone."""
OVER = {"resolve": "resolved", "respond": "acknowledged"}


@dataclass(frozen=True)
class Told:
    """One statement about the promise ``name``: the situation, P(late) and the features that moved it; ``over`` when the clock stopped."""

    name: str
    promised_s: float
    version: int
    now_ms: int
    situation: Situation
    p: float | None
    firing: bool
    severity: Severity
    reasons: list[tuple[str, float]]
    settled: int
    over: bool = False


def risk_of(ticket: Ticket, told: Told, calendar: BusinessCalendar) -> Risk:
    """The statement as a finding."""
    s = told.situation
    factors = [Factor("promise", told.promised_s, told.name)] + [Factor(name, part) for name, part in told.reasons]
    if s.share >= ELAPSED_RULE:
        factors.append(Factor("80 % elapsed", s.share, f"{100 * s.share:.0f} % of the promised time is gone"))
    reason = OVER[told.name] if told.over else ""
    if told.p is None:
        reason = f"{told.settled} of {FEWEST} tickets learned; the 80 % rule speaks"
    parts = ("ticket", ticket.tenant, ticket.id) if told.name == "resolve" else ("ticket", ticket.tenant, ticket.id, told.name)
    return Risk(
        id=finding_id(*parts),
        version=told.version,
        tenant=ticket.tenant,
        entity=ticket.entity,
        kind="ticket",
        made_at_ms=told.now_ms,
        title=f"{ticket.priority} {ticket.queue}: {ticket.title or ticket.id}{'' if told.name == 'resolve' else ' (first answer)'}",
        horizon_s=int(max(0.0, s.room_s)),
        probability=told.p,
        reason=reason,
        eta_ms=None if told.over else _deadline(ticket, calendar, told.now_ms, s.room_s),
        value=s.share,
        threshold=1.0,
        firing=told.firing,
        severity=told.severity,
        factors=factors,
    )


def _deadline(ticket: Ticket, calendar: BusinessCalendar, now_ms: int, room_s: float) -> int | None:
    """When the promise ends if nothing pauses it any more; None once it is over or while somebody else is waited for."""
    if room_s <= 0 or ticket.waiting_since_ms is not None:
        return None
    try:
        return calendar.deadline_ms(now_ms, room_s)
    except ConfigurationError:
        return None
