"""What the scorers' answers mean for forecasts and risks: figures against their bars, other models beside them, and our worst misses."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np

from kizashi.contracts.accuracy import Answer, Chart, Figure, Miss, Part, Question, Row, Scalar, Table

M4, CLOUD = Question("forecast-m4", "m4-hourly"), Question("forecast-cloudwatch", "nab")
INCIDENTS = Question("incidents", "cloud-uptime")
OBJECTIVES = tuple(Question("slo", options=("--seed", str(seed))) for seed in (11, 12))
QUESTIONS = (M4, CLOUD, INCIDENTS, *OBJECTIVES)
SHOWN = 5
PAST = 96
"""Values shown before a forecast."""
Figures = Mapping[str, Scalar | dict[str, Scalar]]
F64 = np.ndarray[tuple[int], np.dtype[np.float64]]

M4_SYSTEMS = (
    Row("Chronos-2", [0.79, None], "published; needs a GPU"),
    Row("TiRex", [0.72, None], "published; needs a GPU"),
    Row("AutoARIMA", [1.03, None], "published"),
    Row("AutoETS", [1.61, None], "published"),
    Row("seasonal mean", [1.173, 0.907], "measured on all 414 series"),
    Row("seasonal naive", [1.193, 0.937], "measured on all 414 series"),
    Row("River HoltWinters", [1.41, None], "measured on all 414 series"),
    Row("River SNARIMAX", [3.39, None], "measured on all 414 series"),
)
CLOUD_SYSTEMS = (
    Row("last value", [1.135, None], "measured on all 16 series"),
    Row("River HoltWinters", [1.70, None], "measured on all 16 series"),
)
RISK_SYSTEMS = (
    Row("linear burn", [0.243], "measured, seed 1"),
    Row("Beta-Binomial", [0.237], "measured, seed 1"),
    Row("block bootstrap", [0.209], "measured, seed 1"),
)


def part(answers: Mapping[str, Answer]) -> Part:
    """Forecast's part of the results; raises KeyError when an answer is missing."""
    m4, cloud, incidents = (answers[q.key].figures for q in (M4, CLOUD, INCIDENTS))
    objectives = [answers[q.key].figures for q in OBJECTIVES]
    series = [f"{_number(f['series']):.0f}" for f in (m4, cloud)]
    data = (
        f"{series[0]} of the 414 hourly series of M4, {series[1]} of NAB's 16 CloudWatch series, {incidents['traces']} traces of the Cloud "
        f"Uptime Archive, and {len(objectives)} times 400 simulated windows of an objective. Values are learned once, in order."
    )
    figures = [*_forecasts("M4 hourly", m4, 0.95), *_forecasts("CloudWatch", cloud, 1.05), *_incidents(incidents), *_objectives(objectives)]
    tables = [
        Table("M4 hourly", ["MASE", "95 % band covers"], [_ours(m4), *M4_SYSTEMS], "Ours is of the series named above."),
        Table("NAB CloudWatch", ["MASE", "95 % band covers"], [_ours(cloud), *CLOUD_SYSTEMS], "Ours is of the series named above."),
        Table("Budget gone by the window's end", ["Brier"], [_brier(objectives), *RISK_SYSTEMS]),
    ]
    found = [
        sorted(forecast_misses(*x), key=lambda m: -m.cost)[:SHOWN]
        for x in (("M4", answers[M4.key], 24), ("CloudWatch", answers[CLOUD.key], 288))
    ]
    return Part("forecast", "Forecasts and risks", data, figures, tables, [*found[0], *found[1]])


def _number(value: Scalar | dict[str, Scalar]) -> float:
    return float(cast(float, value))


def _ours(f: Figures) -> Row:
    return Row("Kizashi", [_number(f["mase"]), _number(f["cov95"])], ours=True)


def _brier(objectives: list[dict[str, Scalar | dict[str, Scalar]]]) -> Row:
    return Row("Kizashi", [float(np.mean([_number(o["brier"]) for o in objectives]))], ours=True)


def _forecasts(name: str, f: Figures, bar: float) -> list[Figure]:
    covered = _number(f["cov95"])
    return [
        Figure(f"{name}, MASE", _number(f["mase"]), bar, "lower"),
        Figure(f"{name}, 95 % band covers", covered, 0.93, note="and at most 0.97"),
        Figure(f"{name}, distance of that cover from 0.95", abs(covered - 0.95), 0.02, "lower"),
    ]


def _incidents(f: Figures) -> list[Figure]:
    out = []
    for days, bar in (("1d", 0.17), ("7d", 0.10)):
        s = cast(dict[str, Scalar], f[days])
        out.append(Figure(f"Incident within {days}, Brier skill over the base rate", _number(s["bss"]), bar))
        out.append(Figure(f"Incident within {days}, calibration error", _number(s["ece"]), 0.03, "lower"))
    return out


def _objectives(objectives: list[dict[str, Scalar | dict[str, Scalar]]]) -> list[Figure]:
    bars: tuple[tuple[str, str, float, bool], ...] = (
        ("brier", "Brier score", 0.17, False),
        ("ece", "calibration error", 0.06, False),
        ("auc", "AUC", 0.84, True),
        ("lead_ge_24h", "misses foreseen by a day or more", 0.70, True),
        ("false_alarm", "kept windows with a false alarm", 0.30, False),
    )
    out, seeds = [], " and ".join(q.options[1] for q in OBJECTIVES)
    for key, text, bar, higher in bars:
        found = [_number(o[key]) for o in objectives]
        worst = min(found) if higher else max(found)
        out.append(Figure(f"Objective missed: {text}, worst of seeds {seeds}", worst, bar, "higher" if higher else "lower"))
    return out


def forecast_misses(name: str, answer: Answer, season: int) -> list[Miss]:
    """The worst origin of each series, by its error in units of the seasonal naive's error on the past."""
    out = []
    for path in sorted((answer.kept / "out").glob("*.csv")):
        y = _column(answer.kept / "in" / path.name, "value")
        rows = _columns(path, ("origin", "step", "mean", "q0.025", "q0.975"))
        first = int(rows["origin"].min())
        if first <= season:
            continue
        scale = float(np.abs(y[season:first] - y[: first - season]).mean())
        errors = {int(o): _error(rows, y, int(o)) for o in np.unique(rows["origin"])}
        origin = max(errors, key=lambda o: errors[o])
        if scale > 0.0:
            out.append(_miss(name, path.stem, rows, y, origin, errors[origin] / scale, season, scale))
    return out


def _error(rows: Mapping[str, F64], y: F64, origin: int) -> float:
    mine = rows["origin"] == origin
    at = (origin + rows["step"][mine] - 1).astype(int)
    return float(np.abs(rows["mean"][mine] - y[at]).mean())


def _miss(name: str, case: str, rows: Mapping[str, F64], y: F64, origin: int, mase: float, season: int, scale: float) -> Miss:
    mine = rows["origin"] == origin
    order = np.argsort(rows["step"][mine])
    mean, low, high = (rows[c][mine][order] for c in ("mean", "q0.025", "q0.975"))
    actual, past = y[origin : origin + len(mean)], y[max(origin - PAST, 0) : origin]
    naive = y[origin - season : origin - season + len(mean)] if len(mean) <= season else np.resize(y[origin - season : origin], len(mean))
    other = float(np.abs(naive - actual).mean()) / scale
    covered = float(((low <= actual) & (actual <= high)).mean())
    before = past.tolist()
    title = f"{name} {case}: {len(past)} values before, {len(mean)} forecast"
    drawn, floor, ceiling, said = ([*before, *part.tolist()] for part in (actual, low, high, mean))
    chart = Chart(title, drawn, floor, ceiling, mean=said, labelled=[(len(past), len(drawn))])
    return Miss(
        name, case, mase, f"mean {actual.mean():.4g} over the {len(actual)} values after row {origin}",
        f"{mean.mean():.4g}, off by {mase:.2f} times the usual seasonal error; the 95 % band held {covered:.0%} of the values",
        _why(actual, y[:origin], season, other, mase), chart=chart,
    )  # fmt: skip


def _why(actual: F64, past: F64, season: int, naive: float, mase: float) -> str:
    text = f"The value of a season before would have been off by {naive:.2f}. "
    lately = past[-season:]
    if actual.max() > past.max() or actual.min() < past.min():
        return text + "The series goes where it had never been, which no forecast from its own past can know."
    if abs(actual.mean() - lately.mean()) > 2.0 * lately.std():
        return text + "The level moves by more than two standard deviations of the last season right after the forecast is made."
    if naive < mase:
        return text + "The last season repeated itself more closely than the mixture, which weighs older ones too, believed."
    return text + "The last season does not repeat: phase or height of its peaks changes."


def _column(path: Path, name: str) -> F64:
    return _columns(path, (name,))[name]


def _columns(path: Path, names: tuple[str, ...]) -> dict[str, F64]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {n: np.array([float(r[n]) for r in rows]) for n in names}
