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

import math
from collections import deque
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from kizashi.online.dependencies import DependencyMap
from kizashi.online.spread import DETECT_S, MOST_FINDINGS, SIBLINGS, gap_density, same_hit_density, still_silent

WIDE = 64
"""More neighbours than this: a hub, through which silent faults are not followed."""
SILENT = 0.05
"""Chance that a broken entity shows no finding of its own (not monitored, or all of them lost)."""
MORE_FINDINGS = 1.5
"""Findings still to come of a hit that already has one, on average."""
LONE = 0.25
"""Share of broken entities that never show more than one finding. Whatever fires without a cause mostly fires alone."""
RATE_PRIOR_PER_S = 2e-5
"""Faults, and as many lone findings without a cause, per entity and second before any were seen: about two a day and entity …"""
RATE_PRIOR_S = 30_000.0
"""… which weighs as much as this many entity-seconds of watching: five hundred entities for a minute."""
RATE_WINDOW_S = 1200.0
RATE_EVERY_MS = 5_000
SETTLED_MS = 90_000
"""A hit is weighed again when it is this old: by then most findings of a real one have come."""


class Rates(msgspec.Struct):
    """New faults and new causeless findings per entity and second, as seen lately."""

    fault: float = RATE_PRIOR_PER_S
    lone: float = RATE_PRIOR_PER_S
    at_ms: int = -RATE_EVERY_MS
    since_ms: int = 0
    """When the watching began; -1: not yet."""


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
    via: str = ""
    """Silent entity between the two, or below both."""
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


class Tie(NamedTuple):
    """A way in which one hit may explain another: the other entity, the chance that a fault passes, hops, and the silent one between."""

    entity: str
    chance: float
    hops: int
    via: str


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
        self.rates = Rates(since_ms=-1)
        self.settling: deque[tuple[int, int]] = deque()

    def add(self, entity: str, at_ms: int, ref: str, still_open: bool = False) -> Hit | None:
        """Place a finding about an entity; None when it names no entity. Order of arrival may differ from order of time."""
        if not entity:
            return None
        self.advance(at_ms)
        hit = self._same_hit(entity, at_ms)
        if hit is None:
            hit = self._open(entity, at_ms)
        hit.refs.append(ref)
        if still_open:
            hit.open_refs.append(ref)
        hit.first_ms, hit.last_ms = min(hit.first_ms, at_ms), max(hit.last_ms, at_ms)
        if len(hit.refs) <= MOST_FINDINGS:  # later ones change no table
            self._weigh_with_callers(hit)
        return hit

    def advance(self, now_ms: int) -> None:
        """Event time passed: weigh again the hits that have grown old enough for it."""
        self.now_ms = max(self.now_ms, now_ms)
        if self.rates.since_ms < 0:
            self.rates.since_ms = self.now_ms
        while self.settling and self.settling[0][0] <= self.now_ms:
            key = self.settling.popleft()[1]
            if key in self.hits:
                self._weigh_with_callers(self.hits[key])

    def end(self, hit: Hit, ref: str, at_ms: int) -> None:
        """A finding is over."""
        if ref in hit.open_refs:
            hit.open_refs.remove(ref)
        hit.last_ms = max(hit.last_ms, at_ms)
        self.now_ms = max(self.now_ms, at_ms)

    def root(self, group: int) -> Hit:
        """The hit that nothing explains: the group's suspected cause by place and time."""
        return min((self.hits[k] for k in self.groups[group]), key=lambda h: (h.parent != 0, h.first_ms, h.key))

    def cause(self, group: int) -> str:
        """The entity suspected by place and time: the root's, or the silent one below it that others of the group call too."""
        root = self.root(group)
        below = self.graph.callees(root.entity)
        silent = sorted(h.via for h in self.members(group) if h.parent == root.key and h.via in below)
        return max(silent, key=silent.count) if silent else root.entity

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

    def load(self, hits: list[Hit], next_key: int, now_ms: int, rates: Rates, settling: list[tuple[int, int]]) -> None:
        """Fill an empty forest from a snapshot."""
        self.hits, self.next_key, self.now_ms = {h.key: h for h in hits}, next_key, now_ms
        self.rates, self.settling = rates, deque(settling)
        for h in hits:
            self.groups.setdefault(h.group, set()).add(h.key)
            self.by_entity.setdefault(h.entity, []).append(h.key)

    def take_moves(self) -> list[Moved]:
        """Changes since the last call."""
        moves, self.moved = self.moved, []
        return moves

    def _current_rates(self) -> Rates:
        """Rates by the open groups: posterior means of Gamma priors; a group that stayed a lone finding counts as causeless."""
        if self.now_ms - self.rates.at_ms >= RATE_EVERY_MS:
            lone = sum(self._is_lone_group(g) for g in self.groups)
            since_ms = self.rates.since_ms
            window_s = min(RATE_WINDOW_S, (self.now_ms - since_ms) / 1000)  # what nobody watched was not quiet
            watched_s = RATE_PRIOR_S + window_s * max(len(self.graph.entities()), len(self.by_entity))
            prior = RATE_PRIOR_PER_S * RATE_PRIOR_S
            self.rates = Rates((prior + len(self.groups) - lone) / watched_s, (prior + lone) / watched_s, self.now_ms, since_ms)
        return self.rates

    def _is_lone_group(self, group: int) -> bool:
        keys = self.groups[group]
        return len(keys) == 1 and all(len(self.hits[k].refs) == 1 for k in keys)

    def _alone_so_far(self, hit: Hit) -> float:
        """Chance that a really broken entity shows as few findings as this one does by now."""
        if len(hit.refs) > 1 or hit.open_refs:
            return 1.0
        return LONE + (1 - LONE) * math.exp(-(self.now_ms - hit.first_ms) / 1000 / DETECT_S)

    def _root_rate(self, hit: Hit) -> float:
        """Rate of such a hit without explanation, over its chance to look so when it is explained."""
        rates = self._current_rates()
        return rates.fault + (rates.lone / self._alone_so_far(hit) if len(hit.refs) == 1 else 0.0)

    def _reality(self, cause: Hit, effect: Hit) -> float:
        """Chance that a hit is really broken, judged without the effect it might explain."""
        if (
            len(cause.refs) > 1
            or cause.parent
            or any(self.hits[k].parent == cause.key for k in self.groups[cause.group] if k != effect.key)
        ):
            return 1.0
        rates = self._current_rates()
        real = rates.fault * self._alone_so_far(cause) * self._unheard(cause.entity, cause.first_ms)
        return real / (real + rates.lone)

    def _unheard(self, entity: str, since_ms: int) -> float:
        """Chance that a fault of this entity since then has not shown at those of its callers that are not broken."""
        shown, callers, chance = 1 - still_silent((self.now_ms - since_ms) / 1000), self.graph.callers(entity), 1.0
        if len(callers) <= WIDE:
            for caller in callers:
                if caller not in self.by_entity:
                    chance *= 1 - shown * self.graph.probability(caller, entity)
        return chance

    def _same_hit(self, entity: str, at_ms: int) -> Hit | None:
        """The entity's live hit that this finding belongs to, latest first."""
        rates = self._current_rates()
        for key in reversed(self.by_entity.get(entity, ())):
            hit = self.hits[key]
            gap_s = abs(at_ms - hit.first_ms) / 1000
            if hit.open_refs or MORE_FINDINGS * same_hit_density(gap_s) > rates.fault + rates.lone:
                return hit
        return None

    def _open(self, entity: str, at_ms: int) -> Hit:
        key = self.next_key
        self.next_key += 1
        hit = Hit(key, key, entity, at_ms, at_ms)
        self.hits[key] = hit
        self.groups[key] = {key}
        self.by_entity.setdefault(entity, []).append(key)
        self.settling.append((self.now_ms + SETTLED_MS, key))
        self.moved.append(Moved("opened", at_ms, key, 0, [key], f"{entity} broke and nothing it depends on had"))
        return hit

    def _near(self, entity: str, upward: bool) -> Iterator[Tie]:
        """Ties to entities with live hits: one edge away, two across a silent one, or calling the same silent one."""
        graph, broken = self.graph, self.by_entity
        step, back = (graph.callers, graph.callees) if upward else (graph.callees, graph.callers)

        def chance(a: str, b: str) -> float:
            return graph.probability(b, a) if upward else graph.probability(a, b)

        first = step(entity)
        if len(first) > WIDE:  # a hub: only look at neighbours that are broken
            yield from (Tie(n, chance(entity, n), 1, "") for n in broken if n in first)
            return
        for n in first:
            p = chance(entity, n)
            if n in broken:
                yield Tie(n, p, 1, "")
                continue
            if len(second := step(n)) <= WIDE:
                yield from (Tie(m, SILENT * p * chance(n, m), 2, n) for m in second if m in broken and m not in first and m != entity)
            if not upward and len(others := back(n)) <= WIDE:
                yield from (Tie(m, SILENT * p * chance(m, n), SIBLINGS, n) for m in others if m in broken and m != entity)

    def _weigh_with_callers(self, hit: Hit) -> None:
        self._weigh(hit)
        for tie in list(self._near(hit.entity, upward=True)):
            for key in list(self.by_entity.get(tie.entity, ())):
                self._weigh(self.hits[key])

    def _weigh(self, hit: Hit) -> None:
        """Find the best explanation of a hit again and move its subtree there."""
        sums: dict[int, float] = {}
        best: dict[int, tuple[float, int, str]] = {}
        for tie in self._near(hit.entity, upward=False):
            for key in self.by_entity[tie.entity]:
                other = self.hits[key]
                if not self._descends(other, hit) and (w := self._weight(hit, other, tie)) > 0:
                    sums[other.group] = sums.get(other.group, 0.0) + w
                    best[other.group] = max(best.get(other.group, (0.0, 0, "")), (w, key, tie.via))
        rate = self._root_rate(hit)
        ranked = sorted(((s, -g) for g, s in sums.items()), reverse=True)
        taken = ranked.pop(0) if ranked and ranked[0][0] > rate else None
        hit.weight, hit.rival = taken[0] if taken else rate, max(rate if taken else 0.0, ranked[0][0] if ranked else 0.0)
        _w, parent, hit.via = best[-taken[1]] if taken else (0.0, 0, "")
        self._attach(hit, parent)

    def _weight(self, hit: Hit, other: Hit, tie: Tie) -> float:
        """Weight of "``other`` explains ``hit``" across a tie (1/s)."""
        density = gap_density((hit.first_ms - other.first_ms) / 1000, len(hit.refs), len(other.refs), tie.hops)
        if tie.hops != SIBLINGS:
            return tie.chance * density * self._reality(other, hit)
        if other.parent:  # what broke it is known, no need for a silent third
            return 0.0
        # one root less, one silent fault more
        silent = self._unheard(tie.via, min(hit.first_ms, other.first_ms)) * self._current_rates().fault
        return tie.chance * density * silent / self._root_rate(other)

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
