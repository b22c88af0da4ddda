"""Which findings share a cause: an online forest of hits, directed by the dependency map.

A *hit* is an entity that broke: one or more findings close in time. Each hit either broke by itself (a root) or was broken by a hit of
something it depends on. Of all explanations the likeliest is kept: for a hit v and a hit u of one of its callees,

    weight(u → v) = P(fault passes the edge) · density of the gap between their first findings        (``spread``)
    weight(root)  = λ, new hits that nothing explains, per entity and second, as seen of late

v joins the tree with the largest sum of weights when that beats λ, under its heaviest hit u. A silent entity between the two costs a
factor ``SILENT``. When a finding arrives, its hit and the hits of its callers are weighed again: so trees *merge* when the missing
callee speaks up, and *split* when a better explanation turns up. A tree is a group, its root the suspected cause; nothing looks ahead.
Cost: O(degree²) a finding. An entity without a name never groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from services.rca.dependencies import DependencyMap
from services.rca.spread import MOST_FINDINGS, gap_density, same_hit_density

WIDE = 64
"""More neighbours than this: a hub, through which silent faults are not followed."""
SILENT = 0.05
"""Chance that a broken entity shows no finding of its own (not monitored, or all of them lost)."""
MORE_FINDINGS = 1.5
"""Findings still to come of a hit that already has one, on average."""
RATE_PRIOR_PER_S = 2e-5
"""Unexplained hits per entity and second before any were seen: about two a day and entity …"""
RATE_PRIOR_S = 60_000.0
"""… which weighs as much as this many entity-seconds of watching: a thousand entities for a minute."""
RATE_WINDOW_S = 1200.0


class Hit(msgspec.Struct):
    """An entity that broke, and the findings (``refs``) that say so. ``parent`` is the key of the hit that broke it, 0 for a root."""

    key: int
    group: int
    entity: str
    first_ms: int
    last_ms: int
    refs: list[str] = []
    open_refs: list[str] = []
    parent: int = 0
    weight: float = 0.0
    """Weight of its own tree, and of the best explanation not taken (1/s)."""
    rival: float = 0.0


class Moved(msgspec.Struct, frozen=True):
    """A change of the forest that people should be told: hits ``keys`` are in ``group`` now and were in ``other`` (0: nowhere)."""

    what: Literal["opened", "merged", "split", "moved"]
    at_ms: int
    group: int
    other: int
    keys: list[int]
    reason: str


class CauseForest:
    """Open groups of one tenant over its dependency map."""

    def __init__(self, graph: DependencyMap) -> None:
        self.graph = graph
        self.hits: dict[int, Hit] = {}
        self.groups: dict[int, set[int]] = {}
        self.by_entity: dict[str, list[int]] = {}
        self.moved: list[Moved] = []
        self.next_key = 1
        self.now_ms = 0

    def add(self, entity: str, at_ms: int, ref: str, still_open: bool = False) -> Hit | None:
        """Place a finding about an entity; None when it names no entity. Order of arrival may differ from order of time."""
        if not entity:
            return None
        self.now_ms = max(self.now_ms, at_ms)
        hit = self._same_hit(entity, at_ms)
        if hit is None:
            hit = self._open(entity, at_ms)
        hit.refs.append(ref)
        if still_open:
            hit.open_refs.append(ref)
        hit.first_ms, hit.last_ms = min(hit.first_ms, at_ms), max(hit.last_ms, at_ms)
        if len(hit.refs) <= MOST_FINDINGS:  # later ones change no table
            self._weigh(hit)
            for caller, _p, _hops in list(self._near(entity, upward=True)):
                for key in self.by_entity.get(caller, ()):
                    self._weigh(self.hits[key])
        return hit

    def end(self, hit: Hit, ref: str, at_ms: int) -> None:
        """A finding is over."""
        if ref in hit.open_refs:
            hit.open_refs.remove(ref)
        hit.last_ms = max(hit.last_ms, at_ms)
        self.now_ms = max(self.now_ms, at_ms)

    def root(self, group: int) -> Hit:
        """The hit that nothing explains: the group's suspected cause by place and time."""
        return min((self.hits[k] for k in self.groups[group]), key=lambda h: (h.parent != 0, h.first_ms, h.key))

    def members(self, group: int) -> list[Hit]:
        """Hits of a group, oldest first."""
        return sorted((self.hits[k] for k in self.groups[group]), key=lambda h: (h.first_ms, h.key))

    def close(self, group: int) -> list[Hit]:
        """Forget a group; gives back its hits."""
        hits = self.members(group)
        for h in hits:
            del self.hits[h.key]
            keys = self.by_entity[h.entity]
            keys.remove(h.key)
            if not keys:
                del self.by_entity[h.entity]
        del self.groups[group]
        return hits

    def load(self, hits: list[Hit], next_key: int, now_ms: int) -> None:
        """Fill an empty forest from a snapshot."""
        self.hits, self.next_key, self.now_ms = {h.key: h for h in hits}, next_key, now_ms
        for h in hits:
            self.groups.setdefault(h.group, set()).add(h.key)
            self.by_entity.setdefault(h.entity, []).append(h.key)

    def take_moves(self) -> list[Moved]:
        """Changes since the last call."""
        moves, self.moved = self.moved, []
        return moves

    def root_rate(self) -> float:
        """λ: hits without explanation per entity and second, now (posterior mean of a Gamma prior)."""
        watched_s = RATE_WINDOW_S * max(len(self.graph.entities()), len(self.by_entity))
        return (RATE_PRIOR_PER_S * RATE_PRIOR_S + len(self.groups)) / (RATE_PRIOR_S + watched_s)

    def _same_hit(self, entity: str, at_ms: int) -> Hit | None:
        """The entity's live hit that this finding belongs to, latest first."""
        for key in reversed(self.by_entity.get(entity, ())):
            hit = self.hits[key]
            gap_s = abs(at_ms - hit.first_ms) / 1000
            if hit.open_refs or MORE_FINDINGS * same_hit_density(gap_s) > self.root_rate():
                return hit
        return None

    def _open(self, entity: str, at_ms: int) -> Hit:
        key = self.next_key
        self.next_key += 1
        hit = Hit(key, key, entity, at_ms, at_ms)
        self.hits[key] = hit
        self.groups[key] = {key}
        self.by_entity.setdefault(entity, []).append(key)
        self.moved.append(Moved("opened", at_ms, key, 0, [key], f"{entity} broke and nothing it depends on had"))
        return hit

    def _near(self, entity: str, upward: bool) -> Iterator[tuple[str, float, int]]:
        """Entities with live hits one edge away, or two across a silent one: (entity, chance that the fault passes, hops)."""
        graph, broken = self.graph, self.by_entity
        step = graph.callers if upward else graph.callees

        def chance(a: str, b: str) -> float:
            return graph.probability(b, a) if upward else graph.probability(a, b)

        first = step(entity)
        if len(first) > WIDE:  # a hub: only look at neighbours that are broken
            yield from ((n, chance(entity, n), 1) for n in broken if n in first)
            return
        for n in first:
            p = chance(entity, n)
            if n in broken:
                yield n, p, 1
            elif len(second := step(n)) <= WIDE:
                yield from ((m, SILENT * p * chance(n, m), 2) for m in second if m in broken and m not in first and m != entity)

    def _weigh(self, hit: Hit) -> None:
        """Find the best explanation of a hit again and move its subtree there."""
        sums: dict[int, float] = {}
        best: dict[int, tuple[float, int]] = {}
        for entity, p, hops in self._near(hit.entity, upward=False):
            for key in self.by_entity[entity]:
                other = self.hits[key]
                if self._descends(other, hit):
                    continue
                w = p * gap_density((hit.first_ms - other.first_ms) / 1000, len(hit.refs), len(other.refs), hops)
                sums[other.group] = sums.get(other.group, 0.0) + w
                best[other.group] = max(best.get(other.group, (0.0, 0)), (w, key))
        rate = self.root_rate()
        ranked = sorted(((s, -g) for g, s in sums.items() if s > rate), reverse=True)
        hit.weight, hit.rival = (
            (ranked[0][0], max(rate, ranked[1][0] if len(ranked) > 1 else 0.0)) if ranked else (rate, max(sums.values(), default=0.0))
        )
        self._attach(hit, best[-ranked[0][1]][1] if ranked else 0)

    def _descends(self, hit: Hit, ancestor: Hit) -> bool:
        while hit.key != ancestor.key and hit.parent:
            hit = self.hits[hit.parent]
        return hit.key == ancestor.key

    def _attach(self, hit: Hit, parent: int) -> None:
        """Give a hit its new parent (0: none) and move its subtree to the right group."""
        was, hit.parent = hit.parent, parent
        if parent == was:
            return
        old = hit.group
        if parent == 0:
            self._relabel(hit, self._fresh_group(), "split", f"{hit.entity} is better explained by itself")
        elif self.hits[parent].group != old:
            other = self.hits[parent]
            reason = (
                f"{hit.entity} depends on {other.entity}, whose first sign came {(hit.first_ms - other.first_ms) / 1000:+.0f} s earlier"
            )
            if was == 0:
                self._merge(hit, other, reason)
            else:
                self._relabel(hit, other.group, "moved", reason)

    def _fresh_group(self) -> int:
        group = self.next_key
        self.next_key += 1
        self.groups[group] = set()
        return group

    def _merge(self, hit: Hit, other: Hit, reason: str) -> None:
        """Join two whole trees under the older one's name."""
        old, new = sorted((hit.group, other.group), key=lambda g: (min(self.hits[k].first_ms for k in self.groups[g]), g))
        keys = sorted(self.groups.pop(new))
        for k in keys:
            self.hits[k].group = old
        self.groups[old].update(keys)
        self.moved.append(Moved("merged", self.now_ms, old, new, keys, reason))

    def _relabel(self, hit: Hit, group: int, what: Literal["split", "moved"], reason: str) -> None:
        old = hit.group
        keys = sorted(k for k in self.groups[old] if self._descends(self.hits[k], hit))
        for k in keys:
            self.hits[k].group = group
        self.groups[old].difference_update(keys)
        self.groups[group].update(keys)
        self.moved.append(Moved(what, self.now_ms, group, old, keys, reason))
