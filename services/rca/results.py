"""What the scorers' answers mean for root causes: figures against their bars, published systems beside them, and our worst misses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from kizashi.contracts.accuracy import Answer, Figure, Part, Question, Row, Table
from services.rca.bench import case_cost, storm_cost
from services.rca.case_eval import read_case
from services.rca.case_score import every_make
from services.rca.map_score import precisions
from services.rca.misses import petshop_folder, worst_misses
from services.rca.petshop import issues
from services.rca.simulate_storm import make_storm

PETSHOP = Question("rca-petshop", "petshop")
STORMS = tuple(Question("alerts", options=("--seed", str(seed))) for seed in (7, 11, 12))
QUESTIONS = (PETSHOP, *STORMS)
COUNT, SEED = 60, 31
PETSHOP_SYSTEMS = (
    Row("walk over the call graph", [0.46, 0.79], "measured on all 68 cases"),
    Row("NSigma", [0.27, 0.62], "measured on all 68 cases"),
    Row("random walk", [0.25, 0.42], "measured on all 68 cases"),
    Row("BARO", [0.21, 0.42], "measured on all 68 cases"),
)
STORM_SYSTEMS = (
    Row("cause-directed, the scorer's own", [0.78, None, 0.87, None], "measured, seed 7"),
    Row("neighbours on the graph", [0.78, None, None, None], "measured, seed 7"),
    Row("same labels", [0.43, None, None, None], "measured, seed 7"),
    Row("gap in time", [0.12, None, None, None], "measured, seed 7"),
)
STORM_FIGURES = (("ari", "ARI", 0.85), ("pair_f1", "pair F1", 0.87), ("root_at_1", "root@1", 0.90), ("blast_f1", "blast F1", 0.82))


def part(answers: Mapping[str, Answer]) -> Part:
    """Root causes' part of the results; raises KeyError when an answer is missing."""
    p = answers[PETSHOP.key].figures
    storms = [answers[q.key].figures for q in STORMS]
    data = (
        f"{_number(p['n']):.0f} of the 68 cases of PetShop and {p['quiet_cases']} of its quiet windows; {len(storms)} times 300 simulated "
        f"alert storms; {COUNT} simulated failures of each make, seed {SEED}. One configuration; an inconclusive answer is a miss."
    )
    figures = [
        Figure("PetShop AC@1", _number(p["svc_ac1"]), 0.65),
        Figure("PetShop AC@3", _number(p["svc_ac3"]), 0.85),
        Figure("PetShop, quiet windows called inconclusive", _number(p["specificity"]), 0.60),
        *[
            Figure(f"storms, {name}, worst of {len(storms)} seeds", min(_number(s[key]) for s in storms), bar)
            for key, name, bar in STORM_FIGURES
        ],
        *_of_the_map(answers[PETSHOP.key]),
        *_simulated(),
        *_costs(),
    ]
    ours = [_number(p[k]) for k in ("svc_ac1", "svc_ac3")]
    mean = [sum(_number(s[key]) for s in storms) / len(storms) for key, _name, _bar in STORM_FIGURES]
    tables = [
        Table("PetShop", ["AC@1", "AC@3"], [Row("Kizashi", [*ours], ours=True), *PETSHOP_SYSTEMS], "Ours: the cases at hand only."),
        Table(
            "Alert storms", [n for _k, n, _b in STORM_FIGURES], [Row("Kizashi", [*mean], ours=True), *STORM_SYSTEMS], "Mean of the seeds."
        ),
    ]
    return Part("rca", "Root causes, grouping and dependencies", data, figures, tables, worst_misses(answers[PETSHOP.key], COUNT, SEED))


def _number(value: object) -> float:
    return float(cast(float, value))


def _of_the_map(answer: Answer) -> list[Figure]:
    """Learned dependencies on the quiet time of each scenario, beside the better one of two plain correlations."""
    folders = {issue.scenario: issue.folder for issue in issues(answer.data)}
    rows = []
    for folder in folders.values():
        window, graph, _alarm = read_case(petshop_folder(answer, folder))
        rows += precisions(window, graph, ("requests", "latency"))
    mean = {how: sum(r[how] for r in rows) / len(rows) for how in rows[0]} if rows else {}
    if not mean:
        return []
    best = max(mean["correlation"], mean["partial"])
    note = f"best baseline {best:.3f}; the bar is 0.10 above it"
    return [Figure("learned dependencies, average precision", round(mean["learned"], 3), round(best + 0.10, 3), note=note)]


def _simulated() -> list[Figure]:
    bars = {
        "home": {"ac1": 0.98, "indicator_ac1": 0.90}, "minutes": {"ac1": 0.40, "ac3": 0.52}, "wide": {"ac1": 0.40, "ac3": 0.52},
    }  # fmt: skip
    names = {"ac1": "AC@1", "ac3": "AC@3", "indicator_ac1": "indicator AC@1", "specificity": "quiet windows inconclusive"}
    found = []
    for make, scores in every_make(COUNT, SEED).items():
        for k, text in names.items():
            known = bars.get(make, {}).get(k)
            note = "the bar of the recorded set that it looks like, which is not at hand" if known else ""
            found.append(Figure(f"simulated {make}, {text}", scores[k], known or (0.60 if k == "specificity" else None), note=note))
        found.append(Figure(f"simulated {make}, cost of an alarm 60 s late", scores["late_costs"], 0.03, "lower"))
    return found


def _costs() -> list[Figure]:
    case, storm = case_cost(services=50), storm_cost(make_storm())
    return [
        Figure("ranking 50 services with 10 metrics", case["ms_with_map_median"], 50, "lower", "ms"),
        Figure("10,000 episodes in 60 s", storm["cpu_s"], 5, "lower", "s of CPU"),
        Figure("open incidents a true cause, same storm", storm["open_incidents"] / storm["true_causes"], 1, "lower"),
    ]
