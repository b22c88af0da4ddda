"""Random numbers that are a function of their place: seed, path and position. No state: the same question has the same answer.

Asked again an hour later, path 17 meets the same fate as before in the hours that are still to come: probabilities move when the
data move, not because dice were thrown again (common random numbers).
"""

from __future__ import annotations

import math

import numpy as np

from kizashi.online.compile import kernel


@kernel
def uniform(seed: int, path: int, place: int) -> float:
    """A number in (0, 1): SplitMix64 (Steele, Lea & Flood 2014) of the three integers."""
    z = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(path) * np.uint64(0xD1B54A32D192ED03) + np.uint64(place) * np.uint64(0x8CB92BA72F3D8DD7)
    for _ in range(2):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (float(z >> np.uint64(11)) + 0.5) / 9007199254740992.0


@kernel
def normal(seed: int, path: int, place: int) -> float:
    """A standard normal number (Box & Muller 1958)."""
    u, v = uniform(seed, path, 2 * place), uniform(seed, path, 2 * place + 1)
    return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)


@kernel
def gamma(seed: int, path: int, place: int, shape: float) -> float:
    """A gamma number of unit rate (Marsaglia & Tsang 2000)."""
    boost = 1.0
    if shape < 1.0:
        boost = uniform(seed, path, 1000 * place + 999) ** (1.0 / shape)
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for i in range(100):
        x = normal(seed, path, 1000 * place + 3 * i)
        v = (1.0 + c * x) ** 3
        if v > 0.0 and math.log(uniform(seed, path, 1000 * place + 900 + i)) < 0.5 * x * x + d - d * v + d * math.log(v):
            return boost * d * v
    return boost * d
