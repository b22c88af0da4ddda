"""Cost of the anomaly model beside River's own, on the same data in the same run."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from river import anomaly, linear_model
from river.base import AnomalyDetector

from kizashi.contracts.batches import F64
from kizashi.errors import Refused
from services.anomaly.bank import Bank, warm_up
from services.anomaly.detector import SeriesDetector
from services.anomaly.river_head import SPAN, RiverHead
from services.anomaly.state import HABITS, SERIES

MESSAGE = 500
ROOT = Path(__file__).parents[2]
PYTHON, SCRIPT = ROOT / ".venv-peers" / "bin" / "python", ROOT / "deploy" / "peers" / "rrcf_model.py"
RIVER_SAMPLES = 2000
"""River's objects are slow enough that so few tell the cost."""


@dataclass(frozen=True)
class Cost:
    """Microseconds of one core a sample, bytes a series."""

    name: str
    us_per_sample: float
    bytes_per_series: int


def bank_cost(series: int = 4096, rounds: int = 60) -> Cost:
    """Both heads, evidence, change points and patterns, over ``series`` interleaved series in messages of 500 rows."""
    warm_up()
    rng = np.random.default_rng(0)
    bank, ids = Bank(), rng.integers(1, 2**63, series).astype(np.uint64)
    values = rng.normal(size=(rounds, series))
    half, began = rounds // 2, 0.0
    for k in range(rounds):
        if k == half:
            began = time.process_time()
        for i in range(0, series, MESSAGE):
            part = ids[i : i + MESSAGE]
            flags = np.zeros(len(part), np.uint8)
            bank.score(part, np.full(len(part), 60_000 * (k + 1)), values[k, i : i + MESSAGE], flags)
    spent = time.process_time() - began
    return Cost(
        "kizashi bank, both heads, changes and patterns", 1e6 * spent / (series * (rounds - half)), SERIES.itemsize + HABITS.itemsize
    )


def river_cost(name: str, model: AnomalyDetector, values: F64) -> Cost:
    """One River model on one series: score, then learn, each sample."""
    began = time.process_time()
    for x in values.tolist():
        model.score_one({"value": x})
        model.learn_one({"value": x})
    spent = time.process_time() - began
    return Cost(name, 1e6 * spent / len(values), int(model._raw_memory_usage))


def detector_cost(values: F64) -> Cost:
    """One series through River's shape: what it costs to leave the bank."""
    detector = SeriesDetector()
    detector.score_one({"value": 0.0})
    return river_cost("kizashi, one series in River's shape", detector, values)


def head_cost(path: str, values: F64) -> Cost:
    """A River model as a further head: two generations learn, one scores."""
    head = RiverHead(path)
    began = time.process_time()
    for k, x in enumerate(values.tolist()):
        head.step(k + 1, x)
    spent = time.process_time() - began
    return Cost(f"kizashi, further head {path}", 1e6 * spent / len(values), 2 * SPAN * 8)


def forest_cost(values: F64) -> Cost:
    """Robust random cut forest, in the peers' environment; raises Refused when it is not installed."""
    if not PYTHON.is_file() or not SCRIPT.is_file():
        raise Refused("rrcf is not installed: run `make bench-peers` in a checkout of the source, it makes .venv-peers")
    text = "\n".join(map(repr, values.tolist()))
    done = subprocess.run([str(PYTHON), str(SCRIPT)], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"rrcf ended with {done.returncode}: {done.stderr[-500:]}")
    found = json.loads(done.stdout)
    return Cost("rrcf, 40 trees of 256", found["us_per_sample"], found["bytes_per_series"])


def costs(peers: bool = False) -> list[Cost]:
    """The bank first, then River's models, with ``peers`` also a forest of random cuts; all on the same values."""
    values = np.random.default_rng(1).uniform(size=RIVER_SAMPLES)
    return [
        bank_cost(),
        detector_cost(values[:200]),
        head_cost("river.anomaly.GaussianScorer", values),
        river_cost("river.anomaly.GaussianScorer", _Scorer(), values),
        river_cost("river.anomaly.HalfSpaceTrees", anomaly.HalfSpaceTrees(seed=1), values),
        river_cost("river.anomaly.PredictiveAnomalyDetection", _Predictive(), values),
        *([forest_cost(values)] if peers else []),
    ]


class _Scorer(AnomalyDetector):
    """GaussianScorer judges a target; here the value is the target."""

    def __init__(self) -> None:
        make: Any = anomaly.GaussianScorer  # River types it only in part
        self.model = make()

    def learn_one(self, x: dict[Hashable, Any]) -> None:
        self.model.learn_one(None, x["value"])

    def score_one(self, x: dict[Hashable, Any]) -> float:
        return float(self.model.score_one(None, x["value"]))


class _Predictive(AnomalyDetector):
    """PredictiveAnomalyDetection regresses a target on features; here on the value before."""

    def __init__(self) -> None:
        make: Any = anomaly.PredictiveAnomalyDetection
        self.model = make(predictive_model=linear_model.LinearRegression(), warmup_period=10)
        self.before = 0.0

    def learn_one(self, x: dict[Hashable, Any]) -> None:
        self.model.learn_one({"before": self.before}, x["value"])
        self.before = x["value"]

    def score_one(self, x: dict[Hashable, Any]) -> float:
        return float(self.model.score_one({"before": self.before}, x["value"]))
