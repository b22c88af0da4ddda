"""Series whose truth is known by construction: noise that means nothing, steps at a known time, seasons of a known period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.anomaly.bank import Bank
from services.anomaly.patterns import season_of
from services.anomaly.state import ANOMALY, CLOSED, OPENED, STEP, VARIANCE

KINDS = ("white", "AR(1) with 0.9", "Student t with 3 degrees", "random walk")
MINUTE_MS = 60_000
BLOCK = 250
"""Samples of each series in one message."""
START_MS = 1_700_006_400_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """False episodes of one kind of noise: mean and largest number a series, and share of series without any."""

    kind: str
    series: int
    samples: int
    mean: float
    largest: int
    silent: float


def noise_blocks(kind: str, samples: int, series: int, seed: int) -> Iterator[Matrix]:
    """Values (BLOCK, series) of independent series, block after block."""
    rng = np.random.default_rng(seed)
    last = np.zeros(series)
    for start in range(0, samples, BLOCK):
        n = min(BLOCK, samples - start)
        e: Matrix = rng.standard_t(3, (n, series)) if kind.startswith("Student") else rng.normal(size=(n, series))
        if kind == "random walk":
            e = last + np.cumsum(e, 0)
        elif kind.startswith("AR"):
            for i in range(n):
                last = e[i] = 0.9 * last + e[i]
        last = e[-1]
        yield e


def false_episodes(kind: str, series: int = 1000, samples: int = 30_000, seed: int = 0) -> Noise:
    """Episodes that the production bank opens on noise, change points not counted."""
    opened = np.zeros(series, np.int64)
    for events in _fed(noise_blocks(kind, samples, series, seed), MINUTE_MS):
        rows = events["row"][(events["what"] == OPENED) & (events["kind"] == ANOMALY)]
        np.add.at(opened, rows, 1)
    return Noise(kind, series, samples, float(opened.mean()), int(opened.max()), float((opened == 0).mean()))


def steps_found(series: int = 400, height: float = 3.0, within: int = 30, seed: int = 0) -> tuple[float, float]:
    """Share of steps of ``height`` σ found within so many samples, and false change points in 100,000 samples of noise."""
    at, rng = 1000, np.random.default_rng(seed)
    values = rng.normal(size=(2 * at, series))
    values[at:] += height * rng.choice([-1.0, 1.0], series)
    events = np.concatenate(list(_fed(iter(np.split(values, 2 * at // BLOCK)), MINUTE_MS)))
    first, last = at * MINUTE_MS, (at + within) * MINUTE_MS
    steps = events[events["kind"] == STEP]
    found = np.unique(steps["row"][(steps["ts"] - START_MS > first) & (steps["ts"] - START_MS <= last)])
    quiet = np.concatenate(list(_fed(noise_blocks("white", 10_000, 100, seed + 1), MINUTE_MS)))
    false = int(((quiet["what"] == CLOSED) & np.isin(quiet["kind"], (STEP, VARIANCE))).sum())
    return len(found) / series, false / 10.0


def seasons_right(series: int = 60, seed: int = 0) -> float:
    """Share of series whose period is named right: hourly, daily and weekly shapes of one to three harmonics with a tenth of noise."""
    rng, right = np.random.default_rng(seed), 0
    for period, step, days in ((HOUR_MS, MINUTE_MS, 4), (DAY_MS, 5 * MINUTE_MS, 12), (7 * DAY_MS, 15 * MINUTE_MS, 28)):
        t = START_MS + np.arange(1, days * DAY_MS // step + 1) * step
        phase, power = rng.uniform(0, 2 * np.pi, (3, series)), rng.uniform(0.3, 1.0, (3, series)) * [[1.0], [0.5], [0.25]]
        angle = 2 * np.pi * t[:, None] / period
        values = sum(power[k] * np.sin((k + 1) * angle + phase[k]) for k in range(3)) + 0.1 * rng.normal(size=(len(t), series))
        bank = Bank()
        for _ in _fed(iter(np.array_split(np.asarray(values), len(t) // BLOCK)), step, bank):
            pass
        for row in range(series):
            named, strength, _ = season_of(bank.states[row], bank.habits[row])
            right += int(strength > 0.3 and named == period / 1000)
    return right / (3 * series)


def _fed(blocks: Iterator[Matrix], step_ms: int, bank: Bank | None = None) -> Iterator[NDArray[np.void]]:
    """Feed (n, series) values block by block; the turns of each block."""
    bank, done = Bank() if bank is None else bank, 0
    for values in blocks:
        n, series = values.shape
        ids = np.tile(np.arange(1, series + 1, dtype=np.uint64), n)
        ts = np.repeat(START_MS + (done + np.arange(1, n + 1)) * step_ms, series)
        done += n
        yield bank.score(ids, ts, values.ravel(), np.zeros(values.size, np.uint8)).events
