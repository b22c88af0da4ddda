"""``kizashi bench forecast``: accuracy and cost beside River's forecasters, on the same series, one value at a time, in one run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from river import linear_model, optim, preprocessing, time_series

from services.forecast.bank import EnsembleForecaster

F64 = NDArray[np.float64]
SEASON, HORIZON, VALUES, STRIDE = 24, 48, 1008, 24


class Forecaster(Protocol):
    """River's verbs."""

    def learn_one(self, y: float) -> None: ...
    def forecast(self, horizon: int) -> list[float]: ...


class Row(msgspec.Struct):
    """One contestant: mean absolute error over that of "as yesterday", costs, and forecasts that failed or were not finite."""

    model: str
    mase: float
    us_per_value: float
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


def bench_forecast(count: int = 10, seed: int = 1) -> list[Row]:
    """Run every contestant over ``count`` simulated series; the first two thirds are learned before the first forecast."""
    EnsembleForecaster(SEASON, HORIZON).learn_one(1.0)
    warm = EnsembleForecaster(SEASON, HORIZON)
    for k in range(100):
        warm.learn_one(float(k % 7))
    warm.forecast(HORIZON)  # compiled before the clock runs
    return [_run(name, make, series(count, seed)) for name, make in contestants().items()]


def _run(name: str, make: Callable[[], Forecaster], data: list[F64]) -> Row:
    ratios, learn_s, forecast_s, failed, forecasts = list[float](), 0.0, 0.0, 0, 0
    for y in data:
        model, scale = make(), float(np.abs(y[SEASON:] - y[:-SEASON]).mean())
        for i, value in enumerate(y.tolist()):
            if i >= 2 * VALUES // 3 and i % STRIDE == 0 and i + HORIZON <= VALUES:
                at = time.perf_counter()
                mean = _forecast(model)
                forecast_s += time.perf_counter() - at
                forecasts += 1
                if mean is None:
                    failed, mean = failed + 1, np.full(HORIZON, y[i - 1])
                ratios.append(float(np.abs(y[i : i + HORIZON] - mean).mean()) / scale)
            at = time.perf_counter()
            model.learn_one(value)
            learn_s += time.perf_counter() - at
    n = sum(len(y) for y in data)
    return Row(name, round(float(np.mean(ratios)), 4), round(1e6 * learn_s / n, 1), round(1e6 * forecast_s / max(1, forecasts), 1), failed)


def _forecast(model: Forecaster) -> F64 | None:
    """A finite forecast, or None; River's models raise arithmetic errors on some series."""
    try:
        mean = np.array(model.forecast(HORIZON), float)
    except (ArithmeticError, ValueError):
        return None
    return mean if len(mean) == HORIZON and all(math.isfinite(v) for v in mean) else None
