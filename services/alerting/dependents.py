"""Parents by dependency: while what a service depends on is broken and somebody was told of it, the service's own symptoms need not be
said. Pure.

An alert's parents are the symptoms of what its entity reaches over hard dependencies, step by step through entities that have symptoms
themselves: a healthy one in between passes nothing on. What reaches back is no parent, so entities that depend on each other in a ring
never silence one another, and whatever is reached last in a direction is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from kizashi.contracts.inputs import Event
from kizashi.online.dependencies import HALF_LIFE_MS, EdgeSource, edges_of

SURE_ENOUGH = 0.6
"""Confidence that an edge needs: declared ones have it for 66 days after they were last said, traced ones for 16 hours. Learned ones
begin at 0.5: a guess from co-movement must not keep a page back; what it explains comes to people as an incident."""
MOST_TIES = 20_000
"""Callers whose dependencies are known; the ones that were named first go."""
MOST_REACHED = 500
"""Entities that are walked through from one; beyond it nothing is held back."""


class Tie(msgspec.Struct, array_like=True):
    """A hard dependency: who said it, how sure it was, and when, ms since the epoch."""

    source: EdgeSource
    confidence: float
    last_ms: int

    def holds(self, now_ms: int) -> bool:
        """Whether it is still sure enough, as rca's map fades it."""
        halvings = max(0, now_ms - self.last_ms) / HALF_LIFE_MS[self.source]
        return self.confidence * math.pow(0.5, halvings) >= SURE_ENOUGH


class Dependents:
    """Hard dependencies of a tenant, and who has symptoms now."""

    def __init__(self) -> None:
        self.ties: dict[str, dict[str, Tie]] = {}
        """Caller → callee → tie."""
        self.symptoms: dict[str, dict[str, None]] = {}
        """Entity → ids of its alerts that are symptoms and fire."""
        self._callers: dict[str, dict[str, None]] = {}
        self._entity: dict[str, str] = {}
        self._above: dict[str, list[str]] = {}
        """Entity → what ``above`` answered, until something changes."""

    def take(self, e: Event) -> None:
        """A topology event; an edge that is said to be soft is hard no longer. The same event twice changes nothing."""
        for edge in edges_of(e):
            if edge.caller == edge.callee or not edge.caller or not edge.callee:
                continue
            known = self.ties.setdefault(edge.caller, {})
            old = known.get(edge.callee)
            if old is not None and old.last_ms > edge.last_ms:
                continue
            if edge.hard or old is None or old.source == edge.source:
                # a soft one is kept as one that never holds: an older word that comes later must not make it hard again
                known[edge.callee] = Tie(edge.source, edge.confidence if edge.hard else 0.0, edge.last_ms)
                self._callers.setdefault(edge.callee, {})[edge.caller] = None
        while len(self.ties) > MOST_TIES:
            del self.ties[next(iter(self.ties))]
        self._above.clear()

    def load(self, ties: dict[str, dict[str, Tie]]) -> None:
        """Take over what a snapshot kept."""
        self.ties, self._callers = ties, {}
        for caller, known in ties.items():
            for callee in known:
                self._callers.setdefault(callee, {})[caller] = None
        self._above.clear()

    def use(self, firing: Iterable[tuple[str, str]]) -> None:
        """(alert, entity) of every symptom that fires now."""
        self.symptoms, self._entity = {}, {}
        for alert_id, entity in firing:
            self.fire(alert_id, entity)
        self._above.clear()

    def fire(self, alert_id: str, entity: str) -> None:
        """A symptom fires; twice is once."""
        if entity and alert_id not in self._entity:
            self._entity[alert_id] = entity
            if not self.symptoms.setdefault(entity, {}):
                self._above.clear()
            self.symptoms[entity][alert_id] = None

    def end(self, alert_id: str) -> None:
        """It fires no longer."""
        entity = self._entity.pop(alert_id, "")
        if entity:
            del self.symptoms[entity][alert_id]
            if not self.symptoms[entity]:
                del self.symptoms[entity]
                self._above.clear()

    def above(self, entity: str, now_ms: int) -> list[str]:
        """Alerts that may be parents of the symptoms of ``entity``, the nearest first."""
        if entity not in self.ties or len(self.symptoms) < 2:
            return []
        if entity not in self._above:
            self._above[entity] = self._walked(entity, now_ms)
        return [i for e in self._above[entity] for i in self.symptoms.get(e, ())]

    def forget_walks(self) -> None:
        """Ties fade with time: walk anew. Called now and then."""
        self._above.clear()

    def _walked(self, entity: str, now_ms: int) -> list[str]:
        down = self._reached(entity, self.ties, now_ms, False)
        if not down:
            return []
        back = self._reached(entity, self._callers, now_ms, True)
        return [] if down is None or back is None else [e for e in down if e not in back]

    def _reached(self, entity: str, links: Mapping[str, Mapping[str, object]], now_ms: int, upward: bool) -> dict[str, None] | None:
        """Entities with symptoms that a walk comes to, breadth first, without its start; None: too many."""
        found: dict[str, None] = {}
        front = [entity]
        while front:
            front = [n for at in front for n in links.get(at, ()) if self._passes(n, at, now_ms, upward) and n != entity]
            front = [n for n in dict.fromkeys(front) if n not in found]
            found |= dict.fromkeys(front)
            if len(found) > MOST_REACHED:
                return None
        return found

    def _passes(self, n: str, at: str, now_ms: int, upward: bool) -> bool:
        caller, callee = (n, at) if upward else (at, n)
        tie = self.ties.get(caller, {}).get(callee)
        return n in self.symptoms and tie is not None and tie.holds(now_ms)
