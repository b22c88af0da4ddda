"""Dependencies learned from metrics alone: who moves together when everybody else is held fixed. Undirected hints.

For request counts, latencies and presence (does the entity report at all) of the entities, each as a matrix (rows, entities):

    rank → normal scores (Liu, Lafferty & Wasserman 2009: heavy tails and units no longer matter)
    partial correlation r = -P_ij / √(P_ii·P_jj), P the inverse of the covariance + λ·mean variance (ridge, Schäfer & Strimmer 2005)

once of the levels (who is busy at the same hours) and once of the differences (who jumps in the same step). Only r > 0 counts: a callee's
delay is inside its caller's, and each request of a caller makes requests of its callees. The confidence of a pair is 1 - Π(1 - r): each
view is another chance to see the edge. λ = 0.02 keeps a thousand rows of fifty entities well conditioned and shrinks little; presence,
which has few distinct rows, gets 0.1; at least a third of n/rows, since with as many entities as rows the inverse is mostly noise.
Direction is not claimed: from metrics it is a coin flip.
Cost: O(rows·n² + n³) a view, 3 ms for 40 entities and 600 rows, 60 ms for 300.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from kizashi.online.dependencies import SPREAD_LEARNED, EdgeState
from services.rca.kinds import LATENCY, kind_of, request_count
from services.rca.window import Window

F64 = NDArray[np.float64]

RIDGE, RIDGE_PRESENCE = 0.02, 0.1
FEWEST_ROWS = 60
FEWEST_VALUES = 10
"""An indicator with fewer distinct values has nothing to correlate."""
RARE = 0.02
"""Presence tells something when an entity is silent in more than this share of the rows, and heard in as much."""
MAX_ENTITIES = 300
LEAST_CONFIDENCE = 0.35
EDGES_PER_ENTITY = 2
WRONG_BY_CHANCE, TURNS = 0.1, 4
"""Share of the learned edges that may be chance (false discovery rate; Benjamini & Hochberg 1995, by surrogates)."""
GOLDEN = 0.618033988749895
"""Multiples of the golden ratio keep the shifts of any number of entities far apart (Weyl 1916)."""


@dataclass(frozen=True)
class Pair:
    """Two entities, in order of name, and the confidence (0-1) that one calls the other."""

    first: str
    second: str
    confidence: float


def learn(window: Window) -> list[Pair]:
    """All pairs of entities of the window's normal time with their confidence, surest first."""
    names = sorted(set(window.entities))[:MAX_ENTITIES]
    at = {e: i for i, e in enumerate(names)}
    doubt = np.ones((len(names), len(names)))
    for columns in _views(window).values():
        entities = [e for e in sorted(columns) if e in at]
        raw = np.column_stack([columns[e] for e in entities]) if entities else np.empty((0, 0))
        for some, r in _partials(raw):
            ix = np.ix_([at[entities[i]] for i in some], [at[entities[i]] for i in some])
            doubt[ix] *= 1 - np.clip(r, 0.0, 0.999)
    i, j = np.triu_indices(len(names), 1)
    sure = 1 - doubt[i, j]
    order = np.lexsort((j, i, -sure))
    return [Pair(names[i[k]], names[j[k]], round(float(sure[k]), 4)) for k in order]


def hints(window: Window, now_ms: int) -> list[EdgeState]:
    """The surest pairs as learned edges: at most two an entity on average, none under the least confidence, and of those as many as
    leave at most a tenth wrong by chance, judged by the same window with every entity turned to another time."""
    pairs = [p for p in learn(window)[: EDGES_PER_ENTITY * len(set(window.entities))] if p.confidence >= LEAST_CONFIDENCE]
    by_chance = [x.confidence for turn in range(1, TURNS + 1) if pairs for x in learn(_turned(window, turn))[: len(pairs) + 1]]
    chance = np.array(by_chance)
    wrong = [(1 + (chance >= p.confidence).sum()) / (1 + TURNS) / k for k, p in enumerate(pairs, 1)]
    kept = max((k for k, share in enumerate(wrong, 1) if share <= WRONG_BY_CHANCE), default=0)
    return [
        EdgeState(p.first, p.second, "learned", p.confidence, now_ms, now_ms, directed=False, spread=SPREAD_LEARNED) for p in pairs[:kept]
    ]


def _turned(window: Window, turn: int) -> Window:
    """The window with each entity's past cut and put together the other way round, each at another place: what moved together no longer
    does, but everybody still moves as he did (circular shifts keep the autocorrelation; Fourier surrogates would not keep the gaps)."""
    rows = len(window.normal)
    names = sorted(set(window.entities))
    by = {e: int(rows * ((i + 1) * turn * GOLDEN % 1.0)) for i, e in enumerate(names)}
    turned = np.empty_like(window.normal)
    for i, e in enumerate(window.entities):
        turned[:, i] = np.roll(window.normal[:, i], by[e])
    return replace(window, normal=turned)


def speaks_of_calls(name: str, entity: str) -> bool:
    """Does the indicator tell something about who calls whom?"""
    return bool(request_count(name, entity)) or kind_of(name, entity) is LATENCY


def _views(window: Window) -> Mapping[str, dict[str, F64]]:
    """One column an entity (the first that it has) of request counts, by name, and of latencies."""
    views: dict[str, dict[str, F64]] = {}
    for i, entity in enumerate(window.entities):
        what = request_count(window.names[i], entity)
        view = what or ("latency" if kind_of(window.names[i], entity) is LATENCY else "")
        if view:
            views.setdefault(view, {}).setdefault(entity, window.normal[:, i])
    return views


def _partials(raw: F64) -> list[tuple[list[int], F64]]:
    """Partial correlations of levels, differences and presence: (columns used, matrix of those)."""
    raw = raw[~np.isnan(raw).all(axis=1)] if raw.size else raw  # before anybody was known
    if len(raw) < FEWEST_ROWS:
        return []
    silent = np.isnan(raw)
    filled = _filled(raw)
    moving = [i for i in range(raw.shape[1]) if len(np.unique(filled[:, i])) > FEWEST_VALUES and not np.isnan(filled[:, i]).any()]
    share = silent.mean(axis=0)
    now_and_then = [int(i) for i in np.flatnonzero((share > RARE) & (share < 1 - RARE))]
    found = []
    if len(moving) > 1:
        found.append((moving, _partial(normal_scores(filled[:, moving]), RIDGE)))
        found.append((moving, _partial(normal_scores(np.diff(filled[:, moving], axis=0)), RIDGE)))
    if len(now_and_then) > 1:
        found.append((now_and_then, _partial(silent[:, now_and_then].astype(np.float64), RIDGE_PRESENCE)))
    return found


def _filled(x: F64) -> F64:
    """Last known value carried on, the first one back to the beginning; a column without values stays NaN."""
    rows = np.arange(len(x))[:, None]
    known = ~np.isnan(x)
    last = np.maximum.accumulate(np.where(known, rows, -1), axis=0)
    first = np.where(known.any(axis=0), known.argmax(axis=0), 0)
    out: F64 = np.take_along_axis(x, np.where(last >= 0, last, first), axis=0)
    return out


def normal_scores(x: F64) -> F64:
    """Quantile of the normal distribution at (rank - ½)/rows of each value in its column, equal values sharing their mean rank; (rows, n).

    As ``scipy.special.ndtri`` of ``scipy.stats.rankdata``, which are a second of the service's start and 80 MB for these ten lines.
    """
    rows = np.arange(len(x))[:, None]
    order = x.argsort(axis=0, kind="stable")
    ascending = np.take_along_axis(x, order, axis=0)
    begins = np.ones(x.shape, bool)
    begins[1:] = ascending[1:] != ascending[:-1]
    ends = np.ones(x.shape, bool)
    ends[:-1] = begins[1:]
    first = np.maximum.accumulate(np.where(begins, rows, 0), axis=0)
    last = np.minimum.accumulate(np.where(ends, rows, len(x))[::-1], axis=0)[::-1]
    scores = np.empty(x.shape)
    np.put_along_axis(scores, order, _quantiles(len(x))[first + last], axis=0)
    return scores


@lru_cache(maxsize=4)
def _quantiles(rows: int) -> F64:
    """Normal quantiles of all mean ranks that ``rows`` values can have: of (k + 1)/(2·rows) for k = 0 … 2·rows - 2 (Wichura 1988)."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((k + 1) / (2 * rows)) for k in range(2 * rows - 1)])


def _partial(x: F64, ridge: float) -> F64:
    """Partial correlations of the columns (n, n), zero on the diagonal."""
    deviation = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    ridge = max(ridge, x.shape[1] / len(x) / 3)
    precision = np.linalg.inv(x.T @ x / len(x) + ridge * np.eye(x.shape[1]))
    scale = np.sqrt(np.diag(precision))
    r: F64 = -precision / np.outer(scale, scale)
    np.fill_diagonal(r, 0.0)
    return r
