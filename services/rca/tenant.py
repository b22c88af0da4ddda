"""Everything rca knows of one tenant: takes findings, events and rollups, keeps the open incidents, says what changed.

Time is the newest event time seen. Once its second turns, incidents that changed are ranked again and published: so what is published
depends on the messages and their order alone, never on when somebody looked.
"""

from __future__ import annotations

import msgspec
import numpy as np

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Edge, Episode, Feedback, Incident, Risk, Severity
from kizashi.contracts.ids import format_series_id, parse_series_id
from kizashi.contracts.inputs import Event
from kizashi.online.dependencies import DependencyMap, edges_of
from services.rca.changes import ChangeLog
from services.rca.entity import entity_of
from services.rca.grouping import CauseForest
from services.rca.impact import Promises
from services.rca.incidents import IncidentBook
from services.rca.kinds import request_count
from services.rca.learned import hints, speaks_of_calls
from services.rca.past import PastIncidents
from services.rca.record import Finding, episode_text
from services.rca.signals import STEP_MS, SignalStore
from services.rca.window import Window

SLOW = ("season", "trend", "variance")
"""Episodes about the shape of a series: seen hours after it changed, so they neither begin an incident nor date one."""
FLUSH_MS = 1_000
FADE_MS = 60_000
MAX_DONE = 20_000
"""Ids of findings that are over, kept to recognise a repeat."""
MAX_NAMES = 100_000
OWN = "kizashi."
"""Metrics that the house makes of other series."""
LEARN_MS = 600_000
LEARN_FROM_MS = 1_800_000
MAX_LEARNED_FROM = 600


class SeriesName(msgspec.Struct, frozen=True):
    """Whose and what a series is."""

    entity: str
    metric: str


class Tenant:
    """One tenant. Every method takes one message; the same message twice changes nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.graph = DependencyMap()
        self.signals = SignalStore()
        self.changes = ChangeLog()
        self.past = PastIncidents()
        self.promises = Promises()
        self.book = IncidentBook(name, CauseForest(self.graph), self.changes, self.past)
        self.series_names: dict[int, SeriesName] = {}
        self.by_entity: dict[str, list[int]] = {}
        self.requests: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.now_ms = 0
        self.flushed_ms = 0
        self.faded_ms = 0
        self.learned_ms = 0
        self.out_incidents: list[Incident] = []
        self.out_edges: list[Edge] = []
        self.out_changes: list[Event] = []

    def series(self, info: SeriesInfo) -> None:
        """Learn what a series id means; series about series (``kizashi.anomaly_rate``) are nobody's cause."""
        if info.metric.startswith(OWN):
            return
        self._name(info.id, info.metric, info.labels)

    def episode(self, e: Episode) -> None:
        """Group an episode, or note its growth or end."""
        if e.metric.startswith(OWN):
            return
        self._name(parse_series_id(e.series_id), e.metric, e.labels)
        entity = entity_of(e.metric, e.labels)
        if e.kind in SLOW:
            if e.state == "open" or e.version == 1:
                self.book.note(entity, e.opened_ms, "pattern", f"{entity}: {episode_text(e)}", e.id)
            self._advance(e.updated_ms)
            return
        finding = Finding(
            e.id, entity, e.metric, e.series_id, e.opened_ms, e.severity, e.kind, e.state == "open", e.version, 0, e.peak_score
        )
        self._find(finding, e.updated_ms, episode_text(e), e.closed_ms)

    def risk(self, r: Risk) -> None:
        """A promise that is being missed is a finding about its entity; one that only may be missed is not. All count as what an
        incident may put at risk."""
        self.promises.note(r)
        if r.kind in ("slo", "capacity") and (r.firing or r.id in self.book.findings):
            series = r.series_id or format_series_id(0)
            finding = Finding(r.id, r.entity, r.title or r.kind, series, r.made_at_ms, r.severity, r.kind, r.firing, r.version, 0)
            self._find(finding, r.made_at_ms, f"{r.title or r.kind}: {r.reason or 'at risk'}", None if r.firing else r.made_at_ms)
        else:
            self._advance(r.made_at_ms)

    def rollup(self, b: RollupBatch) -> None:
        """Remember the last half hour of every series."""
        self.signals.fold(b.start_ms, b.ids, b.mean)
        self._advance(b.start_ms + b.step_ms)

    def event(self, e: Event) -> None:
        """Incidents and tickets are findings, changes and maintenance are suspects, topology is the map."""
        if e.type in ("change", "maintenance"):
            if self.changes.add(e) is not None:
                self.book.note_change(e)
        elif e.type in ("incident", "ticket"):
            self._reported(e)
        elif e.type == "topology":
            changed = [x for x in edges_of(e) if self.graph.observe(x)]
            self.out_edges += [x.finding(self.name, e.ts_ms) for x in changed]
        self._advance(e.ts_ms)

    def feedback(self, f: Feedback) -> None:
        """A person's word on a suspect or an incident. Its clock is the person's: it does not move ours."""
        key = f"feedback:{f.id}:{f.undo}"
        if key not in self.done:
            self._finish(key, 1)
            self.book.judge(f)

    def tick(self, now_ms: int) -> None:
        """Event time passed without a message."""
        self._advance(now_ms)

    def take(self) -> tuple[list[Incident], list[Edge], list[Event]]:
        """What is to be sent since the last call: incidents, edges, change outcomes."""
        out = self.out_incidents, self.out_edges, self.out_changes
        self.out_incidents, self.out_edges, self.out_changes = [], [], []
        return out

    def _reported(self, e: Event) -> None:
        state = str(e.attributes.get("state", "open"))
        over = state in ("resolved", "closed", "done") or "resolved_ms" in e.attributes
        severity: Severity = "critical" if str(e.attributes.get("priority", "")).lower() in ("p1", "1", "critical") else "warning"
        at_ms = int(e.attributes.get("opened_ms", e.ts_ms))
        finding = Finding(e.id, e.entity, e.title or e.type, format_series_id(0), at_ms, severity, e.type, not over, 1 + int(over), 0)
        text = e.title or e.text or e.type
        if e.type == "ticket" and severity != "critical" and not self.book.speaks_of(e.entity, e.id):
            self.book.note_ticket(e, text)  # a desk always has tickets: one alone is no incident
        else:
            self._find(finding, e.ts_ms, text, e.ts_ms if over else None)

    def _find(self, finding: Finding, at_ms: int, text: str, closed_ms: int | None) -> None:
        if self.done.get(finding.ref, 0) < finding.version:
            self.book.take(finding, max(self.now_ms, at_ms), text, closed_ms)
            if not finding.open:
                self._finish(finding.ref, finding.version)
        self._advance(at_ms)

    def _finish(self, key: str, version: int) -> None:
        self.done[key] = version
        if len(self.done) > MAX_DONE:
            del self.done[next(iter(self.done))]

    def _name(self, series: int, metric: str, labels: dict[str, str]) -> None:
        if series in self.series_names or len(self.series_names) >= MAX_NAMES:
            return
        entity = entity_of(metric, labels)
        extra = ",".join(f"{k}={v}" for k, v in sorted(labels.items()) if v != entity)
        self.series_names[series] = SeriesName(entity, f"{metric}{{{extra}}}" if extra else metric)
        self.index(series, entity, metric)

    def _advance(self, now_ms: int) -> None:
        self.now_ms = max(self.now_ms, now_ms)
        if self.now_ms - self.faded_ms >= FADE_MS:
            self.faded_ms = self.now_ms
            self.out_edges += [e.finding(self.name, self.now_ms) for e in self.graph.fade(self.now_ms)]
        if self.now_ms - self.learned_ms >= LEARN_MS:
            if self.learned_ms:
                changed = [x for x in hints(self._recent(), self.now_ms) if self.graph.observe(x)]
                self.out_edges += [x.finding(self.name, self.now_ms) for x in changed]
            self.learned_ms = self.now_ms
        if self.now_ms - self.flushed_ms >= FLUSH_MS:
            self.flushed_ms = self.now_ms
            self.changes.settle(self.now_ms)
            self.out_incidents += self.book.flush(self.now_ms, self)
            self.out_changes += [c.event(self.name) for c in self.changes.take_decided()]

    def _recent(self) -> Window:
        """The signals that dependencies are learned from: request counts and latencies of the last half hour, without the minutes in
        which something was broken: what breaks together moves together, who calls whom or not."""
        found = [(n.entity, n.metric, i) for i, n in self.series_names.items() if speaks_of_calls(n.metric, n.entity)][:MAX_LEARNED_FROM]
        ids = [i for _e, _m, i in found]
        normal = self.signals.window(ids, self.now_ms - LEARN_FROM_MS, self.now_ms)
        ends_ms = self.now_ms + STEP_MS * np.arange(1 - len(normal), 1)
        for from_ms, to_ms in self.book.troubled(self.now_ms - LEARN_FROM_MS, self.now_ms):
            calm = (ends_ms < from_ms - STEP_MS) | (ends_ms > to_ms + STEP_MS)
            normal, ends_ms = normal[calm], ends_ms[calm]
        names = tuple(m for _e, m, _i in found)
        return Window(tuple(e for e, _m, _i in found), names, tuple(map(format_series_id, ids)), normal, normal[:0], STEP_MS / 1000)

    def index(self, series: int, entity: str, metric: str) -> None:
        """Find the series again by its entity, and the entity's first count of requests."""
        self.by_entity.setdefault(entity, []).append(series)
        if request_count(metric, entity):
            self.requests.setdefault(entity, series)

    def entry_requests(self) -> dict[str, float]:
        """Requests (mean of the last half hour) of the entities of the map that nobody calls; those unknown are left out."""
        entries = [e for e in self.requests if self.graph.callees(e) and not self.graph.callers(e)]
        x = self.signals.window([self.requests[e] for e in entries], self.now_ms - LEARN_FROM_MS, self.now_ms)
        known = (~np.isnan(x)).sum(axis=0)
        mean = np.nansum(x, axis=0) / np.maximum(known, 1)
        return {e: max(0.0, float(m)) for e, m, n in zip(entries, mean, known, strict=True) if n} if len(x) else {}

    def entity_series(self, entity: str) -> list[int]:
        """Series of an entity, in order of acquaintance."""
        return self.by_entity.get(entity, [])

    def name_of(self, series: int) -> str:
        """Metric and distinguishing labels of a series."""
        return self.series_names[series].metric
