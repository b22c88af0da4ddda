"""Why did it not fire? Every gate between a finding and somebody's pocket, in order, and the first that stopped it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kizashi.contracts.ids import parse_series_id
from services.alerting.conditions import on_episode
from services.alerting.matchers import all_match
from services.alerting.rules import AbsenceRule, AnomalyRule, AnyRule, ThresholdRule, rank
from services.alerting.states import Live
from services.alerting.tenant import Tenant
from services.alerting.watch import labels_of


class Gate(msgspec.Struct, frozen=True):
    """One gate. ``passed`` None: it was not reached."""

    gate: str
    passed: bool | None
    text: str


class WhyNot(msgspec.Struct, frozen=True):
    """The answer: ``fired`` when somebody was, or is about to be, told."""

    verdict: str
    fired: bool
    gates: list[Gate]


ORDER = ("rule", "series", "condition", "duration", "held back", "route", "group", "delivery")


def why_not(t: Tenant, rule_id: str, series: str = "", target: str = "") -> WhyNot:
    """The gates of a rule for a series (sixteen hexadecimal digits), or for an alert or the finding behind it, at the tenant's time."""
    gates: list[Gate] = []
    for gate in _walk(t, rule_id, series, target):
        gates.append(gate)
        if not gate.passed:
            break
    reached = {g.gate for g in gates}
    gates += [Gate(name, None, "not reached") for name in ORDER if name not in reached]
    stopped = next((g for g in gates if g.passed is False), None)
    if stopped is None:
        return WhyNot(next(g.text for g in reversed(gates) if g.passed), True, gates)
    return WhyNot(f"stopped at {stopped.gate}: {stopped.text}", False, gates)


def _walk(t: Tenant, rule_id: str, series: str, target: str) -> Iterator[Gate]:
    rule = t.running.rules.get(rule_id)
    if rule is None:
        yield Gate("rule", False, t.running.problems.get(("rule", rule_id), f"there is no rule {rule_id!r}"))
        return
    problem = t.running.problems.get(("rule", rule_id))
    said = f"; a newer version was refused: {problem}" if problem else ""
    yield Gate("rule", rule.enabled, ("in force" if rule.enabled else "switched off") + said)
    found = _alert(t, rule_id, series, target)
    if found is None:
        yield from _before(t, rule_id, rule, series)
        return
    yield Gate("series", True, f"the rule looks at {found.labels.get('entity', found.key)}")
    yield Gate("condition", True, f"{found.title} (since {found.started_ms})")
    yield from _after(t, rule, found)


def _alert(t: Tenant, rule_id: str, series: str, target: str) -> Live | None:
    """The newest alert of the rule that is meant."""
    met = [
        a for a in t.book.alerts.values()
        if a.rule == rule_id and ((series and a.key.startswith(series)) or (target and (target in (a.id, a.key) or target in a.seen)))
    ]  # fmt: skip
    return max(met, key=lambda a: a.started_ms, default=None)


def _before(t: Tenant, rule_id: str, rule: AnyRule, series: str) -> Iterator[Gate]:
    """No alert: the series is not the rule's, or its condition does not hold."""
    if isinstance(rule, ThresholdRule | AbsenceRule):
        yield from _watched(t, rule_id, rule, series)
    elif isinstance(rule, AnomalyRule) and series:
        yield from _odd(t, rule_id, rule, series)
    else:
        yield Gate("condition", False, "no finding that is known here fulfils the rule now")


def _watched(t: Tenant, rule_id: str, rule: ThresholdRule | AbsenceRule, series: str) -> Iterator[Gate]:
    try:
        name = t.watch.names.get(parse_series_id(series))
    except ValueError as x:
        yield Gate("series", False, str(x))
        return
    if name is None:
        yield Gate("series", False, "no ten-second value of this series has come here yet")
    elif name.metric != rule.metric:
        yield Gate("series", False, f"the rule is on {rule.metric}, the series is {name.metric}")
    elif missed := [m for m in rule.match if not all_match([m], labels_of(name))]:
        yield Gate("series", False, f"the series does not match {missed[0]}")
    else:
        yield Gate("series", True, "the rule looks at it")
        cell = t.watch.cells.get(rule_id, {}).get(parse_series_id(series))
        if cell is None:
            yield Gate("condition", False, "no value since the rule was made")
        elif isinstance(rule, AbsenceRule):
            yield Gate("condition", False, f"its last value came {(t.watch.now_ms - cell.last_ms) / 1000:.0f} s before the newest of all")
        else:
            limit, side = (rule.above, "above") if rule.above is not None else (rule.below, "below")
            yield Gate("condition", False, f"the last {rule.of} of ten seconds was {cell.value:.4g}, it fires {side} {limit:g}")


def _odd(t: Tenant, rule_id: str, rule: AnomalyRule, series: str) -> Iterator[Gate]:
    known = [e for k, e in t.facts.items() if k.startswith(f"{series}:")]
    if not known:
        yield Gate("condition", False, "the series has had no episode that is remembered here: its score stayed below the boundary")
        return
    e = max(known, key=lambda x: x.updated_ms)
    labels = {**e.labels, "metric": e.metric, "kind": e.kind}
    if e.kind not in rule.kinds:
        yield Gate("series", False, f"its last episode is of kind {e.kind}, the rule takes {', '.join(rule.kinds)}")
    elif missed := [m for m in rule.match if not all_match([m], labels)]:
        yield Gate("series", False, f"the series does not match {missed[0]}")
    elif rule.direction not in ("both", e.direction):
        yield Gate("condition", False, f"it went {e.direction}, the rule looks {rule.direction}")
    elif rank(e.severity) < rank(rule.min_severity):
        yield Gate("condition", False, f"its last episode was {e.severity}, the rule takes {rule.min_severity} and above")
    elif e.kind != "missing" and e.peak_score < rule.min_score:
        yield Gate("condition", False, f"its last episode peaked at {e.peak_score:.2f}, the rule needs {rule.min_score:g}")
    elif e.state == "closed":
        lasted = ((e.closed_ms or e.updated_ms) - e.opened_ms) / 1000
        yield Gate("duration", False, f"its last episode is over; it lasted {lasted:.0f} s, the rule waits {rule.for_s:g} s")
    else:
        fits = on_episode(rule_id, rule, e) is not None
        yield Gate("condition", False, "its episode came before the rule" if fits else "its episode does not fulfil the rule")


def _after(t: Tenant, rule: AnyRule, a: Live) -> Iterator[Gate]:
    """There is an alert: did it last, was it held back, where did it go?"""
    waited = (t.now_ms - a.started_ms) / 1000
    yield Gate("duration", a.state != "pending", f"it has held for {waited:.0f} s, the rule waits {rule.for_s:g} s")
    yield Gate("held back", not a.held_back_by, _held(t, a))
    plans = t.running.plans(a.labels)
    yield Gate("route", True, "; ".join(f"{p.path}{f' ({p.team})' if p.team else ''} → {', '.join(p.channels)}" for p in plans))
    groups = [t.groups[g] for g in t.in_groups.get(a.id, []) if g in t.groups]
    told = [g for g in groups if a.id in g.told]
    if not told and a.fires:
        wait = max(0, min((g.due_ms for g in groups), default=t.now_ms) - t.now_ms) / 1000
        yield Gate("group", False, f"its group speaks in {wait:.0f} s")
        return
    yield Gate("group", True, f"told in message {told[0].sequence} of its group" if told else "it is over")
    waiting = [m for m in t.outbox.pending.values() if any(s.id == a.id for s in m.alerts)]
    if waiting:
        channels = ", ".join(sorted({m.channel for m in waiting}))
        yield Gate("delivery", False, f"still to be delivered through {channels}: the delivery log has the attempts")
    else:
        yield Gate("delivery", True, "delivered: the delivery log has when and to whom")


def _held(t: Tenant, a: Live) -> str:
    """What holds an alert back, in words; of a parent also why it is one."""
    by = f" ({a.held_by})" if a.held_by else ""
    above = t.book.alerts.get(a.held_by) if a.held_back_by == "parent" else None
    if above is None:
        return f"{a.held_back_by}{by}" if a.held_back_by else "by nothing"
    incident = any(t.parents.get(ref) == above.key for ref in a.refs)
    why = "its incident" if incident else f"{a.labels.get('entity', '')} depends on {above.labels.get('entity', '')}"
    return f"parent: {why}: {above.title}{by}"
