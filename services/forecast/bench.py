"""``kizashi bench forecast``: accuracy and cost beside River's and statsforecast's forecasters, on the same series, in one run.

Ours and River's learn one value at a time; statsforecast's are fitted anew at each origin, in an environment of their own.
"""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from river import linear_model, optim, preprocessing, time_series

from kizashi.errors import Refused
from services.forecast.bank import EnsembleForecaster

F64 = NDArray[np.float64]
SEASON, HORIZON, VALUES, STRIDE = 24, 48, 1008, 24
ORIGINS = tuple(i for i in range(2 * VALUES // 3, VALUES - HORIZON + 1) if i % STRIDE == 0)
"""The first two thirds are learned before the first forecast."""
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SCRIPT = ROOT / "deploy" / "peers" / "statsforecast_models.py"


class Forecaster(Protocol):
    """River's verbs."""

    def learn_one(self, y: float) -> None: ...
    def forecast(self, horizon: int) -> list[float]: ...


class Row(msgspec.Struct):
    """One contestant: mean absolute error over that of "as yesterday", costs, and forecasts that failed or were not finite.

    ``us_per_value`` is None for models that do not learn value by value: their ``us_per_forecast`` holds the fit.
    """

    model: str
    mase: float
    us_per_value: float | None
    us_per_forecast: float
    failed: int


def series(count: int, seed: int) -> list[F64]:
    """Simulated hourly load (VALUES,): day and week, a drifting level, autocorrelated noise, rare spikes. Seeded."""
    rng, out = np.random.default_rng(seed), list[F64]()
    t = np.arange(VALUES)
    for _ in range(count):
        day = 20 * rng.random() * np.sin(2 * np.pi * (t / 24 + rng.random()))
        week = 1 - 0.4 * rng.random() * (t // 24 % 7 >= 5)
        noise = np.zeros(VALUES)
        for i in range(1, VALUES):
            noise[i] = 0.8 * noise[i - 1] + rng.normal()
        spikes = (rng.random(VALUES) < 0.005) * rng.exponential(30, VALUES)
        out.append((50 + day) * week + np.cumsum(rng.normal(size=VALUES) * 0.05) + noise + spikes)
    return out


def contestants() -> dict[str, Callable[[], Forecaster]]:
    """Ours and River's, as their documentation sets them up."""

    def snarimax() -> Forecaster:
        regressor = preprocessing.StandardScaler() | linear_model.LinearRegression(optimizer=optim.SGD(0.005), intercept_lr=0.05)
        model: Forecaster = time_series.SNARIMAX(p=2, d=0, q=1, m=SEASON, sp=1, sd=0, sq=0, regressor=regressor)
        return model

    def holt_winters() -> Forecaster:
        model: Forecaster = time_series.HoltWinters(alpha=0.3, beta=0.01, gamma=0.3, seasonality=SEASON)  # type: ignore[no-untyped-call]  # River ships no types
        return model

    return {
        "kizashi panel": lambda: EnsembleForecaster(SEASON, HORIZON),
        "river HoltWinters": holt_winters,
        "river SNARIMAX": snarimax,
    }


def bench_forecast(count: int = 10, seed: int = 1, peers: bool = False) -> list[Row]:
    """Run every contestant over ``count`` simulated series. ``peers`` adds statsforecast's; raises Refused when it is not installed."""
    if peers and not PYTHON.is_file():
        raise Refused("statsforecast is not installed: run `make bench-peers` in a checkout of the source, it makes .venv-peers")
    warm = EnsembleForecaster(SEASON, HORIZON)
    for k in range(100):
        warm.learn_one(float(k % 7))
    warm.forecast(HORIZON)  # compiled before the clock runs
    data = series(count, seed)
    return [_run(name, make, data) for name, make in contestants().items()] + (_statsforecast(data) if peers else [])


def _run(name: str, make: Callable[[], Forecaster], data: list[F64]) -> Row:
    ratios, learn_s, forecast_s, failed = list[float](), 0.0, 0.0, 0
    for y in data:
        model = make()
        for i, value in enumerate(y.tolist()):
            if i in ORIGINS:
                at = time.perf_counter()
                mean = _forecast(model)
                forecast_s += time.perf_counter() - at
                failed += mean is None
                ratios.append(_ratio(y, i, mean))
            at = time.perf_counter()
            model.learn_one(value)
            learn_s += time.perf_counter() - at
    n = sum(len(y) for y in data)
    return Row(name, round(float(np.mean(ratios)), 4), round(1e6 * learn_s / n, 1), round(1e6 * forecast_s / len(ratios), 1), failed)


def _ratio(y: F64, origin: int, mean: F64 | None) -> float:
    """Absolute error of a forecast over that of "as a season before"; a forecast that failed is taken as "as the last value"."""
    told = mean if mean is not None else np.full(HORIZON, y[origin - 1])
    return float(np.abs(y[origin : origin + HORIZON] - told).mean() / np.abs(y[SEASON:] - y[:-SEASON]).mean())


def _forecast(model: Forecaster) -> F64 | None:
    """A finite forecast, or None; River's models raise arithmetic errors on some series."""
    try:
        return _finite(model.forecast(HORIZON))
    except (ArithmeticError, ValueError):
        return None


def _finite(told: list[float]) -> F64 | None:
    mean = np.array(told, float)
    return mean if len(mean) == HORIZON and all(math.isfinite(v) for v in mean) else None


def _statsforecast(data: list[F64]) -> list[Row]:
    order = {"season": SEASON, "horizon": HORIZON, "origins": ORIGINS, "series": [y.tolist() for y in data]}
    done = subprocess.run([str(PYTHON), str(SCRIPT)], input=json.dumps(order), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"statsforecast ended with exit code {done.returncode}: {done.stderr[-1_000:]}")
    rows = []
    for name, told in json.loads(done.stdout.splitlines()[-1]).items():
        means = [[_finite(mean) for mean in one] for one in told["means"]]
        pairs = zip(data, means, strict=True)
        ratios = [_ratio(y, origin, mean) for y, one in pairs for origin, mean in zip(ORIGINS, one, strict=True)]
        failed = sum(mean is None for one in means for mean in one)
        rows.append(Row(name, round(float(np.mean(ratios)), 4), None, round(1e6 * told["seconds"] / len(ratios), 1), failed))
    return rows
