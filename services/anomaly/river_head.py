"""Any River anomaly model as a further head of a series, by configuration.

River's models keep their state in objects that only pickle can save, and a snapshot holds no pickle. So the head lives in generations:
every ``SPAN`` samples a fresh model starts to learn, and the one that speaks has learned between one and two spans. What a restart needs is
then the values of the last two spans; learning them again gives the same model, bit for bit. River's scores mean something else in every
model; a quantile controller places the boundary at one alarm in ``RATE`` samples.

Cost: that of the model, twice (two generations learn), and 16 kB a series; ``kizashi bench anomaly`` prints it beside the model alone.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections import deque
from typing import Any, Protocol

import msgspec
import numpy as np

from kizashi.contracts.scoring import MODEL
from kizashi.errors import ConfigurationError

SPAN = 512
FIRST, WARM_UP = 32, 256
"""Samples before the head speaks; the largest score after the very first ones places the first boundary."""
SEED = 1
"""Models that draw at random draw the same after a restart."""
RESERVE = 2.0
"""The first boundary lies so many times above the largest score of the warm-up: a record every few hundred samples is noise."""
STEP = 0.25
RATE = 30_000.0
"""Each alarm raises the boundary by a quarter; so many samples without one take that back."""
SURE = 1e-12
BOUNDED = frozenset({"GaussianScorer", "HalfSpaceTrees", "PredictiveAnomalyDetection"})
"""Scores from 0 to 1 that crowd below 1: their log tail is what grows."""
MOST_HEADS = 256
"""Series of one partition with such a head; beyond it a partition would live for them."""


class Saved(msgspec.Struct, array_like=True):
    """State of one head."""

    model: str
    counter: bool
    n: int
    boundary: float
    last_ms: int
    raw: float
    values: bytes


class Model(Protocol):
    """What River's detectors have in common, whether they take a target or features."""

    def score(self, value: float, before: float) -> float: ...

    def learn(self, value: float, before: float) -> None: ...


class RiverHead:
    """One series' extra head. ``path`` such as ``river.anomaly.HalfSpaceTrees``; raises ConfigurationError when there is no such model."""

    def __init__(self, path: str, counter: bool = False) -> None:
        self.path, self.counter = path, counter
        self._speaks, self._grows = model_of(path), model_of(path)
        self._values: deque[float] = deque(maxlen=2 * SPAN)
        self._n, self._boundary, self._last_ms, self._raw = 0, 0.0, 0, 0.0

    def step(self, ts_ms: int, value: float) -> float:
        """Score of the next sample, 1.0 is the boundary, then learn it; repeats, late and unreal values score 0 and teach nothing."""
        if not math.isfinite(value) or ts_ms <= self._last_ms:
            return 0.0
        rate = (value - self._raw if value >= self._raw else value) / max(ts_ms - self._last_ms, 1) * 1000.0
        first, self._last_ms, self._raw = self._last_ms == 0, ts_ms, value
        if self.counter:
            if first:
                return 0.0
            value = rate
        before = self._values[-1] if self._values else value
        score = self._placed(self._judged(value, before))
        self._learn(value, before)
        return score

    def saved(self) -> Saved:
        """What ``restored`` continues from."""
        values = np.array(self._values).tobytes()
        return Saved(self.path, self.counter, self._n, self._boundary, self._last_ms, self._raw, values)

    @classmethod
    def restored(cls, saved: Saved) -> RiverHead:
        """Inverse of ``saved``: learns again what the two generations had learned."""
        head = cls(saved.model, saved.counter)
        values = np.frombuffer(saved.values).tolist()
        known = min(saved.n, SPAN + saved.n % SPAN) if saved.n >= SPAN else saved.n
        head._n = saved.n - known
        speaking = saved.n - saved.n % SPAN if saved.n >= 2 * SPAN else 0
        for k, value in enumerate(values):
            if k < len(values) - known:
                head._values.append(value)
                continue
            before = head._values[-1] if head._values else value
            if head._n >= speaking:
                head._judged(value, before)  # PredictiveAnomalyDetection learns while it scores
            head._learn(value, before)
        head._boundary, head._last_ms, head._raw = saved.boundary, saved.last_ms, saved.raw
        return head

    def _learn(self, value: float, before: float) -> None:
        self._speaks.learn(value, before)
        if self._n >= SPAN:
            self._grows.learn(value, before)
        self._values.append(value)
        self._n += 1
        if self._n % SPAN == 0 and self._n > SPAN:
            self._speaks, self._grows = self._grows, model_of(self.path)

    def _judged(self, value: float, before: float) -> float:
        try:
            score = self._speaks.score(value, before)
        except ArithmeticError:  # PredictiveAnomalyDetection divides by zero on constants
            return 0.0
        if not math.isfinite(score):
            return 0.0
        return -math.log10(max(1.0 - score, SURE)) if self.path.rpartition(".")[2] in BOUNDED else max(score, 0.0)

    def _placed(self, tail: float) -> float:
        if self._n < WARM_UP:
            self._boundary = max(self._boundary, RESERVE * tail) if self._n >= FIRST else 0.0
            return 0.0
        score = tail / self._boundary if self._boundary > 0.0 else 0.0
        if tail >= self._boundary:
            self._boundary = self._boundary * (1.0 + STEP) if self._boundary > 0.0 else tail
        else:
            self._boundary *= 1.0 - STEP / RATE
        return score


def model_of(path: str) -> Model:
    """A fresh model; raises ConfigurationError when River has none of that name, or it cannot be made without arguments."""
    if not MODEL.match(path):
        raise ConfigurationError(f"model: {path!r} is not a River model such as river.anomaly.GaussianScorer")
    module, _, name = path.rpartition(".")
    try:
        cls: Any = getattr(importlib.import_module(module), name)
        made: Any = cls(seed=SEED) if "seed" in inspect.signature(cls).parameters else cls()
    except (ImportError, AttributeError, TypeError, ValueError) as x:
        raise ConfigurationError(f"model: {path} cannot be made: {x}") from x
    if not hasattr(made, "score_one") or not hasattr(made, "learn_one"):
        raise ConfigurationError(f"model: {path} is no detector: it has no score_one")
    return _Targeted(made) if getattr(made, "_supervised", False) else _Featured(made)


class _Targeted:
    """Models that judge a target by features: the value is the target, the value before it the feature."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def score(self, value: float, before: float) -> float:
        return float(self._made.score_one({"before": before}, value))

    def learn(self, value: float, before: float) -> None:
        self._made.learn_one({"before": before}, value)


class _Featured:
    """Models that judge features: the value and its change, each scaled to the range seen (HalfSpaceTrees wants 0 to 1)."""

    def __init__(self, made: Any) -> None:
        preprocessing: Any = importlib.import_module("river.preprocessing")
        self._scale, self._made = preprocessing.MinMaxScaler(), made

    def score(self, value: float, before: float) -> float:
        return float(self._made.score_one(self._scaled(value, before)))

    def learn(self, value: float, before: float) -> None:
        x = {"value": value, "change": value - before}
        self._scale.learn_one(x)
        self._made.learn_one(self._scaled(value, before))

    def _scaled(self, value: float, before: float) -> dict[str, float]:
        scaled: dict[str, float] = self._scale.transform_one({"value": value, "change": value - before})
        return scaled
