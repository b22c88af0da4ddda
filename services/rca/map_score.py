"""How well a learned map ranks the pairs of a known call graph: average precision, beside plain correlations.

Every pair of entities that report a metric is ranked; a pair is right when one calls the other, whichever way. The baselines are the
usual ones on the differences of that metric: rank correlation, and partial correlation with a tenth of the variance as ridge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from kizashi.online.dependencies import DependencyMap
from services.rca.learned import learn
from services.rca.window import F64, Window

LEAST_ENTITIES, LEAST_EDGES, LEAST_VALUES = 5, 3, 10


def average_precision(score: F64, right: NDArray[np.bool_]) -> float:
    """Mean precision at the place of every right one, best score first; ties in the order given.

    >>> round(average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])), 4)
    0.8333
    """
    hit = right[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hit) / np.arange(1, len(hit) + 1))[hit].mean())


def precisions(window: Window, graph: DependencyMap, metrics: tuple[str, ...]) -> list[dict[str, float]]:
    """For each metric that enough entities report: average precision of our map and of both baselines."""
    ours = {frozenset((p.first, p.second)): p.confidence for p in learn(window)}
    found = []
    for metric in metrics:
        names, moves = _moves(window, metric)
        i, j = np.triu_indices(len(names), 1)
        pairs = [frozenset((names[a], names[b])) for a, b in zip(i, j, strict=True)]
        right = np.array([any(x in graph.callees(y) for x, y in (tuple(p), tuple(p)[::-1])) for p in pairs], bool)
        if len(names) < LEAST_ENTITIES or right.sum() < LEAST_EDGES:
            continue
        ranks = np.abs(np.corrcoef(rankdata(moves, axis=0), rowvar=False))
        scores = {"learned": np.array([ours.get(p, 0.0) for p in pairs]), "correlation": ranks[i, j], "partial": _partial(moves)[i, j]}
        found.append({how: average_precision(score, right) for how, score in scores.items()})
    return found


def _moves(window: Window, metric: str) -> tuple[list[str], F64]:
    """Differences from row to row of a metric, gaps filled, in units of their deviation: names and (rows - 1, names)."""
    names, columns = [], []
    for k, entity in enumerate(window.entities):
        x = window.normal[:, k]
        if window.names[k].rpartition("|")[2] == metric and not np.isnan(x).all():
            at = np.flatnonzero(~np.isnan(x))
            last = np.searchsorted(at, np.arange(len(x)), side="right") - 1
            x = x[at[np.maximum(last, 0)]]
            if len(np.unique(x)) > LEAST_VALUES:
                names.append(entity)
                columns.append(np.diff(x) / (np.diff(x).std() + 1e-12))
    return names, np.column_stack(columns) if columns else np.empty((0, 0))


def _partial(x: F64) -> F64:
    covariance = np.cov(x.T)
    precision = np.linalg.inv(covariance + 0.1 * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))
    scale = np.sqrt(np.diag(precision))
    found: F64 = np.abs(precision / np.outer(scale, scale))
    return found
