"""Which alert explains another one: that of the incident of its finding, or of what its entity depends on. Pure.

A parent is heard: it fires, nothing holds it back, and it is at least as loud. It keeps back that something fires, never that it is over.
"""

from __future__ import annotations

from typing import Protocol

from services.alerting.configuration import RunningSet
from services.alerting.dependents import Dependents
from services.alerting.rules import SYMPTOMS, IncidentRule, rank
from services.alerting.states import AlertBook, Live


class Known(Protocol):
    """What is asked of a tenant."""

    running: RunningSet
    book: AlertBook
    parents: dict[str, str]
    incident_rules: list[str]
    dependents: Dependents
    now_ms: int


def parent_of(t: Known, live: Live) -> str:
    """The id of the alert that explains this one; empty: none. Incidents have no parents, nor has a rule with ``parent`` off."""
    rule = t.running.rules.get(live.rule)
    if isinstance(rule, IncidentRule) or (rule is not None and not rule.parent):
        return ""
    for ref in live.refs:
        incident = t.parents.get(ref, "")
        for name in t.incident_rules if incident else ():
            if _explains(t, found := t.book.current.get(f"{name}\x1f{incident}", ""), live):
                return found
    if isinstance(rule, SYMPTOMS):
        return next((i for i in t.dependents.above(live.labels.get("entity", ""), t.now_ms) if _explains(t, i, live)), "")
    return ""


def _explains(t: Known, alert_id: str, live: Live) -> bool:
    above = t.book.alerts.get(alert_id)
    return above is not None and above.fires and not above.held_back_by and rank(above.severity) >= rank(live.severity)
