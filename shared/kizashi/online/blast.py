"""Blast radius: whom a fault hits. Percolation on the dependency map: each edge passes a fault with its own chance, independently.

256 worlds are drawn at once: an edge is a 256-bit integer whose bit w says whether it passes in world w, an entity the integer of worlds
in which it is hit; spreading is ``hit[caller] |= hit[callee] & edge`` until nothing changes, so cycles are harmless and shared paths are
counted right (a noisy-or would count them twice). Drawn from a hash of the edge's name: the same question gives the same answer.
Standard error of a probability ≤ 0.03. Cost: about 3 µs an edge, once for all suspects of a ranking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from kizashi.contracts.findings import Affected
from kizashi.online.dependencies import DependencyMap
from kizashi.online.spread import still_silent

WORLDS = 256
EVERY = (1 << WORLDS) - 1
Carried = Callable[[str, str], float]
MAX_REACH = 2_000
PREDICT_FROM = 0.42
"""An entity is named in the prediction from this probability: half of the F1 that is reached maximises F1 (Lipton et al. 2014)."""


@lru_cache(maxsize=65_536)
def _draws(caller: str, callee: str) -> bytes:
    """One byte of each world for an edge: uniform, fixed by its name."""
    return b"".join(hashlib.blake2b(f"{caller}\x1f{callee}\x1f{i}".encode(), digest_size=64).digest() for i in range(WORLDS // 64))


@lru_cache(maxsize=65_536)
def _passes(caller: str, callee: str, threshold: int) -> int:
    """Bits of the worlds in which the edge passes, for a chance of threshold/256."""
    bits = 0
    for w, b in enumerate(_draws(caller, callee)):
        if b < threshold:
            bits |= 1 << w
    return bits


def worlds(
    graph: DependencyMap,
    sources: Mapping[str, float],
    silent_for_s: Mapping[str, tuple[float, int]] | None = None,
    carried: Carried | None = None,
) -> dict[str, int]:
    """In which of the worlds each transitive caller of the sources is hit, as bits (sources: entity → probability that it is broken).

    ``silent_for_s`` names the sources whose callers had a chance to show it: seconds since the source's first finding, number of its
    findings. A caller of such a source that is no source itself has been silent so long: its chance shrinks by Bayes' rule.
    ``carried(caller, callee)`` is the share of the caller's requests that the edge carries (0-1): what few requests use, few feel.
    """
    hit = {s: _passes(s, "", round(WORLDS * p)) if p < 1 else EVERY for s, p in sources.items()}

    def mask(caller: str, callee: str) -> int:
        p = graph.probability(caller, callee) * (carried(caller, callee) if carried else 1.0)
        if silent_for_s and caller not in sources and callee in silent_for_s:
            quiet = still_silent(*silent_for_s[callee])
            p = p * quiet / (1 - p + p * quiet)
        return _passes(caller, callee, round(WORLDS * p))

    _spread(hit, _upwards(graph, sorted(hit), None), mask)
    return hit


def worlds_of_each(graph: DependencyMap, suspects: Sequence[str], towards: Iterable[str], carried: Carried | None = None) -> dict[str, int]:
    """``worlds`` of every suspect alone, all in one pass: bits ``WORLDS·k`` … ``WORLDS·(k+1) - 1`` of an entity's integer are the worlds
    in which suspect k hits it. Only entities on a way to one of ``towards`` are followed."""
    hit: dict[str, int] = {}
    for k, suspect in enumerate(suspects):
        hit[suspect] = hit.get(suspect, 0) | EVERY << WORLDS * k
    repeat = sum(1 << WORLDS * k for k in range(len(suspects)))

    def mask(caller: str, callee: str) -> int:
        p = graph.probability(caller, callee) * (carried(caller, callee) if carried else 1.0)
        return repeat * _passes(caller, callee, round(WORLDS * p))

    below = {n for e in towards for n in (e, *(d for d, _hops in graph.reachable(e, upward=False, limit=MAX_REACH)))}
    _spread(hit, _upwards(graph, sorted(hit), below), mask)
    return hit


def _upwards(graph: DependencyMap, sources: Iterable[str], within: set[str] | None) -> list[tuple[str, str]]:
    """Edges (caller, callee) above the sources, those of a callee after all that lead to it unless there is a cycle."""
    order: list[str] = []
    seen: set[str] = set()
    for source in sources:
        todo: list[tuple[str, bool]] = [(source, False)]
        while todo and len(seen) < MAX_REACH:
            node, done = todo.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                todo.append((node, True))
                todo += [(c, False) for c in sorted(graph.callers(node)) if c not in seen and (within is None or c in within)]
        order += [node for node, done in reversed(todo) if done]
    return [(caller, callee) for callee in reversed(order) for caller in graph.callers(callee) if caller in seen]


def _spread(hit: dict[str, int], edges: list[tuple[str, str]], mask: Callable[[str, str], int]) -> None:
    """Let every edge pass what it passes until nothing changes: one sweep and a look without cycles, a few with them."""
    weighed = [(caller, callee, mask(caller, callee)) for caller, callee in edges]
    changed = True
    while changed:
        changed = False
        for caller, callee, passes in weighed:
            before = hit.get(caller, 0)
            after = before | (hit.get(callee, 0) & passes)
            if after != before:
                hit[caller] = after
                changed = True


def reach(
    graph: DependencyMap, sources: Mapping[str, float], silent_for_s: Mapping[str, tuple[float, int]] | None = None
) -> dict[str, float]:
    """Probability of being hit for every transitive caller of the sources; see ``worlds``."""
    return {e: bits.bit_count() / WORLDS for e, bits in worlds(graph, sources, silent_for_s).items()}


def structural(graph: DependencyMap, entity: str, scale: float = 1.0) -> list[Affected]:
    """Who would be hit if this entity failed: transitive callers with probability, hops, expected delay and the path, likeliest first.

    ``scale`` shrinks what passes the first edge: 1 for a failure, less for a restart.
    """
    probability = reach(graph, {entity: scale})
    path, delay_s = {entity: [entity]}, {entity: 0.0}
    found = []
    for caller, hops in graph.reachable(entity, upward=True, limit=MAX_REACH):
        via = max((c for c in graph.callees(caller) if len(path.get(c, ())) == hops), key=lambda c: (graph.probability(caller, c), c))
        path[caller] = [*path[via], caller]
        delay_s[caller] = delay_s[via] + graph.callers(via)[caller].delay_s
        if (p := probability.get(caller, 0.0)) > 0:
            found.append(Affected(caller, "structural", round(p, 4), hops, round(delay_s[caller], 1), path[caller]))
    return sorted(found, key=lambda a: (-a.probability, a.hops, a.entity))


RESTART_PASSES = 0.5
"""A restart lasts seconds, not minutes: retries hide about half of what a failure would show."""


def what_if(graph: DependencyMap, entity: str, event: str = "fails") -> list[Affected]:
    """Answer to "what if ENTITY fails / is restarted"."""
    return structural(graph, entity, RESTART_PASSES if event == "restart" else 1.0)


def live(members: Iterable[tuple[str, float, int, list[str]]]) -> list[Affected]:
    """Entities that are degraded now and attributable: (entity, attribution 0-1, hops from the root, path) as affected."""
    found = [Affected(e, "live", round(p, 4), hops, 0.0, path) for e, p, hops, path in members]
    return sorted(found, key=lambda a: (-a.probability, a.hops, a.entity))
