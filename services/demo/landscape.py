"""Twelve simulated services with seasons, noise, faults that spread to their callers, and one slow leak.

Every value is a function of (seed, time), not of what was asked before: any stretch can be made again, in any order
and at any step, and a test sees what the screen saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.demo.faults import Fault, intensity

F64 = NDArray[np.float64]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class Service:
    """One simulated service at its mean load: requests a second, 95th percentile latency, CPU and memory shares."""

    name: str
    requests: float
    latency_ms: float
    cpu: float
    memory: float
    peak_hour: float = 14.0
    """UTC hour of the daily maximum."""
    weekend: float = 0.65
    """Load on Saturday and Sunday against a working day."""


SERVICES: tuple[Service, ...] = (
    Service("web", 420.0, 85.0, 0.38, 0.46),
    Service("checkout", 64.0, 140.0, 0.31, 0.41),
    Service("cart", 120.0, 38.0, 0.27, 0.37),
    Service("catalog", 310.0, 32.0, 0.35, 0.52),
    Service("search", 150.0, 74.0, 0.46, 0.58),
    Service("recommend", 210.0, 55.0, 0.41, 0.34),
    Service("payments", 58.0, 190.0, 0.24, 0.39),
    Service("inventory", 95.0, 27.0, 0.22, 0.36),
    Service("shipping", 31.0, 66.0, 0.18, 0.33, peak_hour=10.0, weekend=0.35),
    Service("accounts", 88.0, 41.0, 0.2, 0.4),
    Service("orders-db", 380.0, 9.0, 0.43, 0.62),
    Service("notify", 45.0, 120.0, 0.15, 0.29, peak_hour=17.0),
)
EDGES: tuple[tuple[str, str], ...] = (
    ("web", "catalog"), ("web", "search"), ("web", "cart"), ("web", "checkout"), ("web", "accounts"), ("web", "recommend"),
    ("checkout", "payments"), ("checkout", "inventory"), ("checkout", "shipping"), ("checkout", "notify"), ("checkout", "cart"),
    ("catalog", "inventory"), ("search", "catalog"), ("recommend", "catalog"), ("cart", "orders-db"), ("payments", "orders-db"),
    ("inventory", "orders-db"), ("accounts", "orders-db"), ("shipping", "notify"),
)  # fmt: skip
"""(caller, callee)."""
METRICS: tuple[tuple[str, str], ...] = (
    ("requests_per_s", "1/s"), ("latency_p95_ms", "ms"), ("error_ratio", "1"), ("cpu_ratio", "1"), ("memory_ratio", "1"),
)  # fmt: skip
"""(metric, unit), in the order of the columns."""
NOISE = np.array([0.04, 0.06, 0.25, 0.05, 0.012])
"""Relative standard deviation of each metric from one value to the next."""
BASE_ERRORS = 0.004
LEAKING = "recommend"
LEAK_MS = 26 * HOUR_MS
"""From a restart until memory is used up."""
LEAK_AGE_MS = 20 * HOUR_MS
"""How old the leak is when the landscape goes live: there is something to forecast from the first minute."""
LEAK_SHARE = 0.55


def callers(name: str) -> dict[str, int]:
    """Everyone upstream of a service and how many calls away.

    >>> callers("payments")
    {'checkout': 1, 'web': 2}
    """
    found: dict[str, int] = {}
    layer, hops = [name], 0
    while layer:
        hops += 1
        layer = [a for a, b in EDGES if b in layer and a not in found and a != name]
        found |= dict.fromkeys(layer, hops)
    return found


@dataclass(frozen=True)
class Landscape:
    """The landscape with its faults. ``live_ms`` is when it went live for the first time; before lies its history."""

    live_ms: int
    faults: Sequence[Fault] = ()
    seed: int = 7

    def values(self, ts_ms: int) -> F64:
        """(services, metrics) at one moment; rows as SERVICES, columns as METRICS."""
        load = np.array([_load(s, ts_ms) for s in SERVICES])
        rng = np.random.Generator(np.random.Philox(key=[self.seed, ts_ms]))
        noise = 1.0 + NOISE * rng.standard_normal((len(SERVICES), len(METRICS)))
        base = np.array([[s.requests, s.latency_ms, BASE_ERRORS, s.cpu, s.memory] for s in SERVICES])
        shape = np.stack([load, 0.85 + 0.15 * load, np.ones_like(load), 0.35 + 0.65 * load, 0.95 + 0.05 * load], axis=1)
        out: F64 = base * shape * noise
        out[_INDEX[LEAKING], 4] += self._leak(ts_ms)
        for fault in self.faults:
            self._strike(out, fault, ts_ms)
        out[:, 2:] = np.clip(out[:, 2:], 0.0, 0.995)
        np.maximum(out, 0.0, out=out)
        return out

    def _leak(self, ts_ms: int) -> float:
        age = ts_ms - self.live_ms + LEAK_AGE_MS
        return LEAK_SHARE * (age % LEAK_MS) / LEAK_MS if age > 0 else 0.0

    def _strike(self, out: F64, fault: Fault, ts_ms: int) -> None:
        if not fault.touches(ts_ms):
            return
        _apply(out[_INDEX[fault.root]], intensity(fault, ts_ms, hops=0), fault.cpu)
        for name, hops in callers(fault.root).items():
            _apply(out[_INDEX[name]], intensity(fault, ts_ms, hops), 0.1 * fault.cpu)


_INDEX = {s.name: k for k, s in enumerate(SERVICES)}


def _apply(row: F64, strength: float, cpu: float) -> None:
    """A struck service answers slower, fails more, works harder and, when it is bad, takes fewer requests."""
    row[0] *= 1.0 - 0.35 * strength
    row[1] *= 1.0 + 3.2 * strength
    row[2] += 0.16 * strength
    row[3] += cpu * strength


def _load(service: Service, ts_ms: int) -> float:
    """Daily and weekly season around 1; 1970-01-01 was a Thursday."""
    hour = ts_ms % DAY_MS / HOUR_MS
    day = (ts_ms // DAY_MS + 3) % 7
    angle = 2.0 * np.pi * (hour - service.peak_hour) / 24.0
    daily = 1.0 + 0.42 * np.cos(angle) + 0.1 * np.cos(2.0 * angle)
    return float(daily * _weekend(service, day, hour))


def _weekend(service: Service, day: int, hour: float) -> float:
    """Weekend factor, blended over the three hours around midnight so that no step appears."""
    here, after, before = ((service.weekend if d % 7 >= 5 else 1.0) for d in (day, day + 1, day - 1))
    if hour > 22.5:
        return here + (after - here) * (hour - 22.5) / 3.0
    if hour < 1.5:
        return here + (before - here) * (1.5 - hour) / 3.0
    return here
