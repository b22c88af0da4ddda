"""What the map says about a suspect: does its fault reach the alarm, and do the callers that it reaches look broken?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.rca.blast import EVERY, WORLDS, worlds
from services.rca.dependencies import DependencyMap
from services.rca.kinds import request_count
from services.rca.shift import F64, Window

HIDDEN_CALLER = 0.5
"""Least Bayes factor of a caller of the broken one: other calls dilute what half of them feel."""
NO_WAY, UNKNOWN_WAY = 0.05, 0.35
"""Chance that a fault reaches the alarm against the map, and when the map does not know what alarms: most trouble is at home."""


@dataclass(frozen=True)
class Way:
    """How a suspect's fault spreads: the chance that it reaches the alarm, and the worlds (rows) in which it does with, for each
    caller (columns, indices into the entities), whether it is hit."""

    to_alarm: float
    callers: NDArray[np.int64]
    hit: NDArray[np.float64]

    def callers_say(self, log_odds: F64) -> F64:
        """ln of the mean over the worlds of Π B(caller hit there): log_odds (k, entities) → (k,)."""
        if not len(self.callers):
            return np.zeros(len(log_odds))
        felt = np.maximum(log_odds[:, self.callers], math.log(HIDDEN_CALLER))
        said: F64 = np.log(np.exp(self.hit @ felt.T).mean(axis=0))
        return said


def way_of(suspect: str, entities: tuple[str, ...], alarm: str, graph: DependencyMap, carried: Callable[[str, str], float]) -> Way:
    """The way of one suspect over the map to what is known to be shown (``entities``, without the alarm itself)."""
    hit = worlds(graph, {suspect: 1.0}, carried=carried)
    there = EVERY
    to_alarm = 1.0 if suspect == alarm or not alarm else UNKNOWN_WAY
    if alarm in graph.entities():
        there = hit.get(alarm, 0)
        to_alarm = max(NO_WAY, there.bit_count() / WORLDS)
    callers = [i for i, e in enumerate(entities) if e in hit and e not in (suspect, alarm)]
    among = _bits(there or EVERY).astype(bool)
    matrix = np.empty((int(among.sum()), len(callers)))
    for column, i in enumerate(callers):
        matrix[:, column] = _bits(hit[entities[i]])[among]
    return Way(to_alarm, np.array(callers, np.int64), matrix)


def _bits(world: int) -> NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(world.to_bytes(WORLDS // 8, "little"), np.uint8))


def traffic_share(window: Window) -> Callable[[str, str], float]:
    """Share (0-1) of a caller's requests that can have gone to a callee, from their request counts; 1 where either is unknown.

    An upper bound: the callee's requests come from all of its callers. Counts are compared only with counts of the same name; the
    larger of before and during counts, so that a callee that no longer gets requests is not acquitted by that.
    """
    counts: dict[str, dict[str, float]] = {}
    for i, entity in enumerate(window.entities):
        if what := request_count(window.names[i], entity):
            both = [x[~np.isnan(x)] for x in (window.normal[:, i], window.abnormal[:, i])]
            counts.setdefault(what, {})[entity] = max((float(np.median(x)) for x in both if len(x)), default=0.0)

    def share(caller: str, callee: str) -> float:
        for known in counts.values():
            if caller in known and callee in known:
                return min(1.0, known[callee] / known[caller]) if known[caller] > 0 else 1.0
        return 1.0

    return share
