"""What indicators say about their entities: log Bayes factors of robust shifts, by kind.

A broken indicator's z is log-uniform on 1 … 1000; a healthy one's has the heavy tail P(Z > z) = z⁻² and, in one of twenty, moves for
reasons of its own: B = 1 / (0.05 + 0.95/b), b = z²/13.8, at least 0.05 since a broken entity need not show it. Where no map tells who
inherits what from whom, the 0.05 grows for what callers inherit: slow answers and failures (``kinds``). Of an entity's indicators the one
that says most speaks for it.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.findings import Indicator
from services.rca.kinds import Kind, kind_of
from services.rca.shift import shifts
from services.rca.window import F64, Window

UNRELATED = 0.05
HIDDEN = 0.05
LOG_RANGE = math.log(1000)
SIZE_SHARE = 0.5


def bayes_factor(z: F64, unrelated: F64 | float = UNRELATED) -> F64:
    """Odds for "broken" that robust shifts z give, of the same shape; ``unrelated``: chance that a healthy one moves anyway.

    >>> bayes_factor(np.array([0.0, 3.0, 10.0, 100.0])).round(2).tolist()
    [0.05, 0.66, 5.52, 19.49]
    """
    raw = np.maximum(z, 1e-3) ** 2 / (2 * LOG_RANGE)
    factor: F64 = np.maximum(HIDDEN, 1 / (unrelated + (1 - unrelated) / raw))
    return factor


@dataclass(frozen=True)
class Shown:
    """What entities show. ``own`` (1 + k, entities): evidence of the loudest indicator, row 0 of the window, the others of quiet
    stretches before it; ``size`` likewise. ``inherited`` is what ``own`` leaves out since others may have caused it: it speaks against
    "nothing is broken", not for this entity. ``indicators[e]`` are entity e's, best first; empty for one without any."""

    entities: tuple[str, ...]
    own: F64
    size: F64
    inherited: F64
    indicators: tuple[list[Indicator], ...]


def shown(window: Window, entities: tuple[str, ...], mapped: Collection[str] = ()) -> Shown:
    """Evidence for each of the entities; those without known indicators have 0. Of the ``mapped`` ones the map will say whether they
    only inherit what they show; of the others it is the kind of indicator that tells."""
    s = shifts(window)
    columns = np.flatnonzero(s.known)
    kinds = [kind_of(window.names[i], window.entities[i]) for i in columns]
    weight_up, weight_down = (np.array([getattr(k, side) for k in kinds], np.float64) for side in ("up", "down"))
    up = np.vstack([s.up[None], s.quiet_up])[:, columns]
    down = np.vstack([s.down[None], s.quiet_down])[:, columns]
    rises = up * weight_up >= down * weight_down
    z, weight = np.where(rises, up, down), np.where(rises, weight_up, weight_down)
    own_map = [window.entities[i] in mapped for i in columns]
    unrelated = np.array([UNRELATED if known else k.inherited for k, known in zip(kinds, own_map, strict=True)])
    told, anybody = (np.where(b > 0, weight * b, b) for b in (np.log(bayes_factor(z, u)) for u in (unrelated, UNRELATED)))
    size = SIZE_SHARE * weight * np.log1p(z)
    signed = np.where(rises[0], z[0], -z[0])
    numbers = (*(np.round(x, 4) for x in (signed, told[0], size[0])), s.before[columns], s.during[columns])
    said = [
        _indicator(window, i, kind, *figures)
        for i, kind, figures in zip(columns.tolist(), kinds, np.column_stack(numbers).tolist(), strict=True)
    ]
    found: list[list[Indicator]] = [[] for _ in entities]
    own, own_size, inherited = np.zeros((3, len(up), len(entities)))
    rows = np.arange(len(up))
    for e, mine in _columns_of(window, columns, entities):
        loudest = mine[np.argmax(told[:, mine] + size[:, mine], axis=1)]
        own[:, e], own_size[:, e] = told[rows, loudest], size[rows, loudest]
        inherited[:, e] = (anybody[:, mine] + size[:, mine]).max(axis=1) - own[:, e] - own_size[:, e]
        found[e] = sorted((said[j] for j in mine), key=lambda x: (-x.score, x.name))
    return Shown(entities, own, own_size, inherited, tuple(found))


def _indicator(w: Window, i: int, kind: Kind, z: float, told: float, size: float, before: float, during: float) -> Indicator:
    terms = {"z": z, "evidence": told, "size": size, "nearness": kind.near}
    return Indicator(w.ids[i], f"{w.entities[i]}:{w.names[i]}", round((told + size) * kind.near, 4), before, during, terms)


def _columns_of(window: Window, columns: NDArray[np.int64], entities: tuple[str, ...]) -> list[tuple[int, NDArray[np.int64]]]:
    """For each entity with known indicators: its index and the indices into ``columns``, in order of name."""
    at = {e: i for i, e in enumerate(entities)}
    mine: dict[int, list[int]] = {}
    for j in sorted(range(len(columns)), key=lambda j: (window.names[columns[j]], window.ids[columns[j]])):
        mine.setdefault(at[window.entities[columns[j]]], []).append(j)
    return [(e, np.array(js)) for e, js in sorted(mine.items())]
