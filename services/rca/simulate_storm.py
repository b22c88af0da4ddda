"""A seeded alert storm for the benchmark and the tests: several faults at once on a layered landscape, ten thousand episodes in a minute.

The landscape is ``islands`` call graphs without edges between them, so that the number of true causes is known: each island's fault starts
at the entity with most transitive callers and passes every edge upwards with its chance, some seconds an edge. Every entity that is hit
opens many episodes at once, as a host with dozens of metrics does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Episode
from kizashi.contracts.ids import finding_id, format_series_id, series_id
from kizashi.contracts.inputs import Event

START_MS = 1_700_000_000_000
STEP_MS = 10_000
TENANT = "default"


@dataclass(frozen=True)
class Storm:
    """What happens, in order of time: topology, half an hour of quiet rollups, the storm. ``roots`` are the true causes."""

    topology: Event
    series: list[SeriesInfo]
    quiet: list[RollupBatch]
    episodes: list[Episode]
    during: list[RollupBatch]
    roots: set[str]
    reached: dict[str, str]
    """Entity → the root that broke it."""

    def messages(self) -> Iterator[Episode | RollupBatch]:
        """Episodes and rollups of the storm in order of arrival."""
        found: list[tuple[int, int, Episode | RollupBatch]] = [(e.opened_ms, 0, e) for e in self.episodes]
        found += [(b.start_ms + b.step_ms, 1, b) for b in self.during]
        yield from (m for _at, _kind, m in sorted(found, key=lambda x: x[:2]))


def layered(n: int, layers: int, rng: np.random.Generator, name: str) -> list[tuple[str, str, float]]:
    """A layered call graph: (caller, callee, chance that a fault of the callee passes)."""
    layer = np.sort(rng.integers(0, layers, n))
    edges = []
    for s in range(n):
        below = np.flatnonzero(layer == layer[s] + 1)
        for d in sorted({int(x) for x in rng.choice(below, min(len(below), int(rng.integers(1, 4))))}) if len(below) else []:
            edges.append((f"{name}-{s}", f"{name}-{d}", float(rng.beta(4, 2))))
    return edges


def make_storm(episodes: int = 10_000, islands: int = 8, entities: int = 75, seconds: float = 60.0, seed: int = 1) -> Storm:
    """``episodes`` within ``seconds`` from ``islands`` true causes, on islands · entities entities with ten series each."""
    rng = np.random.default_rng(seed)
    edges: list[tuple[str, str, float]] = []
    hit: dict[str, float] = {}
    reached: dict[str, str] = {}
    roots = set()
    for k in range(islands):
        mine = layered(entities, 5, rng, f"i{k}")
        edges += mine
        root, at = _fault(mine, rng, seconds)
        roots.add(root)
        hit |= at
        reached |= dict.fromkeys(at, root)
    names = sorted({n for a, b, _p in edges for n in (a, b)})
    series = [_info(e, f"latency_{i}" if i % 2 else f"errors_{i}") for e in names for i in range(10)]
    pairs = [(a, b) for a, b, _p in edges]
    topology = Event("topology", "map", START_MS, "topology-storm", TENANT, edges=pairs)
    storm_ms = START_MS + 1_800_000
    quiet = [_rollup(series, START_MS + STEP_MS * i, {}, rng) for i in range(180)]
    during = [
        _rollup(series, storm_ms + STEP_MS * i, {e for e, t in hit.items() if t * 1000 <= STEP_MS * i}, rng)
        for i in range(int(seconds) * 1000 // STEP_MS + 1)
    ]
    return Storm(topology, series, quiet, _episodes(hit, episodes, seconds, storm_ms, rng), during, roots, reached)


def _fault(edges: list[tuple[str, str, float]], rng: np.random.Generator, seconds: float) -> tuple[str, dict[str, float]]:
    """Root and the second in which each entity is hit."""
    callers: dict[str, list[tuple[str, float]]] = {}
    for caller, callee, p in edges:
        callers.setdefault(callee, []).append((caller, p))
    root = max(sorted(callers), key=lambda e: len(_above(e, callers)))
    at, todo = {root: float(rng.uniform(0, seconds / 4))}, [root]
    while todo:
        callee = todo.pop(0)
        for caller, p in callers.get(callee, []):
            if caller not in at and rng.random() < p:
                at[caller] = min(seconds - 1, at[callee] + float(rng.uniform(2, 15)))
                todo.append(caller)
    return root, at


def _above(entity: str, callers: dict[str, list[tuple[str, float]]]) -> set[str]:
    found, todo = {entity}, [entity]
    while todo:
        for caller, _p in callers.get(todo.pop(), []):
            if caller not in found:
                found.add(caller)
                todo.append(caller)
    return found


def _episodes(hit: dict[str, float], n: int, seconds: float, storm_ms: int, rng: np.random.Generator) -> list[Episode]:
    entities = sorted(hit)
    found = []
    for i in range(n):
        entity = entities[i % len(entities)]
        labels, metric = {"service": entity}, f"metric_{i // len(entities)}"
        series = series_id(TENANT, metric, labels)
        at_ms = storm_ms + round(1000 * float(rng.uniform(hit[entity], min(seconds, hit[entity] + 30))))
        found.append(
            Episode(
                finding_id("episode", series, at_ms),
                1,
                TENANT,
                format_series_id(series),
                metric,
                labels,
                "anomaly",
                "open",
                at_ms,
                at_ms,
                peak_score=3.0,
                peak_value=9.0,
                value=9.0,
                expected=1.0,
            )
        )
    return sorted(found, key=lambda e: (e.opened_ms, e.id))


def _info(entity: str, metric: str) -> SeriesInfo:
    labels = {"service": entity}
    return SeriesInfo(series_id(TENANT, metric, labels), TENANT, metric, labels)


def _rollup(series: list[SeriesInfo], start_ms: int, broken: set[str] | dict[str, float], rng: np.random.Generator) -> RollupBatch:
    n = len(series)
    x = 1.0 + 0.05 * rng.normal(size=n) + 3.0 * np.array([s.labels["service"] in broken for s in series])
    ids = np.array([s.id for s in series], np.uint64)
    return RollupBatch(TENANT, "storm", 0, 0, 0, start_ms, STEP_MS, ids, np.full(n, 10, np.uint32), x, x, x, np.zeros(n, np.float32))
