"""What the scorers' answers mean for anomaly detection: figures against their bars, published systems beside them, and our worst misses.

Labels are read here and nowhere else in the service: scoring never sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from kizashi.contracts.accuracy import Answer, Figure, Part, Question, Row, Scalar, Table
from services.anomaly.misses import worst_misses
from services.anomaly.simulated import KINDS, false_episodes, seasons_right, steps_found

NAB, KPI = Question("anomaly-nab", "nab", ("--prefix",)), Question("anomaly-kpi", "kpi", ("--prefix",))
QUESTIONS = (NAB, KPI)
PROFILES = ("standard", "reward_low_FP_rate", "reward_low_FN_rate")
SEEN = "as published; sees the whole file's value range beforehand"
NAB_SYSTEMS = (
    Row("ARTime", [74.9, 65.2, 80.4, 69.4], SEEN),
    Row("Numenta HTM", [70.1, 63.1, 74.3, 66.8], SEEN),
    Row("CAD OSE", [69.9, 67.0, 73.2, 68.4], SEEN),
    Row("River 0.26, its detectors as they come, best", [41.0, None, None, None], "measured on all 58 files; 47 with alarms debounced"),
)
KPI_SYSTEMS = (
    Row("FluxEV", [0.790, None], "Li et al. 2021, all 29 curves"),
    Row("SR-CNN", [0.771, None], "Ren et al. 2019, all 29 curves"),
    Row("z of the last difference", [None, 0.635], "measured on all 29 curves, delay at most 7"),
)


def part(answers: Mapping[str, Answer]) -> Part:
    """Anomaly's part of the results; raises KeyError when an answer is missing."""
    nab, kpi = answers[NAB.key], answers[KPI.key]
    n, k = nab.figures, kpi.figures
    files = f"{n['files']} of the 58 files of NAB ({n['rows']:,} rows), {k['files']} of the 29 curves of AIOps-2018, first halves "
    return Part(
        "anomaly",
        "Anomaly detection",
        f"{files}({k['rows']:,} rows). One configuration, strictly causal, nothing tuned to a set. "
        "Noise, steps and seasons: 1,000, 400 and 180 simulated series, seed 0.",
        [*_nab_figures(n), *_kpi_figures(k), *_simulated()],
        [_nab_table(n), _kpi_table(k)],
        worst_misses(nab, kpi),
    )


def _number(value: Scalar | dict[str, Scalar]) -> float:
    return float(cast(float, value))


def _within(figures: Mapping[str, Scalar | dict[str, Scalar]], name: str) -> dict[str, Scalar]:
    return cast(dict[str, Scalar], figures[name])


def _nab_figures(n: dict[str, Scalar | dict[str, Scalar]]) -> list[Figure]:
    bars = (70.1, 67.0, 74.3)
    out = [Figure(f"NAB {p.replace('_', ' ')}", _number(n[p]), bar) for p, bar in zip(PROFILES, bars, strict=True)]
    tuned, own = _number(n["standard"]), _number(_within(n, "at_1.0")["standard"])
    return [
        *out,
        Figure("NAB standard, threshold from the other half of the files", _number(_within(n, "two_fold")["standard"]), 66.8),
        Figure("NAB standard, at the score's own boundary 1.0", own, 66.0),
        Figure("NAB points lost by not tuning the threshold", tuned - own, 6.0, "lower"),
        _prefix("NAB", n),
    ]


def _kpi_figures(k: dict[str, Scalar | dict[str, Scalar]]) -> list[Figure]:
    heads = {name: _within(k, name) for name in ("anomaly_score", "point_score", "novelty_score")}
    return [
        Figure("KPI F1 (k = 7), best head, threshold from the first halves", max(_number(h["kpi_f1"]) for h in heads.values()), 0.82),
        Figure("KPI event F1, best head", max(_number(h["event_f1"]) for h in heads.values()), 0.64),
        Figure("KPI F1 of the published score", _number(heads["anomaly_score"]["kpi_f1"]), 0.75),
        Figure("KPI event F1 of the published score", _number(heads["anomaly_score"]["event_f1"])),
        _prefix("KPI", k),
    ]


def _simulated() -> list[Figure]:
    found, false = steps_found()
    noise = [
        Figure(
            f"False episodes a series in 30,000 samples of noise: {n.kind}", n.mean, 1.0, "lower", note=f"most on one series: {n.largest}"
        )
        for n in (false_episodes(kind) for kind in KINDS)
    ]
    return [
        Figure("Steps of 3 σ found within 30 samples", found, 0.95),
        Figure("False change points in 100,000 samples of white noise", false, 1.0, "lower"),
        Figure("Season named right, hourly, daily and weekly shapes", seasons_right(), 0.98),
        *noise,
    ]


def _prefix(name: str, figures: dict[str, Scalar | dict[str, Scalar]]) -> Figure:
    same = figures.get("prefix_equal") == "yes"
    return Figure(f"{name}: scores of a prefix equal the first scores of the whole", float(same), 1.0, note="yes" if same else "no")


def _nab_table(n: dict[str, Scalar | dict[str, Scalar]]) -> Table:
    ours = Row("Kizashi", [*(_number(n[p]) for p in PROFILES), _number(_within(n, "two_fold")["standard"])], ours=True)
    note = "Ours is of the files named above, theirs of all 58: a comparison of level, not of decimals."
    return Table("NAB score", ["standard", "low FP", "low FN", "standard, 2-fold"], [ours, *NAB_SYSTEMS], note)


def _kpi_table(k: dict[str, Scalar | dict[str, Scalar]]) -> Table:
    names = {"anomaly_score": "Kizashi, published score", "point_score": "Kizashi, point head", "novelty_score": "Kizashi, novelty head"}
    ours = [Row(text, [_number(_within(k, c)["kpi_f1"]), _number(_within(k, c)["event_f1"])], ours=True) for c, text in names.items()]
    note = "Ours is of the curves named above, theirs of all 29."
    return Table("AIOps-2018 KPI", ["F1, k = 7", "event F1"], [*ours, *KPI_SYSTEMS], note)
