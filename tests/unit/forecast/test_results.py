"""Accuracy results of forecasts: bars, and the reason told beside a miss."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kizashi.contracts.accuracy import Answer, Scalar
from services.forecast.results import CLOUD, INCIDENTS, M4, OBJECTIVES, forecast_misses, part


def kept(folder: Path, jump: float) -> Answer:
    """One series of a daily wave, forecast at its exact continuation; ``jump`` moves what really came."""
    y = 10 + np.sin(2 * np.pi * np.arange(200) / 24)
    y[150:] += jump
    (folder / "in").mkdir(parents=True)
    (folder / "out").mkdir()
    (folder / "in" / "a.csv").write_text("timestamp,value\n" + "\n".join(f"{k},{v}" for k, v in enumerate(y)))
    mean = 10 + np.sin(2 * np.pi * np.arange(150, 174) / 24)
    rows = "\n".join(f"150,{k + 1},{m},{m - 1},{m + 1}" for k, m in enumerate(mean))
    (folder / "out" / "a.csv").write_text("origin,step,mean,q0.025,q0.975\n" + rows)
    return Answer({}, folder, folder)


def test_a_jump_is_a_miss_that_says_so(tmp_path: Path) -> None:
    [miss] = forecast_misses("M4", kept(tmp_path, 50.0), 25)
    assert miss.cost > 5.0
    assert "never been" in miss.why
    assert "held 0% of the values" in miss.said
    assert miss.chart is not None
    assert len(miss.chart.values) == len(miss.chart.mean) == 96 + 24


def test_a_good_forecast_costs_nothing(tmp_path: Path) -> None:
    [miss] = forecast_misses("M4", kept(tmp_path, 0.0), 25)
    assert miss.cost < 1e-6


def test_figures_carry_their_bars(tmp_path: Path) -> None:
    answer = kept(tmp_path, 1.0)
    forecast: dict[str, Scalar | dict[str, Scalar]] = {"series": 2.0, "mase": 0.9, "cov95": 0.99}
    days: dict[str, Scalar] = {"bss": 0.2, "ece": 0.01}
    objective: dict[str, Scalar | dict[str, Scalar]] = {"brier": 0.2, "ece": 0.05, "auc": 0.9, "lead_ge_24h": 0.8, "false_alarm": 0.1}
    answers = {q.key: Answer(forecast, answer.kept, tmp_path) for q in (M4, CLOUD)}
    answers[INCIDENTS.key] = Answer({"traces": 3, "1d": days, "7d": days}, tmp_path, tmp_path)
    answers |= {q.key: Answer(objective, tmp_path, tmp_path) for q in OBJECTIVES}
    found = {f.name: f.met for f in part(answers).figures}
    assert found["M4 hourly, MASE"] is True
    assert found["M4 hourly, distance of that cover from 0.95"] is False
    assert found["Objective missed: Brier score, worst of seeds 11 and 12"] is False
    assert found["Incident within 7d, Brier skill over the base rate"] is True
