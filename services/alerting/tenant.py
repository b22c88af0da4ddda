"""Alerting of one tenant: findings in; alerts, and what is to be said about them, out. Pure: time is the log's and the ticks'.

A finding goes through rules (``conditions``, ``watch``), the life of its alert (``states``), the gates below, its groups (``grouping``),
the budget, and the outbox. Whatever stops it is written on the alert.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Alert, Delivery, Episode, Feedback, Incident, Risk
from kizashi.contracts.inputs import Event
from services.alerting import conditions, grouping, telling
from services.alerting.announced import Announced
from services.alerting.budget import Ledger, Precision, worth_of
from services.alerting.charts import series_of_incident
from services.alerting.conditions import Signal
from services.alerting.configuration import RunningSet
from services.alerting.dependents import Dependents
from services.alerting.escalation import step_at, step_of
from services.alerting.grouping import Group, Statement
from services.alerting.inhibition import inhibitor
from services.alerting.outbox import Outbox
from services.alerting.parents import parent_of
from services.alerting.routing import Plan
from services.alerting.rules import SEVERITIES, SYMPTOMS, IncidentRule, OutcomeRule, ThresholdRule, rank
from services.alerting.silences import Hidden, hiding
from services.alerting.states import AlertBook, Live
from services.alerting.watch import Watch

TURN_MS = 1_000
SWEEP_MS = 10_000
"""How often the gates of all firing alerts are looked at again for the screens; a message looks at its own when it is made."""
SWEPT_AT_ONCE = 2_000
MAX_SEEN = 50_000
MAX_FACTS = 2_000
ASSIGN = "assign:"
"""Note of an acknowledgement that gives the alert to somebody else: ``assign:mika``."""


def _taker(f: Feedback) -> str:
    """Who takes care: whoever acknowledges, or whom the note names."""
    return f.note.removeprefix(ASSIGN).strip()[:128] if f.note.startswith(ASSIGN) else f.author or "somebody"


class Tenant:
    """One tenant. Every method takes one message; the same message twice changes nothing."""

    def __init__(self, name: str, running: RunningSet | None = None) -> None:
        self.name = name
        self.running = running or RunningSet()
        self.book = AlertBook(name)
        self.watch = Watch()
        self.groups: dict[str, Group] = {}
        self.in_groups: dict[str, list[str]] = {}
        self.outbox = Outbox()
        self.announced = Announced()
        self.ledgers: dict[str, Ledger] = {}
        self.precision: dict[str, Precision] = {}
        self.hidden: dict[str, Hidden] = {}
        self.parents: dict[str, str] = {}
        """Finding → the open incident that it belongs to."""
        self.dependents = Dependents()
        self.versions: dict[str, int] = {}
        self.judged: dict[str, str] = {}
        """Feedback that was counted → its rule; alerts → their rule, for feedback that comes after the end."""
        self.facts: dict[str, Episode] = {}
        """Newest episode by series and kind: only for the question why something did not fire."""
        self.now_ms = 0
        self.turned_ms = 0
        self.swept_ms = 0
        self._swept = 0
        self.catching_up = False
        """While a backlog is read nobody is told: what is over by its end is nobody's page, what is not is told then."""
        self._due: list[tuple[int, str]] = []
        self.configured()

    def config(self, kind: str, id_: str, body: dict[str, Any] | None, made_at_ms: int) -> bool:
        """A configuration object changed; False when it was refused (``running.problems``) and the running set stays."""
        taken = self.running.take(kind, id_, body, made_at_ms)
        if taken:
            self.configured()
        return taken

    def configured(self) -> None:
        """Take over what the running set says now."""
        rules = {i: r for i, r in self.running.rules.items() if r.enabled}
        self._waits = {i: (r.for_s, r.keep_s) for i, r in rules.items()}
        self.incident_rules = [i for i, r in rules.items() if isinstance(r, IncidentRule)]
        self.watch.use(rules)
        self.book.drop_rules(set(rules), self.now_ms)
        self._inhibitor = inhibitor(self.running.inhibitions, ((a.id, a.labels) for a in self.book.alerts.values() if a.fires))
        self.dependents.use((a.id, a.labels.get("entity", "")) for a in self.book.alerts.values() if a.fires and self._breaks(a))
        self._replan()
        self.swept_ms = 0
        self._settle()

    def resumed(self) -> None:
        """After a snapshot was put in: rebuild what is derived from it."""
        self._due = [(g.due_ms, g.id) for g in self.groups.values()]
        heapq.heapify(self._due)
        self.configured()

    def caught_up(self) -> None:
        """The backlog is read: every group speaks that has something to say."""
        self.catching_up = False
        for group in self.groups.values():
            group.due_ms = self.now_ms
            self._wake(group)
        self._settle()

    def series(self, info: SeriesInfo) -> None:
        """Learn what a series id means."""
        self.watch.series(info)

    def rollup(self, b: RollupBatch) -> None:
        """Ten seconds of the tenant's series: thresholds and absence."""
        self._apply(self.watch.rollup(b))

    def episode(self, e: Episode) -> None:
        """An episode opened, grew or closed."""
        if self._new(e.id, e.version):
            key = f"{e.series_id}:{e.kind}"
            self.facts.pop(key, None)
            self.facts[key] = e
            if len(self.facts) > MAX_FACTS:
                del self.facts[next(iter(self.facts))]
            self._apply(s for i, r in self._rules() if (s := conditions.on_episode(i, r, e)))

    def incident(self, i: Incident) -> None:
        """An incident opened, changed, merged or closed."""
        if not self._new(i.id, i.version):
            return
        for ref in i.episodes:
            if i.state == "open":
                self.parents[ref] = i.id
            elif self.parents.get(ref) == i.id:
                del self.parents[ref]
        shown = series_of_incident(i, self.facts.values())
        self._apply(s for k, r in self._rules() if (s := conditions.on_incident(k, r, i, shown)))

    def risk(self, r: Risk) -> None:
        """A promise at risk, or no longer."""
        if self._new(r.id, r.version):
            self._apply(s for i, rule in self._rules() if (s := conditions.on_risk(i, rule, r)))

    def outcome(self, e: Event) -> None:
        """What became of a change; one whose hold time is over already, as a replay finds it, fires no more."""
        signals = (s for i, r in self._rules() if isinstance(r, OutcomeRule) and (s := conditions.on_outcome(i, r, e)))
        self._apply(s for s in signals if not s.active or s.until_ms > self.now_ms)

    def feedback(self, f: Feedback) -> None:
        """A person's word on an alert: acknowledgements, and right or wrong for the budget's precision."""
        found = self.book.find(f.target)
        if f.verdict == "acknowledge":
            for live in found:
                self.book.acknowledge(live, "" if f.undo else _taker(f), self.now_ms)
                for g in self._groups_of(live.id):
                    grouping.hurried(g, self.book.alerts, self.now_ms)
                    self._wake(g)
        elif f.verdict in ("true", "false", "expected"):
            rules = {a.rule for a in found} or {r for r in [self.judged.get(f.target, "")] if r}
            for rule in rules:
                self._judge(rule, f)
        self._settle()

    def delivery(self, d: Delivery) -> None:
        """What became of an attempt to tell somebody."""
        self.outbox.settle(d, self.running.fallback)

    def advance(self, now_ms: int) -> None:
        """The time; going back is ignored."""
        self.now_ms = max(self.now_ms, now_ms)
        if self.now_ms - self.turned_ms >= TURN_MS:
            self.turned_ms = self.now_ms
            self.book.advance(self.now_ms, self._waits)
            self._apply(self.watch.absent())
            self._escalate()
            if self.now_ms - self.swept_ms >= SWEEP_MS:
                self._sweep()
        self._settle()

    def take(self) -> list[Alert]:
        """Alerts to publish since the last call."""
        taken = self.book.take()
        for a in taken:
            if a.state == "resolved" and a.id not in self.in_groups:
                self.book.forget(a.id)
        return taken

    def gate(self, live: Live, plan: Plan) -> tuple[str, str]:
        """What keeps an alert from being said now, and which one of its kind; two empty texts: nothing."""
        if found := hiding(self.running.silences, live.labels, self.now_ms):
            for silence in found:
                self.hidden.setdefault(silence, Hidden()).note(live.id, self.now_ms)
            return "silence", found[0]
        if windows := self.running.maintenance.covering(live.labels, self.now_ms):
            return "maintenance", windows[0]
        if announced := self.announced.covering(live.labels, self.now_ms):
            return "maintenance", announced[0]
        if by := self._inhibitor.by(live.id, live.labels):
            return "inhibition", by
        if parent := parent_of(self, live):
            return "parent", parent
        if rank(live.severity) < rank("critical") and plan.muted(self.now_ms):
            return "quiet hours", plan.path
        return "", ""

    def audience(self, plan: Plan, number: int) -> list[tuple[str, int, list[str]]]:
        """(channel, step, people) of an escalation step; without an escalation the node's channels."""
        policy = self.running.escalations.get(plan.escalation)
        if policy is None:
            return [(c, number, []) for c in plan.channels]
        step = step_of(policy, number)
        people = self.running.people(step.schedule, self.now_ms) if step.schedule else []
        return [(c, number, people) for c in step.channels or plan.channels]

    def _rules(self) -> list[tuple[str, Any]]:
        return [(i, r) for i, r in self.running.rules.items() if r.enabled and not isinstance(r, ThresholdRule)]

    def _new(self, id_: str, version: int) -> bool:
        if self.versions.get(id_, 0) >= version:
            return False
        self.versions.pop(id_, None)
        self.versions[id_] = version
        if len(self.versions) > MAX_SEEN:
            old = next(iter(self.versions))
            del self.versions[old]
            self.parents.pop(old, None)
        return True

    def _apply(self, signals: Iterable[Signal]) -> None:
        for s in signals:
            for_s, keep_s = self._waits.get(s.rule, (0.0, 0.0))
            self.book.apply(s, for_s, keep_s, self.now_ms)
        self._settle()

    def _settle(self) -> None:
        """Group what fired, hurry what ended, and let the groups speak whose time has come."""
        for live in self.book.started:
            self._inhibitor.end(live.id)
            self._inhibitor.fire(live.id, live.labels)
            if self._breaks(live):
                self.dependents.fire(live.id, live.labels.get("entity", ""))
            self._join(live)
        for live in self.book.ended:
            self._inhibitor.end(live.id)
            self.dependents.end(live.id)
            for g in self._groups_of(live.id):
                grouping.hurried(g, self.book.alerts, self.now_ms)
                self._wake(g)
        self.book.started, self.book.ended = [], []
        while self._due and self._due[0][0] <= self.now_ms:
            due, id_ = heapq.heappop(self._due)
            group = self.groups.get(id_)
            if group is not None and group.due_ms == due:
                self._turn(group)

    def _join(self, live: Live) -> None:
        plans: list[Plan] = self.running.plans(live.labels)
        self.book.hold_back(live, *self.gate(live, plans[0]), self.now_ms)
        for id_ in self.in_groups.get(live.id, []):
            grouping.joined(self.groups[id_], live, self.now_ms)
            self._wake(self.groups[id_])
        if live.id in self.in_groups:
            return
        for plan in plans:
            id_ = plan.group_id(self.name, live.labels)
            group = self.groups.get(id_)
            if group is None:
                due = grouping.first_due(plan, "held" if live.held_back_by else live.severity, self.now_ms)
                group = self.groups[id_] = Group(id_, plan, plan.group_labels(live.labels), due)
            grouping.joined(group, live, self.now_ms)
            self.in_groups.setdefault(live.id, []).append(id_)
            self._wake(group)
        live.group = self.in_groups[live.id][0]
        self._remember(live.id, live.rule)

    def _replan(self) -> None:
        """Groups that are open take over what the routing tree says now: channels, waits, hours. One whose node is gone stays as it was."""
        for group in self.groups.values():
            live = next((self.book.alerts[i] for i in group.members if i in self.book.alerts), None)
            for plan in self.running.plans(live.labels) if live else ():
                if plan.group_id(self.name, live.labels) == group.id:  # type: ignore[union-attr]  # plans come of a live alert only
                    group.plan = plan

    def _wake(self, group: Group) -> None:
        heapq.heappush(self._due, (group.due_ms, group.id))

    def _groups_of(self, alert_id: str) -> list[Group]:
        return [self.groups[i] for i in self.in_groups.get(alert_id, []) if i in self.groups]

    def _turn(self, group: Group) -> None:
        """A group's turn to speak."""
        held: dict[str, str] = {}
        for id_ in group.members:
            live = self.book.alerts.get(id_)
            if live is not None and live.fires:
                gate, by = self.gate(live, group.plan)
                self.book.hold_back(live, gate, by, self.now_ms)
                if gate:
                    held[id_] = gate
        said = None if self.catching_up else grouping.statement(group, self.book.alerts, held, self.now_ms)
        if said is not None and said.fresh and not self._affordable(group, said):
            for id_ in said.fresh:
                held[id_] = "budget"
                self.book.hold_back(self.book.alerts[id_], "budget", group.plan.team or "all", self.now_ms)
            said = grouping.statement(group, self.book.alerts, held, self.now_ms)
        if said is not None:
            self._say(group, said)
        for id_ in grouping.closed(group, self.book.alerts):
            self._leave(id_, group)
        if group.members:
            group.due_ms = self.now_ms + max(1_000, round(group.plan.group_interval_s * 1000))
            self._wake(group)
        else:
            del self.groups[group.id]

    def _affordable(self, group: Group, said: Statement) -> bool:
        fresh = [self.book.alerts[i] for i in said.fresh]
        severity = SEVERITIES[max(rank(a.severity) for a in fresh)]
        worth = max(worth_of(a.severity, a.score, self.precision.get(a.rule, Precision())) for a in fresh)
        name, budget = self.running.budget_of(group.plan.team)
        return self.ledgers.setdefault(name or "all", Ledger()).ask(budget, severity, worth, group.id, self.now_ms)

    def _say(self, group: Group, said: Statement) -> None:
        grouping.spoken(group, said, self.book.alerts, self.now_ms)
        if said.firing:  # a channel that the route names since lately is told too; those who were told before hear the end
            group.audience += [(c, 0) for c, _s, _p in self.audience(group.plan, 0) if (c, 0) not in group.audience]
        told = group.audience or [(c, 0) for c in group.plan.channels]
        people = {step: self.audience(group.plan, step) for step in {s for _c, s in told}}
        listeners = [(c, s, next((p for ch, _s, p in people[s] if ch == c), [])) for c, s in told]
        self.outbox.put(telling.notifications(self.name, group, said, self.book.alerts, listeners, self.now_ms))
        for id_ in said.fresh:
            self.book.hold_back(self.book.alerts[id_], "", "", self.now_ms)

    def _escalate(self) -> None:
        for group in self.groups.values() if not self.catching_up else ():
            policy = self.running.escalations.get(group.plan.escalation)
            if policy is None or not grouping.escalates(group, self.book.alerts):
                continue
            step = step_at(policy, group.since_ms, self.now_ms)
            if step <= group.step:
                continue
            group.step = step
            firing = [i for i in group.told if i in self.book.alerts and self.book.alerts[i].fires]
            listeners = self.audience(group.plan, step)
            said = Statement("escalated", firing, [], [])
            self.outbox.put(telling.notifications(self.name, group, said, self.book.alerts, listeners, self.now_ms))
            group.audience += [(c, s) for c, s, _p in listeners if (c, s) not in group.audience]
            group.sequence += 1

    def _leave(self, alert_id: str, group: Group) -> None:
        left = [i for i in self.in_groups.get(alert_id, []) if i != group.id]
        if left:
            self.in_groups[alert_id] = left
        else:
            self.in_groups.pop(alert_id, None)
            self.book.forget(alert_id)

    def _breaks(self, live: Live) -> bool:
        """Whether it says that its entity is broken now, and so may explain what depends on it."""
        return isinstance(self.running.rules.get(live.rule), (*SYMPTOMS, IncidentRule))

    def _sweep(self) -> None:
        """Look at the gates of what fires, for the screens, a part of a storm at a time; a budget's verdict stands until its turn."""
        self.swept_ms = self.now_ms
        alerts = list(self.book.alerts.values())
        if self._swept >= len(alerts):
            self._swept = 0
        part = alerts[self._swept : self._swept + SWEPT_AT_ONCE]
        self._swept += SWEPT_AT_ONCE
        for live in part:
            groups = self._groups_of(live.id) if live.fires else []
            if groups and live.held_back_by != "budget":
                self.book.hold_back(live, *self.gate(live, groups[0].plan), self.now_ms)
        self.outbox.forget(self.now_ms)
        self.dependents.forget(self.now_ms)
        for silence in [s for s in self.hidden if s not in self.running.silences]:
            del self.hidden[silence]

    def _judge(self, rule: str, f: Feedback) -> None:
        key = f"{f.id}:{f.undo}"
        if key in self.judged:
            return
        self._remember(key, rule)
        p, step = self.precision.setdefault(rule, Precision()), -1 if f.undo else 1
        if f.verdict == "true":
            p.right = max(0, p.right + step)
        else:
            p.wrong = max(0, p.wrong + step)

    def _remember(self, key: str, rule: str) -> None:
        self.judged[key] = rule
        if len(self.judged) > MAX_SEEN:
            del self.judged[next(iter(self.judged))]
