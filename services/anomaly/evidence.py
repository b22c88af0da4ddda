"""The gate between an odd sample and an episode: is it more than noise?

A record is not an incident: white noise breaks its own record now and then, heavy-tailed noise breaks it by far. Under pure noise of any
colour the surprises - errors of the best forecast - are nearly independent, so two things tell an incident from noise:
a single surprise far beyond every earlier one, or several clipped surprises that agree in sign (an exponentially weighted sum of clipped
innovations, after Roberts 1959, with the clipping of Huber 1964 so that one spike counts once).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kizashi.online.compile import kernel
from services.anomaly.adopt import AGE
from services.anomaly.state import SCALES

CLIP = 4.0
"""Root mean squares at which a surprise is clipped in the sums."""
GAINS = np.array([0.4, 0.12, 0.03])
"""Windows of about 4, 16 and 64 samples."""
ENOUGH = 6.0
"""Standard deviations of a sum that noise does not reach in a million samples."""
SUM_MEMORY = 5000.0
SUM_CLIP = 16.0
"""A sum is measured against its own long-run root mean square, at least one: surprises of coloured noise are not quite independent."""
SINGLE_LOW, SINGLE_HIGH = 8.0, 40.0
"""Limits, in root mean squares, of what one surprise alone must reach: the first for series that never spike."""
SINGLE_FACTOR = 2.0
"""Between them: twice the largest surprise seen lately."""
YOUNG = 2000.0
"""Samples over which the lower limit comes down from the upper one: whether a series spikes is not known at once."""
SPIKE_MEMORY = 0.5 ** (1.0 / 10_000.0)

assert len(GAINS) == SCALES


@kernel
def evidence_of(s: Any, surprise: float) -> float:
    """Evidence against noise at this sample: 1.0 is enough; learns the sample. Uses the squares as they were before it."""
    if s.weight <= 0.0 or s.square_surprise <= 0.0:
        return 0.0
    c = surprise / np.sqrt(s.square_surprise / s.weight)
    floor = SINGLE_HIGH - (SINGLE_HIGH - SINGLE_LOW) * min((s.learned + (AGE if s.borrowed else 0.0)) / YOUNG, 1.0)
    single = min(max(SINGLE_FACTOR * s.spike, floor), SINGLE_HIGH)
    most = abs(c) / single
    s.spike = max(s.spike * SPIKE_MEMORY, min(abs(c), SINGLE_HIGH))
    n = min(s.learned + 1.0, SUM_MEMORY)
    clipped = min(max(c, -CLIP), CLIP)
    for k in range(SCALES):
        g = GAINS[k]
        s.sums[k] = (1.0 - g) * s.sums[k] + clipped
        t = s.sums[k] * np.sqrt(g * (2.0 - g))
        usual = max(np.sqrt(s.sums_square[k]), 1.0)
        most = max(most, abs(t) / (usual * ENOUGH))
        s.sums_square[k] += (min(t * t, SUM_CLIP * usual * usual) - s.sums_square[k]) / n
    return float(most)
