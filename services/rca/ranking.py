"""Suspects of a window, ranked by Bayes' rule in logarithms (nats), every term shown.

For each entity c as the one cause,

    score(c) =  own(c)            evidence that c itself is broken: log Bayes factor of its worst indicator
              + size(c)           ½·ln(1+z): a fault is damped at every hop, so the largest shift is the nearest to the source
              + callers(c)        ln of the mean, over drawn worlds of how c's fault may spread, of Π B(e) over the callers e it hits there:
                                  B(e) the Bayes factor of what e shows. Broken callers speak for c, healthy ones against it
              + way_to_alarm(c)   ln of the share of worlds in which what alarms is hit; ε without a way, since maps have holes
              + alarm             ln B of what alarms: the same for all, it only speaks against "none of them"
              + change + history + grouping

The Bayes factors are those of ``evidence``. With N candidates and odds of 19:1 that an alarm has a cause among them, the chance of "none
of them" is N / (N + 19·Σ e^score/√m), m the number of an entity's indicators, since the worst of many is worse by chance. The answer is
*inconclusive* when that is above one half, or when two of the sixteen quiet stretches before, scored in the same way, look at least half
as bad as this window does. All of it is a sum of shown terms; ties fall to the name, so the same window gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from kizashi.contracts.findings import Cause, Indicator
from kizashi.online.dependencies import DependencyMap
from services.rca.evidence import Shown, shown
from services.rca.ways import Way, traffic_share, ways_of
from services.rca.window import F64, Window

SHOWN_INDICATORS = 5
ALARM_ODDS = 19.0
"""Nineteen of twenty that ask for a ranking do so because something broke that is watched."""
AS_BAD_BEFORE, AS_BAD = 2, 2.0
"""Quiet stretches that may not look as bad as the window: one may have had a trouble of its own. What is half as bad counts too: the
stretches helped to say what is normal, the window did not, and sixteen of them do not show the worst that normal can be."""


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
    change_title: str = ""
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


def rank(window: Window, graph: DependencyMap, alarm: Alarm, evidence: Mapping[str, Evidence]) -> Ranking:
    """Rank every entity of the window. Same window, same answer, bit by bit."""
    entities = tuple(sorted({*window.entities, *evidence}))
    seen = shown(window, entities, graph.entities())
    carried = traffic_share(window)
    ways = ways_of(entities, alarm.entity, graph, carried)
    asked = entities.index(alarm.entity) if alarm.entity in entities and alarm.entity in graph.entities() else -1
    scores, terms = _scores(seen, ways, asked)
    causes = [_cause(seen, i, terms[i], evidence.get(e, Evidence())) for i, e in enumerate(entities)]
    beside = np.array([c.score for c in causes]) - scores[0]
    null, as_bad = _doubt(seen, scores, beside)
    best_first = sorted(causes, key=lambda c: (-c.score, c.entity))
    clear = null < 0.5 and as_bad < AS_BAD_BEFORE
    reason = ""
    if not clear:
        reason = (
            f"the chance that none of {len(entities)} candidates is the cause is {null:.2f}, "
            f"and {as_bad} quiet stretches look at least half as bad"
        )
    return Ranking("cause" if clear else "inconclusive", reason, best_first, _in_order(best_first, seen), round(null, 4))


def _scores(seen: Shown, ways: list[Way], asked: int) -> tuple[F64, list[dict[str, float]]]:
    """Scores (1 + k, entities) of the window and of the quiet stretches, and the window's terms of each entity."""
    own = seen.own.copy()
    alarm = np.zeros(len(own))
    if asked >= 0:  # whatever the cause is, the alarm is there: it counts the same for all
        alarm = np.maximum(0.0, own[:, asked])
        own[:, asked] = 0.0
    scores = np.empty_like(own)
    terms = []
    for i, way in enumerate(ways):
        parts = {"own": own[:, i], "size": seen.size[:, i], "callers": way.callers_say(seen.own)}
        fixed = {"way_to_alarm": math.log(way.to_alarm)} if way.to_alarm < 1 else {}
        scores[:, i] = sum(parts.values()) + sum(fixed.values()) + alarm
        parts |= {"alarm": alarm} if asked >= 0 else {}
        terms.append({k: round(float(v[0]), 4) for k, v in parts.items()} | {k: round(v, 4) for k, v in fixed.items()})
    return scores, terms


def _doubt(seen: Shown, scores: F64, beside: F64) -> tuple[float, int]:
    """Chance that none of the candidates is the cause, and the number of quiet stretches that look as bad as the window."""
    n = len(seen.entities)
    if not n:
        return 1.0, 0
    known = any(seen.indicators)  # without a past there is nothing to compare with: place, changes and history decide
    many = np.sqrt([max(1, len(x)) for x in seen.indicators])
    scores = scores + seen.inherited
    totals = (np.exp(np.minimum(scores, 500.0)) / many).sum(axis=1)
    total = float((np.exp(np.minimum(scores[0] + beside, 500.0)) / many).sum())
    return n / (n + ALARM_ODDS * total), int((AS_BAD * totals[1:] >= total).sum()) if known else 0


def _cause(seen: Shown, i: int, terms: dict[str, float], e: Evidence) -> Cause:
    terms = terms | {
        "change": round(math.log(1 + 9 * e.change), 4), "history": round(math.log(1 + 9 * max(0.0, e.history)), 4),
        "grouping": round(math.log(1 + 4 * e.grouping), 4), "judged": round(4.0 * e.judged, 4),
    }  # fmt: skip
    terms = {k: v for k, v in terms.items() if v or k in ("own", "size", "callers")}
    mine = seen.indicators[i]
    return Cause(
        seen.entities[i],
        round(sum(terms.values()), 4),
        terms,
        mine[:SHOWN_INDICATORS],
        e.change_id,
        _sentence(mine, e, terms),
        e.change_title,
    )


def _sentence(indicators: list[Indicator], e: Evidence, terms: Mapping[str, float]) -> str:
    said = [f"{i.name} went from {i.before:.4g} to {i.during:.4g}" for i in indicators[:1] if i.terms["evidence"] > 0]
    said += [f"changed shortly before: {e.change_title or e.change_id}"] if e.change_id else []
    if not said:
        said = ["explains what its callers show"] if terms.get("callers", 0.0) > 0 else []
        said += ["nothing that it depends on broke before it"] if e.grouping else []
    return "; ".join(said) or "nothing of its own speaks for it"


def _in_order(causes: list[Cause], seen: Shown) -> list[Indicator]:
    """Every indicator, best first: the best one of an entity has its entity's score, the others as much less as they speak less."""
    found = []
    at = {e: i for i, e in enumerate(seen.entities)}
    for c in causes:
        mine = seen.indicators[at[c.entity]]
        found += [Indicator(x.series_id, x.name, round(c.score + x.score - mine[0].score, 4), x.before, x.during, x.terms) for x in mine]
    return sorted(found, key=lambda x: (-x.score, x.name))
