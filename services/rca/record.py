"""The incident as it is kept and published: what happened when, who is affected, and why we think so."""

from __future__ import annotations

from typing import Literal

import msgspec

from kizashi.contracts.findings import Affected, Cause, Episode, Impact, Incident, Severity, TimelineEntry

MAX_TIMELINE = 300
MAX_FINDINGS = 1_000
SHOWN_CAUSES = 5
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


class Finding(msgspec.Struct):
    """What rca keeps of an episode, risk or reported incident while its incident is open."""

    ref: str
    entity: str
    metric: str
    series_id: str
    at_ms: int
    severity: Severity
    kind: str
    open: bool
    version: int
    hit: int
    score: float = 0.0


class Record(msgspec.Struct):
    """One incident of a tenant. ``dirty`` asks for publication."""

    id: str
    group: int
    opened_ms: int
    updated_ms: int
    version: int = 0
    state: Literal["open", "closed", "merged"] = "open"
    closed_ms: int | None = None
    merged_into: str = ""
    severity: Severity = "info"
    verdict: Literal["cause", "inconclusive"] = "inconclusive"
    findings: list[str] = []
    entities: list[str] = []
    causes: list[Cause] = []
    blast: list[Affected] = []
    impact: Impact | None = None
    said: list[str] = []
    """Suspects as ranked before a person judged one of them: what the track record is kept of."""
    changes: list[str] = []
    change_titles: dict[str, str] = {}
    timeline: list[TimelineEntry] = []
    similar: list[str] = []
    notes: list[str] = []
    judged: dict[str, str] = {}
    ranked_ms: int = -1
    unranked: bool = True
    """Something came that may change who the cause is: another entity, a merge or split, a change, a verdict."""
    predicted: bool = False
    dirty: bool = True

    def log(self, at_ms: int, what: str, text: str, ref: str = "") -> None:
        """Add a line to the timeline; repeats are left out, and the middle gives way when it is full, never the beginning."""
        entry = TimelineEntry(at_ms, what, text, ref)
        if entry in self.timeline[-20:]:
            return
        self.timeline.append(entry)
        if len(self.timeline) > MAX_TIMELINE:
            del self.timeline[MAX_TIMELINE // 2]
        self.updated_ms = max(self.updated_ms, at_ms)
        self.dirty = True

    def include(self, finding: Finding) -> None:
        """Count a finding in."""
        if finding.ref not in self.findings and len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding.ref)
        self.unranked |= finding.entity not in self.entities
        self.severity = max(self.severity, finding.severity, key=SEVERITIES.index)
        self.updated_ms = max(self.updated_ms, finding.at_ms)
        self.dirty = True

    def title(self) -> str:
        """One line for lists: the cause when there is one, else where it shows."""
        places = ", ".join(self.entities[:3]) + (f" and {len(self.entities) - 3} more" if len(self.entities) > 3 else "")
        if self.verdict == "cause" and self.causes:
            first = self.causes[0].entity
            return f"{first} affects {places}" if self.entities != [first] else f"{first} is not as expected"
        return f"{places} not as expected" if places else "reported"

    def publish(self, tenant: str) -> Incident:
        """Next version of the incident."""
        self.version += 1
        self.dirty = False
        return Incident(
            id=self.id, version=self.version, tenant=tenant, state=self.state, title=self.title(), severity=self.severity,
            opened_ms=self.opened_ms, updated_ms=self.updated_ms, closed_ms=self.closed_ms, merged_into=self.merged_into,
            verdict=self.verdict, entities=list(self.entities), episodes=list(self.findings), causes=list(self.causes[:SHOWN_CAUSES]),
            blast=list(self.blast), changes=list(self.changes), timeline=sorted(self.timeline, key=lambda t: t.at_ms),
            similar=list(self.similar), change_titles=dict(self.change_titles), impact=self.impact, said=list(self.said),
        )  # fmt: skip


def episode_text(e: Episode) -> str:
    """One sentence about an episode for the timeline."""
    what = {"missing": "went silent", "step": "stepped", "trend": "trends", "variance": "became unsteady", "season": "lost its rhythm"}
    verb = what.get(e.kind, "left its band")
    numbers = "" if e.kind in ("missing", "season") else f": {e.peak_value or e.value:.4g}, expected {e.expected:.4g}"
    return f"{e.metric} {verb}{numbers}"
