"""What the map says about a suspect: does its fault reach the alarm, and do the callers that it reaches look broken?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kizashi.online.blast import WORLDS, Carried, worlds_of_each
from kizashi.online.dependencies import DependencyMap
from kizashi.online.medians import column_medians
from services.rca.kinds import request_count
from services.rca.window import F64, Window

HIDDEN_CALLER = 0.5
"""Least Bayes factor of a caller of the broken one: other calls dilute what half of them feel."""
NO_WAY, UNKNOWN_WAY = 0.05, 0.6
"""Chance that a fault reaches the alarm against the map, and when the map does not know what alarms: most trouble is at home."""


@dataclass(frozen=True)
class Way:
    """How a suspect's fault spreads: the chance that it reaches the alarm, and the worlds (columns) in which it does with, for each
    caller (rows, indices into the entities), whether it is hit."""

    to_alarm: float
    callers: NDArray[np.int64]
    hit: NDArray[np.float64]

    def callers_say(self, log_odds: F64) -> F64:
        """ln of the mean over the worlds of Π B(caller hit there): log_odds (k, entities) → (k,)."""
        if not len(self.callers):
            return np.zeros(len(log_odds))
        felt = np.maximum(log_odds[:, self.callers], math.log(HIDDEN_CALLER))
        said: F64 = np.log(np.exp(felt @ self.hit).mean(axis=1))
        return said


def ways_of(entities: tuple[str, ...], alarm: str, graph: DependencyMap, carried: Carried) -> list[Way]:
    """The way of each entity as the suspect, over the map to what is known to be shown (``entities``, without the alarm itself)."""
    mapped = graph.entities()
    suspects = [e for e in entities if e in mapped]
    if not suspects:
        return [Way(1.0 if e == alarm or not alarm else UNKNOWN_WAY, np.empty(0, np.int64), np.empty((0, WORLDS))) for e in entities]
    bits = worlds_of_each(graph, suspects, {*suspects, alarm}, carried)
    at = {e: i for i, e in enumerate(entities)}
    shown = [e for e in entities if e in bits]
    rows = np.array([at[e] for e in shown], np.int64)
    width = len(suspects) * WORLDS // 8
    drawn = np.frombuffer(b"".join(bits[e].to_bytes(width, "little") for e in shown), np.uint8).reshape(len(shown), len(suspects), -1)
    of_alarm = _unpacked(np.frombuffer(bits.get(alarm, 0).to_bytes(width, "little"), np.uint8).reshape(len(suspects), -1))
    slot = {e: k for k, e in enumerate(suspects)}
    ways = []
    for e in entities:
        to_alarm = 1.0 if e == alarm or not alarm else UNKNOWN_WAY
        there = np.ones(WORLDS, bool)
        if alarm in mapped:
            arrives = of_alarm[slot[e]] if e in slot else np.zeros(WORLDS, bool)
            if e == alarm:
                arrives = there
            to_alarm = max(NO_WAY, float(arrives.mean()))
            there = arrives if arrives.any() else there
        hit = _unpacked(drawn[:, slot[e]]) if e in slot else np.zeros((0, WORLDS), bool)
        callers = [int(i) for i in np.flatnonzero(hit.any(axis=1)) if shown[i] not in (e, alarm)]
        ways.append(Way(to_alarm, rows[callers], hit[callers][:, there].astype(np.float64)))
    return ways


def _unpacked(packed: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.unpackbits(packed, axis=-1).astype(bool)


def traffic_share(window: Window) -> Carried:
    """Share (0-1) of a caller's requests that can have gone to a callee, from their request counts; 1 where either is unknown.

    An upper bound: the callee's requests come from all of its callers. Counts are compared only with counts of the same name; the
    larger of before and during counts, so that a callee that no longer gets requests is not acquitted by that.
    """
    columns: dict[str, dict[str, int]] = {}
    for i, entity in enumerate(window.entities):
        if what := request_count(window.names[i], entity):
            columns.setdefault(what, {})[entity] = i
    asked = sorted({i for known in columns.values() for i in known.values()})
    levels = np.fmax(column_medians(window.normal[:, asked]), column_medians(window.abnormal[:, asked]))
    counts = dict(zip(asked, np.where(np.isnan(levels), 0.0, levels).tolist(), strict=True))

    def share(caller: str, callee: str) -> float:
        for known in columns.values():
            if caller in known and callee in known:
                calls = counts[known[caller]]
                return min(1.0, counts[known[callee]] / calls) if calls > 0 else 1.0
        return 1.0

    return share
