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
HISTORY_PRIOR, UNLIKE = 1.0, 0.1
"""Ten judged incidents that are nothing like this one, or one that is just like it, weigh as much as knowing nothing."""


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


class PastIncidents:
    """Closed incidents of one tenant, newest ``MAX_PAST``, and which of them have a feature."""

    def __init__(self, incidents: dict[str, PastIncident] | None = None) -> None:
        self.incidents: dict[str, PastIncident] = {}
        self._having: dict[str, dict[str, None]] = {}
        for p in (incidents or {}).values():
            self.add(p)

    def add(self, incident: PastIncident) -> None:
        """Keep a closed incident; the oldest one makes room."""
        self._forget(incident.id)
        self.incidents[incident.id] = incident
        for f in incident.features:
            self._having.setdefault(f, {})[incident.id] = None
        if len(self.incidents) > MAX_PAST:
            self._forget(next(iter(self.incidents)))

    def likeness(self, features: Iterable[str]) -> dict[str, float]:
        """Weighted Jaccard index (0-1] of every past incident that shares a feature with these."""
        mine = sorted(set(features))
        shared: dict[str, float] = {}
        for f in mine:
            for incident in self._having.get(f, ()):
                shared[incident] = shared.get(incident, 0.0) + self._weight(f)
        own = sum(self._weight(f) for f in mine)
        return {i: both / (own + sum(map(self._weight, self.incidents[i].features)) - both) for i, both in shared.items()}

    def similar(self, features: Iterable[str], but: str = "") -> list[tuple[PastIncident, float]]:
        """Past incidents that look like these features, most alike first."""
        found = [(self.incidents[i], share) for i, share in self.likeness(features).items() if share >= SIMILAR_FROM and i != but]
        return sorted(found, key=lambda x: (-x[1], -x[0].closed_ms, x[0].id))[:MAX_SIMILAR]

    def priors(self, features: Iterable[str], but: str = "") -> dict[str, float]:
        """For each entity that people confirmed as a cause: its share of the judged incidents (0-1), those that look like these
        features counting most; shrunk to 0 while few are judged. Where people said "not this one", that counts against it."""
        alike = self.likeness(features)
        judged = [p for p in self.incidents.values() if (p.cause or p.not_causes) and p.id != but]
        said: dict[str, float] = {}
        total = HISTORY_PRIOR
        for p in judged:
            weight = UNLIKE + alike.get(p.id, 0.0)
            total += weight
            if p.cause:
                said[p.cause] = said.get(p.cause, 0.0) + weight
            for e in p.not_causes:
                said[e] = said.get(e, 0.0) - weight
        return {e: min(1.0, w / total) for e, w in said.items() if w > 0}

    def accuracy(self, from_ms: int = 0, to_ms: int = 2**62) -> Accuracy:
        """How often we were right, over incidents closed in [from, to)."""
        judged = [p for p in self.incidents.values() if p.cause and from_ms <= p.closed_ms < to_ms]
        n = max(1, len(judged))
        top1, top3 = (sum(p.cause in p.ranked[:k] for p in judged) / n for k in (1, 3))
        return Accuracy(len(judged), top1, top3)

    def _forget(self, incident: str) -> None:
        gone = self.incidents.pop(incident, None)
        for f in gone.features if gone else ():
            self._having[f].pop(incident, None)
            if not self._having[f]:
                del self._having[f]

    def _weight(self, feature: str) -> float:
        count = len(self._having.get(feature, ()))
        return math.log(len(self.incidents) / count) + 1.0 if count else 1.0
