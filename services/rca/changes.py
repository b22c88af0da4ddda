"""Change correlation: what each deploy, configuration or flag change did.

For an incident that began ``lag`` after a change of the entity (or of something it depends on),

    P(the change did it) = θ·f(lag) / (θ·f(lag) + λ)        (Bayes; λ: incidents of an entity per second without any change)

θ is the share of past changes of that kind that were followed by an incident they were blamed for (Beta prior 1 of 10: public surveys
put change failure between 5 and 15 %), f an exponential density (mean 10 min: most bad deploys show within minutes). After its
window every change has an outcome: nothing, suspected, or confirmed by a person.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from kizashi.contracts.inputs import Event

Outcome = Literal["pending", "nothing", "suspected", "confirmed", "cleared"]

WINDOW_S = 3600.0
LAG_MEAN_S = 600.0
SKEW_S = 10.0
"""Clocks of the deploying machine and of the sampled one may differ: a change this much *after* the onset still counts."""
PRIOR_CAUSED, PRIOR_SEEN = 1.0, 10.0
BACKGROUND_PER_S = 1 / 86_400
"""One incident a day and entity without a change."""
MAX_CHANGES = 5_000
SUSPECT_FROM = 0.5


class Change(msgspec.Struct):
    """One change and what is known of its effect."""

    id: str
    entity: str
    kind: str
    at_ms: int
    title: str = ""
    author: str = ""
    outcome: Outcome = "pending"
    incident: str = ""
    probability: float = 0.0
    decided_ms: int = 0

    def event(self, tenant: str) -> Event:
        """The outcome as an annotation, for charts and queries; the same id as long as the change lives."""
        said = {"change": self.id, "kind": self.kind, "outcome": self.outcome, "incident": self.incident, "probability": self.probability}
        return Event("annotation", self.entity, self.at_ms, f"outcome-{self.id}", tenant, f"{self.title}: {self.outcome}", "", "rca", said)


class Record(msgspec.Struct):
    """Track record of a kind of change."""

    seen: int = 0
    caused: int = 0

    def share(self) -> float:
        """θ: posterior mean share of changes of this kind that break something."""
        return (self.caused + PRIOR_CAUSED) / (self.seen + PRIOR_SEEN)


class ChangeLog(msgspec.Struct):
    """Changes of one tenant, newest ``MAX_CHANGES`` of them, and the track record of each kind."""

    changes: dict[str, Change] = {}
    records: dict[str, Record] = {}
    dirty: list[str] = []

    def add(self, event: Event) -> Change | None:
        """Note a change event; the same id twice changes nothing."""
        if event.id in self.changes:
            return None
        kind = str(event.attributes.get("kind", event.type))
        title = event.title or f"{kind} {event.attributes.get('version', '')}".strip()
        change = Change(event.id, event.entity, kind, event.ts_ms, title, str(event.attributes.get("author", "")))
        self.changes[change.id] = change
        if len(self.changes) > MAX_CHANGES:
            oldest = min(self.changes.values(), key=lambda c: (c.at_ms, c.id))
            del self.changes[oldest.id]
        self.dirty.append(change.id)
        return change

    def probability(self, change: Change, onset_ms: int) -> float:
        """Chance that this change set off what began at ``onset_ms``; 0 outside the window."""
        lag_s = (onset_ms - change.at_ms) / 1000
        if not -SKEW_S <= lag_s <= WINDOW_S or change.outcome == "cleared":
            return 0.0
        if change.outcome == "confirmed":
            return 1.0
        theta = self.records.get(change.kind, Record()).share()
        evidence = theta * math.exp(-max(0.0, lag_s) / LAG_MEAN_S) / LAG_MEAN_S
        return evidence / (evidence + BACKGROUND_PER_S)

    def suspects(self, entities: set[str], onset_ms: int) -> list[tuple[Change, float]]:
        """Changes of these entities in the lag window, likeliest first."""
        found = [(c, self.probability(c, onset_ms)) for c in self.changes.values() if c.entity in entities]
        return sorted(((c, p) for c, p in found if p > 0), key=lambda x: (-x[1], x[0].id))

    def blame(self, change_id: str, incident: str, probability: float, now_ms: int) -> None:
        """An incident names this change; the highest probability so far is kept."""
        change = self.changes.get(change_id)
        if change is None or change.outcome in ("confirmed", "cleared"):
            return
        if probability > change.probability:
            change.incident, change.probability = incident, round(probability, 4)
            if probability >= SUSPECT_FROM and change.outcome != "suspected":
                self._decide(change, "suspected", now_ms)

    def judge(self, change_id: str, was_cause: bool, now_ms: int) -> bool:
        """A person's word on a change; False when there is no such change."""
        change = self.changes.get(change_id)
        if change is None:
            return False
        self._decide(change, "confirmed" if was_cause else "cleared", now_ms)
        return True

    def settle(self, now_ms: int) -> None:
        """Give an outcome to the changes whose window is over, and count it once in the record of their kind."""
        for change in self.changes.values():
            if change.outcome == "pending" and now_ms - change.at_ms > WINDOW_S * 1000:
                self._decide(change, "nothing", now_ms)

    def take_decided(self) -> list[Change]:
        """Changes whose outcome moved since the last call, in order."""
        ids, self.dirty = list(dict.fromkeys(self.dirty)), []
        return [self.changes[i] for i in ids if i in self.changes]

    def _decide(self, change: Change, outcome: Outcome, now_ms: int) -> None:
        record = self.records.setdefault(change.kind, Record())
        blamed = ("suspected", "confirmed")
        record.seen += change.outcome == "pending"
        record.caused += (outcome in blamed) - (change.outcome in blamed)
        change.outcome, change.decided_ms = outcome, now_ms
        self.dirty.append(change.id)
