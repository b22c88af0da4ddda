"""Suspects of a window, ranked by arithmetic that shows every term."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kizashi.contracts.findings import Cause, Indicator
from services.rca.dependencies import DependencyMap
from services.rca.shift import Window, shifts

SHOWN_INDICATORS = 5
CLEAR_Z = 5.0


@dataclass(frozen=True)
class Alarm:
    """What called for the ranking: the entity that alarms and, when known, its indicator."""

    entity: str = ""
    indicator: str = ""


@dataclass(frozen=True)
class Evidence:
    """What is known of an entity beside its metrics; every part 0-1."""

    change: float = 0.0
    change_id: str = ""
    history: float = 0.0
    grouping: float = 0.0


@dataclass(frozen=True)
class Ranking:
    """Suspects best first; *inconclusive* when nothing stands out."""

    verdict: Literal["cause", "inconclusive"]
    reason: str
    causes: list[Cause]
    indicators: list[Indicator] = field(default_factory=list)


def rank(window: Window, graph: DependencyMap, alarm: Alarm, evidence: Mapping[str, Evidence]) -> Ranking:
    """Rank every entity of the window. Same window, same answer, bit by bit."""
    s = shifts(window)
    indicators: dict[str, list[Indicator]] = {}
    for i, entity in enumerate(window.entities):
        terms = {"shift": round(math.log1p(float(s.z[i])), 4), "first_minute": round(math.log1p(float(s.first[i])), 4)}
        score = round(0.5 * (terms["shift"] + terms["first_minute"]), 4)
        indicators.setdefault(entity, []).append(
            Indicator(window.ids[i], f"{entity}:{window.names[i]}", score, float(s.before[i]), float(s.during[i]), terms)
        )
    own = {e: max(x.score for x in xs) for e, xs in indicators.items()}
    causes = []
    for entity in sorted({*own, *evidence}):
        e = evidence.get(entity, Evidence())
        callee = max((own.get(c, 0.0) for c in graph.callees(entity)), default=0.0)
        terms = {
            "shift": own.get(entity, 0.0), "explained_by_callee": round(-0.5 * callee, 4), "change": round(2.0 * e.change, 4),
            "history": round(e.history, 4), "grouping": round(e.grouping, 4),
        }  # fmt: skip
        mine = sorted(indicators.get(entity, []), key=lambda x: (-x.score, x.name))
        causes.append(Cause(entity, round(sum(terms.values()), 4), terms, mine[:SHOWN_INDICATORS], e.change_id))
    causes.sort(key=lambda c: (-c.score, c.entity))
    every = sorted((x for xs in indicators.values() for x in xs), key=lambda x: (-x.score, x.name))
    clear = bool(causes) and max(own.values(), default=0.0) >= math.log1p(CLEAR_Z)
    reason = "" if clear else f"no indicator moved by more than {CLEAR_Z:g} robust deviations"
    return Ranking("cause" if clear else "inconclusive", reason, causes, every)
