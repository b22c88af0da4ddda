"""What past incidents teach: which looked alike and what fixed them, who was the cause how often, and how good our ranking is.

Similarity of two incidents is the weighted Jaccard index of their features (entities, metrics, cause, kind of change); a feature weighs
ln(N / number of past incidents that have it) + 1, so that what is rare decides (inverse document frequency, Spärck Jones 1972).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

MAX_PAST = 2_000
SIMILAR_FROM = 0.3
MAX_SIMILAR = 5
HISTORY_PRIOR = 10.0
"""Past verdicts that weigh as much as none: history speaks up after a handful of judged incidents."""


class PastIncident(msgspec.Struct):
    """What is kept of a closed incident. ``ranked`` is what we said, ``cause`` what a person confirmed (empty: nobody did)."""

    id: str
    opened_ms: int
    closed_ms: int
    features: list[str]
    ranked: list[str]
    title: str = ""
    cause: str = ""
    not_causes: list[str] = []
    notes: list[str] = []

    def judge(self, suspect: str, verdict: str) -> None:
        """Note a person's verdict on a suspect: cause, not_cause, or empty to take it back."""
        if self.cause == suspect:
            self.cause = ""
        self.not_causes = [s for s in self.not_causes if s != suspect]
        if verdict == "cause":
            self.cause = suspect
        elif verdict == "not_cause":
            self.not_causes.append(suspect)


class Accuracy(msgspec.Struct, frozen=True):
    """Share of judged incidents whose confirmed cause was first, or among the first three."""

    judged: int
    top1: float
    top3: float


class PastIncidents(msgspec.Struct):
    """Closed incidents of one tenant, newest ``MAX_PAST``."""

    incidents: dict[str, PastIncident] = {}

    def add(self, incident: PastIncident) -> None:
        """Keep a closed incident; the oldest one makes room."""
        self.incidents[incident.id] = incident
        if len(self.incidents) > MAX_PAST:
            del self.incidents[next(iter(self.incidents))]

    def similar(self, features: Iterable[str], but: str = "") -> list[tuple[PastIncident, float]]:
        """Past incidents that look like these features, most alike first."""
        mine = set(features)
        weight = self._weights()
        found = []
        for p in self.incidents.values():
            theirs = set(p.features)
            union = sum(weight.get(f, 1.0) for f in sorted(mine | theirs))
            alike = sum(weight.get(f, 1.0) for f in sorted(mine & theirs)) / union if union else 0.0
            if alike >= SIMILAR_FROM and p.id != but:
                found.append((p, alike))
        return sorted(found, key=lambda x: (-x[1], -x[0].closed_ms, x[0].id))[:MAX_SIMILAR]

    def prior(self, entity: str) -> float:
        """Share of judged incidents that this entity caused, shrunk to 0 while few are judged (0-1)."""
        judged = [p for p in self.incidents.values() if p.cause]
        return sum(p.cause == entity for p in judged) / (len(judged) + HISTORY_PRIOR)

    def accuracy(self, from_ms: int = 0, to_ms: int = 2**62) -> Accuracy:
        """How often we were right, over incidents closed in [from, to)."""
        judged = [p for p in self.incidents.values() if p.cause and from_ms <= p.closed_ms < to_ms]
        n = max(1, len(judged))
        top1, top3 = (sum(p.cause in p.ranked[:k] for p in judged) / n for k in (1, 3))
        return Accuracy(len(judged), top1, top3)

    def _weights(self) -> dict[str, float]:
        count: dict[str, int] = {}
        for p in self.incidents.values():
            for f in p.features:
                count[f] = count.get(f, 0) + 1
        return {f: math.log(len(self.incidents) / c) + 1.0 for f, c in count.items()}
