"""The dependency map: who calls whom, who said so, how sure we are, and how it was on Tuesday.

Three sources give edges. *Declared*: topology events, a file, the command line. *Traced*: service-graph events cut from spans.
*Learned*: co-movement of metrics, undirected until another source gives the direction, since direction from metrics is a coin flip.
Each source keeps its own edge; the map people and the other files read joins them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from kizashi.contracts.findings import Edge
from kizashi.contracts.inputs import Event
from kizashi.online.spread import HOP_MEDIAN_S

EdgeSource = Literal["declared", "traced", "learned"]

TRACED = ("traces", "otlp", "spans", "traced")
"""What a topology event calls the source of edges cut from spans."""
CONFIDENCE: dict[EdgeSource, float] = {"declared": 1.0, "traced": 0.95, "learned": 0.5}
"""How sure an edge of a source is that says no weight."""
DAY_MS = 86_400_000
HALF_LIFE_MS: dict[str, int] = {"declared": 90 * DAY_MS, "traced": DAY_MS, "learned": DAY_MS // 2}
"""An edge's confidence halves in this time when nobody repeats it: people seldom repeat themselves, traffic does all day."""
FORGET_BELOW = 0.05
"""Confidence under which an edge leaves the map; it stays in the history."""
TELL_EVERY_MS = 600_000
"""An edge that is seen again is published again this often, so that readers know it is alive."""
MAX_EDGES = 50_000
MAX_HISTORY = 20_000
SPREAD_HARD, SPREAD_SOFT, SPREAD_LEARNED = 0.65, 0.25, 0.3
"""Chance that a callee's fault is felt by its caller, before any fault of that edge was seen: a hard dependency mostly passes it on
(retries and caches absorb a third), a soft one seldom does; a learned edge is right only now and then."""
PRIOR_WEIGHT = 4.0
"""The prior chance counts as much as this many observed faults."""


class EdgeState(msgspec.Struct):
    """One source's knowledge of one edge. Times are event times in ms; ``spread`` is the prior chance that a fault passes."""

    caller: str
    callee: str
    source: EdgeSource
    confidence: float
    first_ms: int
    last_ms: int
    rate: float = 0.0
    hard: bool = True
    directed: bool = True
    spread: float = SPREAD_HARD
    passed: float = 0.0
    """Faults of the callee that reached the caller, and those that did not."""
    held: float = 0.0
    delay_s: float = HOP_MEDIAN_S
    """Mean time from the callee's first finding to the caller's, over the faults that passed."""
    told_ms: int = 0
    """When the edge was last published."""
    ended_ms: int = 0

    def faded(self, now_ms: int) -> float:
        """Confidence after the time in which nobody repeated the edge."""
        return self.confidence * float(0.5 ** (max(0, now_ms - self.last_ms) / HALF_LIFE_MS[self.source]))

    def probability(self) -> float:
        """Posterior mean chance that a fault of the callee reaches the caller (Beta prior, observed faults)."""
        return (PRIOR_WEIGHT * self.spread + self.passed) / (PRIOR_WEIGHT + self.passed + self.held)

    def finding(self, tenant: str, now_ms: int) -> Edge:
        """The edge as it is published."""
        return Edge(
            tenant, self.caller, self.callee, self.source, round(self.faded(now_ms), 4),
            self.first_ms, self.last_ms, self.rate, self.hard, self.directed,
        )  # fmt: skip


class DependencyMap:
    """Edges of one tenant. Lookups are dictionary reads; every change costs O(1). Not bounded by time but by ``MAX_EDGES``."""

    def __init__(self) -> None:
        self.edges: dict[tuple[str, str, str], EdgeState] = {}
        self.history: list[EdgeState] = []
        self.now_ms = 0
        self._up: dict[str, dict[str, EdgeState]] = {}
        self._down: dict[str, dict[str, EdgeState]] = {}

    def observe(self, edge: EdgeState) -> bool:
        """Add or refresh an edge; True when readers should be told. Self-calls say nothing about causes and are left out."""
        if edge.caller == edge.callee or not edge.caller or not edge.callee:
            return False
        if not edge.directed and edge.caller > edge.callee:
            edge.caller, edge.callee = edge.callee, edge.caller
        key = (edge.caller, edge.callee, edge.source)
        self.now_ms = max(self.now_ms, edge.last_ms)
        old = self.edges.get(key)
        if old is None:
            if len(self.edges) >= MAX_EDGES:
                return False
            self.edges[key] = edge
            edge.told_ms = edge.last_ms
            self._index(edge)
            return True
        changed = (old.hard, round(old.confidence, 2)) != (edge.hard, round(edge.confidence, 2))
        old.first_ms, old.last_ms = min(old.first_ms, edge.first_ms), max(old.last_ms, edge.last_ms)
        old.confidence, old.rate, old.hard, old.spread = edge.confidence, edge.rate, edge.hard, edge.spread
        if changed or old.last_ms - old.told_ms >= TELL_EVERY_MS:
            old.told_ms = old.last_ms
            return True
        return False

    def forget(self, keys: Iterable[tuple[str, str, str]], at_ms: int) -> list[EdgeState]:
        """Take edges (caller, callee, source) off the map, into the history; gives back those that were there."""
        gone = [e for k in keys if (e := self.edges.pop(k, None)) is not None]
        for e in gone:
            e.ended_ms = at_ms
        self.history.extend(gone)
        del self.history[:-MAX_HISTORY]
        if gone:
            self._reindex({n for e in gone for n in (e.caller, e.callee)})
        return gone

    def fade(self, now_ms: int) -> list[EdgeState]:
        """Drop what nobody has seen for long; gives back what left the map."""
        self.now_ms = max(self.now_ms, now_ms)
        return self.forget([k for k, e in self.edges.items() if e.faded(self.now_ms) < FORGET_BELOW], self.now_ms)

    def callers(self, entity: str) -> dict[str, EdgeState]:
        """Entities that depend on this one, with the best edge to each."""
        return self._up.get(entity, {})

    def callees(self, entity: str) -> dict[str, EdgeState]:
        """Entities that this one depends on, with the best edge to each."""
        return self._down.get(entity, {})

    def entities(self) -> set[str]:
        """Every entity with an edge."""
        return set(self._up) | set(self._down)

    def probability(self, caller: str, callee: str) -> float:
        """Chance that a fault of ``callee`` reaches ``caller``; 0 without an edge. Doubt about the edge counts as less spread."""
        edge = self._up.get(callee, {}).get(caller)
        return 0.0 if edge is None else edge.probability() * min(1.0, edge.faded(self.now_ms))

    def learn_spread(self, caller: str, callee: str, gap_s: float | None) -> None:
        """Count one closed incident in which the callee was hit; ``gap_s`` until the caller was hit too, None when it was not."""
        edge = self._up.get(callee, {}).get(caller)
        if edge is None:
            return
        if gap_s is None:
            edge.held += 1.0
            return
        edge.passed += 1.0
        edge.delay_s += (max(0.0, gap_s) - edge.delay_s) / (PRIOR_WEIGHT + edge.passed)

    def as_of(self, at_ms: int) -> list[EdgeState]:
        """The map as it stood at a time: edges seen by then and not faded or removed yet."""
        every = [*self.history, *self.edges.values()]
        return [e for e in every if e.first_ms <= at_ms and not 0 < e.ended_ms <= at_ms and e.faded(at_ms) >= FORGET_BELOW]

    def reachable(self, entity: str, upward: bool, limit: int = 10_000) -> Iterator[tuple[str, int]]:
        """Transitive callers (upward) or callees with their distance in hops, nearest first, each once; cycles are harmless."""
        step, seen, layer, hops = (self._up if upward else self._down), {entity}, [entity], 0
        while layer and len(seen) < limit:
            hops += 1
            nxt = sorted({n for e in layer for n in step.get(e, ())} - seen)
            yield from ((n, hops) for n in nxt)
            seen.update(nxt)
            layer = nxt

    def load(self, edges: Iterable[EdgeState], history: Iterable[EdgeState], now_ms: int) -> None:
        """Fill an empty map from a snapshot."""
        self.edges = {(e.caller, e.callee, e.source): e for e in edges}
        self.history, self.now_ms = list(history), now_ms
        for e in self.edges.values():
            self._index(e)

    def _index(self, edge: EdgeState) -> None:
        ends = [(edge.caller, edge.callee)] if edge.directed else [(edge.caller, edge.callee), (edge.callee, edge.caller)]
        for caller, callee in ends:
            for index, a, b in ((self._down, caller, callee), (self._up, callee, caller)):
                old = index.setdefault(a, {}).get(b)
                if old is None or _rank(edge) > _rank(old):
                    index[a][b] = edge

    def _reindex(self, touched: set[str]) -> None:
        """Rebuild the rows of the entities that lost an edge."""
        for n in touched:
            self._up.pop(n, None)
            self._down.pop(n, None)
        for e in self.edges.values():
            if e.caller in touched or e.callee in touched:
                self._index(e)


def _rank(edge: EdgeState) -> tuple[bool, bool, float]:
    """A directed edge says more than an undirected one; what was traced or declared more than what was guessed."""
    return edge.directed, edge.source != "learned", edge.confidence


def edges_of(event: Event) -> list[EdgeState]:
    """Edges of a topology event. ``attributes``: ``source`` (declared, traced, learned), ``kind`` (hard, soft), ``rate`` (calls/s),
    ``weight`` (confidence 0-1), ``probability`` (chance that a fault of the callee reaches the caller). One value for all its edges."""
    said = str(event.attributes.get("source", event.source))
    source: EdgeSource = "traced" if said in TRACED else "learned" if said == "learned" else "declared"
    hard = str(event.attributes.get("kind", "hard")) != "soft"
    spread = SPREAD_LEARNED if source == "learned" else SPREAD_HARD if hard else SPREAD_SOFT
    spread = _unit(event.attributes.get("probability"), spread)
    confidence = _unit(event.attributes.get("weight"), CONFIDENCE[source])
    rate = event.attributes.get("rate", 0.0)
    return [
        EdgeState(
            caller, callee, source, confidence, event.ts_ms, event.ts_ms,
            float(rate) if isinstance(rate, int | float) else 0.0, hard, source != "learned", spread,
        )
        for caller, callee in event.edges
    ]  # fmt: skip


def _unit(value: object, default: float) -> float:
    """A number in 0-1 as it was said, else the default: a map with one odd weight is still a map."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else default
