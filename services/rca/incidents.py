"""The open incidents of a tenant: findings in, groups kept in step with the forest, records out.

An incident takes its id from its first finding. Merging keeps the older one, a split makes a new one, and an entity that breaks again
soon after its incident closed reopens it; each of these leaves its reason in the timeline.
"""

from __future__ import annotations

from kizashi.contracts.findings import Feedback, Incident
from kizashi.contracts.ids import finding_id
from kizashi.contracts.inputs import Event
from services.rca.changes import ChangeLog
from services.rca.grouping import CauseForest, Hit, Moved
from services.rca.past import PastIncident, PastIncidents
from services.rca.record import Finding, Record
from services.rca.suspects import Known, assess, features, worth_assessing

QUIET_MS = 300_000
"""A group whose findings are all over and that had none for this long is closed."""
REOPEN_MS = 1_800_000
MAX_CLOSED = 500
ASSESS_PER_FLUSH = 8
"""Rankings made a second at most; the rest keeps its place in the queue, so a storm delays evidence, never grouping."""


class IncidentBook:
    """Open and lately closed incidents of one tenant."""

    def __init__(self, tenant: str, forest: CauseForest, changes: ChangeLog, past: PastIncidents) -> None:
        self.tenant, self.forest, self.changes, self.past = tenant, forest, changes, past
        self.records: dict[int, Record] = {}
        self.closed: dict[str, Record] = {}
        self.findings: dict[str, Finding] = {}
        self.outbox: list[Incident] = []
        self.rankings = 0
        """Rankings made since the start of the process: what most of the work is."""

    def take(self, finding: Finding, now_ms: int, text: str, closed_ms: int | None) -> None:
        """Place a new finding, or note the growth or end of a known one; older versions are ignored."""
        known = self.findings.get(finding.ref)
        if known is not None and known.version >= finding.version:
            return
        if known is None:
            hit = self.forest.add(finding.entity, finding.at_ms, finding.ref, finding.open)
            if hit is None:
                return
            finding.hit = hit.key
            self.findings[finding.ref] = finding
            self._follow(now_ms)
            self.records[hit.group].log(finding.at_ms, "finding", f"{finding.entity}: {text}", finding.ref)
        finding.hit = self.findings[finding.ref].hit
        self.findings[finding.ref] = finding
        hit = self.forest.hits[finding.hit]
        record = self.records[hit.group]
        record.include(finding)
        if not finding.open:
            at_ms = closed_ms if closed_ms is not None else now_ms
            self.forest.end(hit, finding.ref, at_ms)
            record.log(at_ms, "ended", f"{finding.entity}: {finding.metric} is as expected again", finding.ref)

    def note_change(self, e: Event) -> None:
        """A change of an entity that is part of an open incident belongs in its timeline; ranking looks at all changes."""
        for key in self.forest.by_entity.get(e.entity, ()):
            title = e.title or str(e.attributes.get("kind", e.type))
            record = self.records[self.forest.hits[key].group]
            record.unranked = True
            record.log(e.ts_ms, e.type, f"{e.entity}: {title}", e.id)

    def speaks_of(self, entity: str, ref: str) -> bool:
        """Is this finding known, or its entity part of an open incident?"""
        return ref in self.findings or entity in self.forest.by_entity

    def note(self, entity: str, at_ms: int, what: str, text: str, ref: str) -> None:
        """A line in the timeline of the open incidents that an entity is part of."""
        for group in sorted({self.forest.hits[k].group for k in self.forest.by_entity.get(entity, ())}):
            self.records[group].log(at_ms, what, text, ref)

    def note_ticket(self, e: Event, text: str) -> None:
        """A ticket about something beside an open incident is a line in its timeline, nothing more."""
        for near in sorted({*self.forest.graph.callers(e.entity), *self.forest.graph.callees(e.entity)}):
            self.note(near, e.ts_ms, "ticket", f"{e.entity}: {text}", e.id)

    def judge(self, f: Feedback) -> None:
        """Verdict on a suspect (target ``incident/suspect``) or a note on an incident (target ``incident``)."""
        incident, _, suspect = f.target.partition("/")
        record = next((r for r in (*self.records.values(), *self.closed.values()) if r.id == incident), None)
        if f.verdict in ("cause", "not_cause") and suspect:
            self.changes.judge(suspect, f.verdict == "cause" and not f.undo, f.made_at_ms)
            if (old := self.past.incidents.get(incident)) is not None:
                old.judge(suspect, "" if f.undo else f.verdict)
            if record is not None:
                record.unranked = True
                record.judged.pop(suspect, None)
                if not f.undo:
                    record.judged[suspect] = f.verdict
                said = "was" if f.verdict == "cause" else "was not"
                record.log(f.made_at_ms, "verdict", f"{f.author}: {suspect} {said} the cause{' (taken back)' if f.undo else ''}", f.id)
        elif record is not None and f.note:
            record.notes.append(f.note)
            record.log(f.made_at_ms, "note", f"{f.author}: {f.note}", f.id)
            if incident in self.past.incidents:
                self.past.incidents[incident].notes.append(f.note)

    def flush(self, now_ms: int, known: Known) -> list[Incident]:
        """Close what is quiet, rank what changed, and give the new versions."""
        self.forest.advance(now_ms)
        self._follow(now_ms)
        for group in [g for g in self.records if self._quiet(g, now_ms)]:
            self._close(group, now_ms)
        due = [g for g, r in self.records.items() if worth_assessing(r, now_ms)]
        due.sort(key=lambda g: (self.records[g].ranked_ms, -len(self.records[g].findings), g))
        for group in due[:ASSESS_PER_FLUSH]:
            assess(self.records[group], self.findings, self.forest, now_ms, known)
            self.rankings += 1
        for group, record in self.records.items():
            if record.dirty:
                record.entities = list(dict.fromkeys(h.entity for h in self.forest.members(group)))
                self.outbox.append(record.publish(self.tenant))
        self.outbox += [r.publish(self.tenant) for r in self.closed.values() if r.dirty]
        out, self.outbox = self.outbox, []
        return out

    def troubled(self, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """When several entities were broken together: (begin, end) of the incidents in this time, by begin. What began long before it and
        goes on has become the normal state."""
        every = [*self.records.values(), *self.closed.values()]
        found = [(r.opened_ms, r.closed_ms or to_ms) for r in every if len(r.entities) > 1 and r.opened_ms >= from_ms]
        return sorted(found)

    def _quiet(self, group: int, now_ms: int) -> bool:
        hits = self.forest.members(group)
        return not any(h.open_refs for h in hits) and now_ms - max(h.last_ms for h in hits) > QUIET_MS

    def _close(self, group: int, now_ms: int) -> None:
        record = self.records.pop(group)
        self._learn_spread(group)
        hits = self.forest.close(group)
        record.entities = list(dict.fromkeys(h.entity for h in hits))
        end_ms = max(h.last_ms for h in hits)
        record.state, record.closed_ms = "closed", end_ms
        record.log(end_ms, "closed", f"nothing new for {QUIET_MS // 60_000} min")
        marks = sorted(features(record, self.findings))
        for ref in record.findings:
            self.findings.pop(ref, None)
        cause = next((s for s, v in record.judged.items() if v == "cause"), "")
        self.past.add(
            PastIncident(record.id, record.opened_ms, end_ms, marks, list(record.said), record.title(), cause, [], list(record.notes))
        )
        self.closed[record.id] = record
        if len(self.closed) > MAX_CLOSED:
            del self.closed[next(iter(self.closed))]

    def _learn_spread(self, group: int) -> None:
        """Count, for each hit entity, which of its callers were hit too and how much later: the edge's chance and time to pass a fault."""
        first = {h.entity: h.first_ms for h in reversed(self.forest.members(group))}
        if len(first) > 1:
            for callee in sorted(first):
                for caller in self.forest.graph.callers(callee):
                    gap_s = (first[caller] - first[callee]) / 1000 if caller in first else None
                    self.forest.graph.learn_spread(caller, callee, gap_s)

    def _follow(self, now_ms: int) -> None:
        """Do to the records what the forest did to its groups."""
        for m in self.forest.take_moves():
            if m.what == "opened":
                self._opened(m)
            elif m.what == "merged":
                self._merged(m, now_ms)
            else:
                self._moved(m, now_ms)

    def _opened(self, m: Moved) -> None:
        hit = self.forest.hits[m.keys[0]]
        again = next(
            (r for r in reversed(self.closed.values()) if hit.entity in r.entities and m.at_ms - (r.closed_ms or 0) <= REOPEN_MS), None
        )
        if again is not None:
            del self.closed[again.id]
            again.group, again.state, again.closed_ms = m.group, "open", None
            again.log(m.at_ms, "reopened", f"{hit.entity} broke again")
            self.records[m.group] = again
            return
        record = Record(finding_id("incident", self.tenant, hit.refs[0]), m.group, m.at_ms, m.at_ms)
        record.log(m.at_ms, "opened", m.reason)
        self.records[m.group] = record

    def _merged(self, m: Moved, now_ms: int) -> None:
        loser, winner = self.records.pop(m.other), self.records[m.group]
        winner.unranked = True
        winner.log(now_ms, "merged", f"joined with {loser.id}: {m.reason}", loser.id)
        for ref in loser.findings:
            if ref in self.findings:
                winner.include(self.findings[ref])
        winner.timeline = sorted([*winner.timeline, *(t for t in loser.timeline if t.what != "opened")], key=lambda t: t.at_ms)
        winner.opened_ms = min(winner.opened_ms, loser.opened_ms)
        if loser.version:  # somebody has seen it
            loser.state, loser.merged_into, loser.closed_ms = "merged", winner.id, now_ms
            loser.log(now_ms, "merged", f"into {winner.id}: {m.reason}", winner.id)
            self.outbox.append(loser.publish(self.tenant))

    def _moved(self, m: Moved, now_ms: int) -> None:
        source = self.records[m.other]
        if m.group not in self.records:
            first = self.forest.hits[m.keys[0]]
            self.records[m.group] = Record(
                finding_id("incident", self.tenant, "split", first.refs[0], now_ms), m.group, first.first_ms, now_ms
            )
        target = self.records[m.group]
        refs = [ref for h in self._hits(m.keys) for ref in h.refs]
        gone = set(refs)
        source.findings = [r for r in source.findings if r not in gone]
        for ref in refs:
            if ref in self.findings:
                target.include(self.findings[ref])
        source.unranked = target.unranked = True
        source.log(now_ms, m.what, f"went to {target.id}: {m.reason}", target.id)
        target.log(now_ms, m.what, f"came from {source.id}: {m.reason}", source.id)

    def _hits(self, keys: list[int]) -> list[Hit]:
        return [self.forest.hits[k] for k in keys if k in self.forest.hits]
