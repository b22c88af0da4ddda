"""What a finding means to a rule: the condition holds, holds no longer, or the finding says nothing about it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from kizashi.contracts.findings import Episode, Incident, Risk, Severity
from kizashi.contracts.inputs import Event
from services.alerting.matchers import all_match
from services.alerting.rules import (
    AnomalyRule,
    AnyRule,
    BurnRule,
    ForecastRule,
    IncidentRule,
    OutcomeRule,
    ProbabilityRule,
    Rule,
    rank,
)

CLEAR_SHARE = 0.9
"""A probability must fall to nine tenths of where it fired: forecasts move by a point or two from minute to minute."""
CLEAR_FARTHER = 1.2
OVER = frozenset({"resolved", "acknowledged", "deleted"})
"""Reasons of a risk that is over: its ticket is done or answered, its objective is gone."""
_PLACE = re.compile(r"\{([A-Za-z_][\w.]*)\}")
ENTITY_LABELS = ("service", "host", "instance", "pod", "job")


class Signal(msgspec.Struct, frozen=True):
    """The condition of ``rule`` for ``key`` (a series, incident, risk or change) holds, or not, at ``at_ms``; ``ref`` is what says so."""

    rule: str
    key: str
    ref: str
    active: bool
    at_ms: int
    severity: Severity = "warning"
    title: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    value: float | None = None
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    score: float = 0.0
    until_ms: int = 0
    """Ends by itself then; 0: when a later signal says so."""
    by_data: bool = False
    """Whether only later data, not the passing of time, may complete a for-duration."""
    series: str = ""
    """The series whose chart tells most, where ``key`` is none."""
    series_name: str = ""
    """What that chart shows, where the title does not say it."""


def entity_of(metric: str, labels: Mapping[str, str]) -> str:
    """Whom a series speaks about: the first telling label that is there, else the metric."""
    return next((labels[k] for k in ENTITY_LABELS if labels.get(k)), metric)


def filled(template: str, values: Mapping[str, object]) -> str:
    """``{name}`` replaced by its value; a name nobody knows stays as it is.

    >>> filled("{metric} at {value}", {"metric": "cpu", "value": 0.93})
    'cpu at 0.93'
    """
    return _PLACE.sub(lambda m: str(values.get(m[1], m[0])), template)


def severity_for(rule: Rule, found: Severity) -> Severity:
    """The rule's own severity, or the finding's."""
    return found if rule.severity == "found" else rule.severity


def labels_for(rule_id: str, rule: Rule, severity: str, labels: Mapping[str, str]) -> dict[str, str]:
    """Labels of an alert: the finding's, the rule's, ``alertname`` and ``severity``."""
    owner = {"owner": rule.owner} if rule.owner else {}
    return {**labels, **owner, **rule.labels, "alertname": rule_id, "severity": severity}


def texts_for(rule: Rule, values: Mapping[str, object], own: str, **said: str) -> tuple[str, dict[str, str]]:
    """Title and annotations."""
    notes = {k: v for k, v in said.items() if v}
    if rule.runbook:
        notes["runbook"] = filled(rule.runbook, values)
    if rule.owner:
        notes["owner"] = rule.owner
    return filled(rule.title, {**values, "title": own}) if rule.title else own, notes


def on_episode(rule_id: str, rule: AnyRule, e: Episode) -> Signal | None:
    """Anomaly rules."""
    if not isinstance(rule, AnomalyRule) or e.kind not in rule.kinds:
        return None
    entity = entity_of(e.metric, e.labels)
    labels = {**e.labels, "metric": e.metric, "entity": entity, "kind": e.kind}
    if not all_match(rule.match, labels) or rule.direction not in ("both", e.direction):
        return None
    key = f"{e.series_id}:{e.kind}"
    if e.state == "closed":
        return Signal(rule_id, key, e.id, False, e.closed_ms or e.updated_ms)
    if rank(e.severity) < rank(rule.min_severity) or (e.kind != "missing" and e.peak_score < rule.min_score):
        return None
    severity = severity_for(rule, e.severity)
    values = {**labels, "value": f"{e.value:.4g}", "expected": f"{e.expected:.4g}"}
    band = "" if e.kind == "missing" else f"{e.peak_value or e.value:.4g} where {e.lower:.4g} to {e.upper:.4g} was expected"
    verb = {"missing": "went silent", "step": "stepped", "trend": "trends", "variance": "is unsteady", "season": "lost its rhythm"}
    title, notes = texts_for(rule, values, f"{entity}: {e.metric} {verb.get(e.kind, 'is not as expected')}", expected=band)
    return Signal(
        rule_id, key, e.id, True, e.opened_ms, severity, title, labels_for(rule_id, rule, severity, labels), notes,
        e.value, e.expected, e.lower, e.upper, e.peak_score,
    )  # fmt: skip


def on_incident(rule_id: str, rule: AnyRule, i: Incident, shown: tuple[str, str] = ("", "")) -> Signal | None:
    """Incident rules; ``shown`` is the series whose chart tells most about it, and that series' name."""
    if not isinstance(rule, IncidentRule):
        return None
    cause = i.causes[0].entity if i.causes and i.verdict == "cause" else ""
    entity = cause or (i.entities[0] if i.entities else "unknown")
    labels = {"entity": entity, "kind": "incident", "verdict": i.verdict}
    if i.state != "open":
        return Signal(rule_id, i.id, i.id, False, i.closed_ms or i.updated_ms)
    if rank(i.severity) < rank(rule.min_severity) or len(i.episodes) < rule.min_findings or not all_match(rule.match, labels):
        return None
    severity = severity_for(rule, i.severity)
    blast = ", ".join(f"{a.entity} ({a.probability:.0%})" for a in i.blast[:5])
    changes = ", ".join(i.changes[:3])
    why = i.causes[0].text if cause and i.causes[0].text else cause
    title, notes = texts_for(
        rule, labels, i.title, cause=why, blast=blast, changes=changes, entities=", ".join(i.entities[:10]), incident=i.id
    )
    score = i.causes[0].score if i.causes else 0.0
    return Signal(
        rule_id, i.id, i.id, True, i.opened_ms, severity, title, labels_for(rule_id, rule, severity, labels), notes, score=score,
        series=shown[0], series_name=shown[1],
    )  # fmt: skip


def on_risk(rule_id: str, rule: AnyRule, r: Risk) -> Signal | None:
    """Forecast, burn and probability rules."""
    holds = _risk_holds(rule, r)
    if holds is None:
        return None
    assert isinstance(rule, ForecastRule | BurnRule | ProbabilityRule)
    labels = {"entity": r.entity, "kind": r.kind}
    if not all_match(rule.match, labels):
        return None
    if not holds:
        return Signal(rule_id, r.id, r.id, False, r.made_at_ms)
    severity = severity_for(rule, r.severity if r.severity != "info" else "warning")
    values = {**labels, "value": "" if r.value is None else f"{r.value:.4g}"}
    burn = ", ".join(f"{rate:.3g} times over {span}" for span, rate in r.burn.items()) if isinstance(rule, BurnRule) else ""
    likely = "" if r.probability is None else f"probability {r.probability:.0%}"
    reasons = "; ".join(f.text or f.name for f in r.factors[:3])
    title, notes = texts_for(rule, values, f"{r.entity}: {r.title or r.kind}", burn=burn, probability=likely, cause=reasons)
    if r.eta_ms is not None:
        notes["hours_left"] = f"{max(0, r.eta_ms - r.made_at_ms) / 3_600_000:.1f}"
    return Signal(
        rule_id, r.id, r.id, True, r.made_at_ms, severity, title, labels_for(rule_id, rule, severity, labels), notes,
        r.value, None, None, r.threshold, r.probability or 0.0, series=r.series_id,
    )  # fmt: skip


def _risk_holds(rule: AnyRule, r: Risk) -> bool | None:
    """Whether the condition holds; None: this risk says nothing about the rule, or lies between firing and clearing."""
    if isinstance(rule, ForecastRule) and r.kind == "capacity":
        eta = r.eta_ms if rule.quantile == "likely" else r.eta_low_ms
        left_s = None if eta is None else (eta - r.made_at_ms) / 1000
        if left_s is not None and left_s <= rule.within_s:
            return True
        return False if left_s is None or left_s > CLEAR_FARTHER * rule.within_s else None
    if isinstance(rule, BurnRule) and r.kind == "slo":
        gone = rule.budget_left_below is not None and r.budget_left is not None and r.budget_left < rule.budget_left_below
        return gone or (r.firing and rank(r.severity) >= rank(rule.min_severity))
    if isinstance(rule, ProbabilityRule) and r.kind == rule.of:
        if r.probability is None:
            return False  # the model abstains
        if r.probability >= rule.at_least and r.reason not in OVER:
            return True
        clear = CLEAR_SHARE * rule.at_least if rule.clear_below is None else rule.clear_below
        return False if r.probability < clear or r.reason in OVER else None
    return None


def on_outcome(rule_id: str, rule: AnyRule, e: Event) -> Signal | None:
    """Change outcome rules; ``e`` is rca's annotation of a change."""
    if not isinstance(rule, OutcomeRule):
        return None
    outcome, change = str(e.attributes.get("outcome", "")), str(e.attributes.get("change", e.id))
    labels = {"entity": e.entity, "kind": str(e.attributes.get("kind", "change")), "outcome": outcome}
    if not all_match(rule.match, labels):
        return None
    if outcome not in rule.outcomes:
        return Signal(rule_id, change, e.id, False, e.ts_ms)
    severity = severity_for(rule, "warning")
    incident = str(e.attributes.get("incident", ""))
    title, notes = texts_for(rule, labels, f"{e.entity}: {e.title or change}", changes=change, incident=incident)
    return Signal(
        rule_id, change, e.id, True, e.ts_ms, severity, title, labels_for(rule_id, rule, severity, labels), notes,
        score=float(e.attributes.get("probability", 0.0) or 0.0), until_ms=e.ts_ms + round(rule.hold_s * 1000),
        series=str(e.attributes.get("series", "")),
    )  # fmt: skip
