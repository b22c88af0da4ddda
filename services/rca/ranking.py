"""Suspects of a window, ranked by Bayes' rule in logarithms (nats), every term shown.

For each entity c as the one cause,

    score(c) =  own(c)            evidence that c itself is broken: log Bayes factor of its worst indicator
              + size(c)           ½·ln(1+z): a fault is damped at every hop, so the largest shift is the nearest to the source
              + callers(c)        ln of the mean, over drawn worlds of how c's fault may spread, of Π B(e) over the callers e it hits there:
                                  B(e) the Bayes factor of what e shows. Broken callers speak for c, healthy ones against it
              + way_to_alarm(c)   ln of the share of worlds in which what alarms is hit; ε without a way, since maps have holes
              + alarm             ln B of what alarms: the same for all, it only speaks against "none of them"
              + change + history + grouping

Bayes factor of an indicator with robust shift z: a broken indicator's z is log-uniform on 1 … 1000, a healthy one's has the heavy tail
P(Z > z) = z⁻² and, in one of twenty, moves for reasons of its own: B = 1 / (0.05 + 0.95/b), b = z²/13.8, at least 0.05 since a broken
entity need not show it. The kind of the indicator weighs ln B (``kinds``).
With N candidates and odds of 19:1 that an alarm has a cause among them, the chance of "none of them" is N / (N + 19·Σ e^score/√m), m
the number of an entity's indicators, since the worst of many is worse by chance: *inconclusive* when that is above one half. All of it
is a sum of shown terms; ties fall to the name, so the same window gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np

from kizashi.contracts.findings import Cause, Indicator
from services.rca.blast import EVERY, WORLDS, worlds
from services.rca.dependencies import DependencyMap
from services.rca.kinds import kind_of, request_count
from services.rca.shift import Window, shifts

SHOWN_INDICATORS = 5
UNRELATED = 0.05
HIDDEN, HIDDEN_CALLER = 0.05, 0.5
"""Least Bayes factor of an entity, and of a caller of the broken one: other calls dilute what half of them feel."""
NO_WAY, UNKNOWN_WAY = 0.05, 0.35
"""Chance that a fault reaches the alarm against the map, and when the map does not know what alarms: most trouble is at home."""
ALARM_ODDS = 19.0
"""Nineteen of twenty that ask for a ranking do so because something broke that is watched."""
LOG_RANGE = math.log(1000)


@dataclass(frozen=True)
class Alarm:
    """What called for the ranking: the entity that alarms and, when known, its indicator."""

    entity: str = ""
    indicator: str = ""


@dataclass(frozen=True)
class Evidence:
    """What is known of an entity beside its metrics; probabilities 0-1, ``judged`` is +1 or -1 when a person spoke."""

    change: float = 0.0
    change_id: str = ""
    history: float = 0.0
    grouping: float = 0.0
    judged: float = 0.0


@dataclass(frozen=True)
class Ranking:
    """Suspects best first; *inconclusive* when nothing stands out. ``null`` is the probability that none of them is the cause."""

    verdict: Literal["cause", "inconclusive"]
    reason: str
    causes: list[Cause]
    indicators: list[Indicator] = field(default_factory=list)
    null: float = 1.0


def bayes_factor(z: float) -> float:
    """Odds for "broken" that a robust shift z gives.

    >>> [round(bayes_factor(z), 2) for z in (0, 3, 10, 100)]
    [0.05, 0.66, 5.52, 19.49]
    """
    raw = max(z, 1e-3) ** 2 / (2 * LOG_RANGE)
    return max(HIDDEN, 1 / (UNRELATED + (1 - UNRELATED) / raw))


def rank(window: Window, graph: DependencyMap, alarm: Alarm, evidence: Mapping[str, Evidence]) -> Ranking:
    """Rank every entity of the window. Same window, same answer, bit by bit."""
    by_entity = _indicators(window)
    names = sorted({*by_entity, *evidence})
    odds = {e: max(HIDDEN_CALLER, math.exp(_worst(xs)["evidence"])) for e, xs in by_entity.items()}
    carried = traffic_share(window)
    causes = [_cause(e, by_entity.get(e, []), _topology(e, odds, graph, alarm, carried), evidence.get(e, Evidence()), alarm) for e in names]
    causes.sort(key=lambda c: (-c.score, c.entity))
    total = sum(math.exp(min(c.score, 500.0)) / math.sqrt(max(1, len(by_entity.get(c.entity, ())))) for c in causes)
    null = len(names) / (len(names) + ALARM_ODDS * total) if names else 1.0
    clear = bool(causes) and null < 0.5
    reason = "" if clear else f"the chance that none of {len(names)} candidates is the cause is {null:.2f}"
    return Ranking("cause" if clear else "inconclusive", reason, causes, _in_order(causes, by_entity), round(null, 4))


def _indicators(window: Window) -> dict[str, list[Indicator]]:
    """Indicators of each entity, best first."""
    found: dict[str, list[Indicator]] = {}
    s = shifts(window)
    for i in np.flatnonzero(s.known):
        entity = window.entities[i]
        kind = kind_of(window.names[i], entity)
        up, down = float(s.up[i]), float(s.down[i])
        signed, weight = (up, kind.up) if up * kind.up >= down * kind.down else (-down, kind.down)
        z = abs(signed)
        log_odds = math.log(bayes_factor(z))
        told = weight * log_odds if log_odds > 0 else log_odds
        size = 0.5 * weight * math.log1p(z)
        terms = {"z": round(signed, 4), "evidence": round(told, 4), "size": round(size, 4), "nearness": kind.near}
        score = round((told + size) * kind.near, 4)
        found.setdefault(entity, []).append(
            Indicator(window.ids[i], f"{entity}:{window.names[i]}", score, float(s.before[i]), float(s.during[i]), terms)
        )
    for xs in found.values():
        xs.sort(key=lambda x: (-x.score, x.name))
    return found


def _in_order(causes: list[Cause], by_entity: Mapping[str, list[Indicator]]) -> list[Indicator]:
    """Every indicator, best first: the best one of an entity has its entity's score, the others as much less as they speak less."""
    found = []
    for c in causes:
        mine = by_entity.get(c.entity, [])
        found += [msgspec.structs.replace(x, score=round(c.score + x.score - mine[0].score, 4)) for x in mine]
    return sorted(found, key=lambda x: (-x.score, x.name))


def _worst(indicators: list[Indicator]) -> dict[str, float]:
    """Terms of the indicator that says most about its entity."""
    return max((i.terms for i in indicators), key=lambda t: t["evidence"] + t["size"], default={"evidence": 0.0, "size": 0.0})


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


def _topology(
    entity: str, odds: Mapping[str, float], graph: DependencyMap, alarm: Alarm, carried: Callable[[str, str], float]
) -> dict[str, float]:
    """Terms of the map: whether the fault reaches the alarm, and what the other transitive callers show in the worlds in which it does."""
    hit = worlds(graph, {entity: 1.0}, carried=carried)
    asked = alarm.entity in graph.entities()
    there = hit.get(alarm.entity, 0) if asked else EVERY
    known = [(bits, odds[e]) for e, bits in sorted(hit.items()) if e in odds and e not in (entity, alarm.entity)]
    log_odds = np.zeros(WORLDS)
    for bits, b in known:
        log_odds += math.log(b) * np.unpackbits(np.frombuffer(bits.to_bytes(WORLDS // 8, "little"), np.uint8))
    among = np.unpackbits(np.frombuffer((there or EVERY).to_bytes(WORLDS // 8, "little"), np.uint8)).astype(bool)
    callers = math.log(float(np.exp(log_odds[among]).mean()))
    terms = {"callers": round(callers, 4)}
    if alarm.entity and not asked and entity != alarm.entity:
        terms["way_to_alarm"] = round(math.log(UNKNOWN_WAY), 4)
    if asked:
        terms["way_to_alarm"] = round(math.log(max(NO_WAY, there.bit_count() / WORLDS)), 4)
        terms["alarm"] = round(max(0.0, math.log(odds.get(alarm.entity, 1.0))), 4)
    return terms


def _cause(entity: str, indicators: list[Indicator], topology: Mapping[str, float], e: Evidence, alarm: Alarm) -> Cause:
    own = dict(_worst(indicators))
    if "alarm" in topology and entity == alarm.entity:
        own["evidence"] = 0.0  # counted for every candidate: whatever the cause is, the alarm is there
    terms = {
        "own": own["evidence"], "size": own["size"], **topology,
        "change": round(math.log(1 + 9 * e.change), 4), "history": round(math.log(1 + 9 * max(0.0, e.history)), 4),
        "grouping": round(math.log(1 + 4 * e.grouping), 4), "judged": round(4.0 * e.judged, 4),
    }  # fmt: skip
    terms = {k: v for k, v in terms.items() if v or k in ("own", "size", "callers")}
    return Cause(entity, round(sum(terms.values()), 4), terms, indicators[:SHOWN_INDICATORS], e.change_id, _sentence(indicators, e))


def _sentence(indicators: list[Indicator], e: Evidence) -> str:
    said = [f"{i.name} went from {i.before:.4g} to {i.during:.4g}" for i in indicators[:1] if i.terms["evidence"] > 0]
    said += [f"changed shortly before ({e.change_id})"] if e.change_id else []
    return "; ".join(said) or "explains what its callers show"
