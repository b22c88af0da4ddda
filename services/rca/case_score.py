"""Scores of the ranking on cases with known truth: AC@1, AC@3, the indicator's AC@1, what a late alarm costs, and quiet windows."""

from __future__ import annotations

from collections.abc import Iterable

from services.rca.ranking import Ranking, rank
from services.rca.simulate_case import MAKES, Case, Make, make_case

LATE_S = 60.0


def answer_of(case: Case) -> Ranking:
    """The ranking of a case, as production has it."""
    return rank(case.window, case.graph, case.alarm, {})


def scores(cases: Iterable[Case]) -> dict[str, float]:
    """Shares over the cases; an inconclusive answer is a miss."""
    top1 = top3 = indicator = said = n = 0
    for case in cases:
        answer, n = answer_of(case), n + 1
        if answer.verdict == "cause":
            names = [c.entity for c in answer.causes]
            said += 1
            top1, top3 = top1 + (case.service in names[:1]), top3 + (case.service in names[:3])
            indicator += answer.indicators[0].name in case.indicators
    return {k: round(v / max(1, n), 3) for k, v in {"ac1": top1, "ac3": top3, "indicator_ac1": indicator, "said_cause": said}.items()}


def simulated(make: Make, count: int, seed: int) -> dict[str, float]:
    """Scores of ``count`` cases of a make, with an alarm in time and a late one, and the share of quiet windows called inconclusive."""
    seeds = range(100_000 * seed, 100_000 * seed + count)
    found = scores(make_case(make, s) for s in seeds)
    late = scores(make_case(make, s, late_s=LATE_S) for s in seeds)
    quiet = scores(make_case(make, s + 50_000, quiet=True) for s in seeds)
    return found | {"late_costs": round(found["ac1"] - late["ac1"], 3), "specificity": round(1 - quiet["said_cause"], 3)}


def every_make(count: int, seed: int) -> dict[str, dict[str, float]]:
    """``simulated`` for every make."""
    return {name: simulated(make, count, seed) for name, make in MAKES.items()}
