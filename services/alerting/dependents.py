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
from kizashi.online.dependencies import HALF_LIFE_MS, EdgeSource, EdgeState, edges_of

SURE_ENOUGH = 0.6
"""Confidence that an edge needs: declared ones have it for 66 days after they were last said, traced ones for 16 hours. Learned ones
never count: a guess from co-movement must not keep a page back; what it explains comes to people as an incident."""
MOST_TIES = 50_000
"""Dependencies of a tenant that are known, as many as rca's map knows edges."""
KEPT_WHEN_FULL = MOST_TIES * 9 // 10
"""So many stay when there are too many: sorting them costs little for each edge that comes."""
FORGET_EVERY_MS = 3_600_000
MOST_REACHED = 500
"""Entities that are walked through from one; beyond it nothing is held back."""


class Word(msgspec.Struct, array_like=True, frozen=True, order=True):
    """The newest that one source said of a dependency: when (ms since the epoch), whether it is soft, how sure the source was (0-1)."""

    last_ms: int
    soft: bool
    confidence: float

    def counts(self, source: EdgeSource, now_ms: int) -> bool:
        """Whether it is hard and still sure enough, as rca's map fades it."""
        halvings = max(0, now_ms - self.last_ms) / HALF_LIFE_MS[source]
        return not self.soft and self.confidence * math.pow(0.5, halvings) >= SURE_ENOUGH

    def over(self, source: EdgeSource, at_ms: int) -> bool:
        """Whether it is a half-life old: neither it nor an older word of its source, however sure, counts any more."""
        return at_ms - self.last_ms >= HALF_LIFE_MS[source]


class Tie(msgspec.Struct, array_like=True):
    """A dependency by who said it. Sources are kept apart: what spans confirm once must not make a declared one fade in a day."""

    declared: Word | None = None
    traced: Word | None = None

    def add(self, source: EdgeSource, word: Word) -> None:
        """The newest word of a source stands; of two of one time the soft one, so that their order does not matter."""
        old = self.declared if source == "declared" else self.traced
        if old is None or word > old:
            self.set(source, word)

    def set(self, source: EdgeSource, word: Word | None) -> None:
        """Put a source's word in its place."""
        if source == "declared":
            self.declared = word
        else:
            self.traced = word

    def holds(self, now_ms: int) -> bool:
        """Whether any source says that it is hard; who declares it soft knows better than spans, which see calls only."""
        if self.declared is not None and self.declared.soft and not self.declared.over("declared", now_ms):
            return False
        return any(w is not None and w.counts(s, now_ms) for s, w in self.words())

    def words(self) -> tuple[tuple[EdgeSource, Word | None], ...]:
        """Each source with what it said."""
        return ("declared", self.declared), ("traced", self.traced)

    def forget(self, at_ms: int) -> bool:
        """Drop the words that are over; True when nothing is left."""
        for source, word in self.words():
            if word is not None and word.over(source, at_ms):
                self.set(source, None)
        return self.declared is None and self.traced is None

    @property
    def worth(self) -> tuple[bool, int]:
        """What goes last when there are too many: what was declared, since traffic repeats itself all day; then what was said last."""
        return self.declared is not None, max(w.last_ms for _, w in self.words() if w is not None)


class Dependents:
    """Dependencies of a tenant, and who has symptoms now. Memory: ``MOST_TIES`` ties and the alerts that fire."""

    def __init__(self) -> None:
        self.ties: dict[str, dict[str, Tie]] = {}
        """Caller → callee → tie."""
        self._count = 0
        self._forgot = 0
        self.symptoms: dict[str, dict[str, None]] = {}
        """Entity → ids of its alerts that are symptoms and fire."""
        self._callers: dict[str, dict[str, None]] = {}
        self._entity: dict[str, str] = {}
        self._above: dict[str, list[str]] = {}
        """Entity → what ``above`` answered, until something changes."""

    def take(self, e: Event) -> None:
        """A topology event. Learned edges are left out: they never count. The same event twice, or events in another order, change
        nothing."""
        for edge in edges_of(e):
            if edge.source != "learned" and edge.caller and edge.callee and edge.caller != edge.callee:
                self._add(edge)
        if self._count > MOST_TIES:
            every = ((t.worth, a, b) for a, known in self.ties.items() for b, t in known.items())
            for _, caller, callee in sorted(every)[: self._count - KEPT_WHEN_FULL]:
                del self.ties[caller][callee]
            self._index()
        self._above.clear()

    def _add(self, edge: EdgeState) -> None:
        known = self.ties.setdefault(edge.caller, {})
        tie = known.get(edge.callee)
        if tie is None:
            tie = known[edge.callee] = Tie()
            self._count += 1
            self._callers.setdefault(edge.callee, {})[edge.caller] = None
        tie.add(edge.source, Word(edge.last_ms, not edge.hard, edge.confidence))

    def load(self, ties: dict[str, dict[str, Tie]]) -> None:
        """Take over what a snapshot kept."""
        self.ties = ties
        self._index()
        self._above.clear()

    def _index(self) -> None:
        """Count the ties, and note who depends on whom, anew: callers that are left without a tie go."""
        self.ties = {caller: known for caller, known in self.ties.items() if known}
        self._count, self._callers = 0, {}
        for caller, known in self.ties.items():
            self._count += len(known)
            for callee in known:
                self._callers.setdefault(callee, {})[caller] = None

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

    def forget(self, now_ms: int) -> None:
        """Ties fade with time: walk anew, and drop, once an hour, what counts no more whoever else speaks. Called now and then."""
        self._above.clear()
        hour = now_ms // FORGET_EVERY_MS  # by the clock's hours, so that a model that was loaded has the same ties as one that ran on
        if hour == self._forgot:
            return
        self._forgot = hour
        gone = [(a, b) for a, known in self.ties.items() for b, tie in known.items() if tie.forget(hour * FORGET_EVERY_MS)]
        for caller, callee in gone:
            del self.ties[caller][callee]
        if gone:
            self._index()

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
