"""How far each indicator moved: robust statistics of a window against the time before it.

Median and inter-quartile range of the normal time, never mean and σ: when the alarm is late, the first minutes of the fault sit in the
"normal" part, and a tenth of bad values moves the mean and σ as far as it likes but the median hardly at all (Huber 1981).

    z(t) = |x(t) - median| / max(IQR/1.349, floor)      1.349: the IQR of a unit normal
    floor = 1 % of |median|, or a thousandth of the indicator's whole range when that is more: a constant is not infinitely precise

Cost: two partial sorts a column, about 20 µs for 600 rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

IQR_OF_NORMAL = 1.349
RELATIVE_FLOOR = 0.01


@dataclass(frozen=True)
class Window:
    """Indicators before and during. ``normal`` (rows, n) and ``abnormal`` (rows, n) hold NaN where nothing is known.

    ``entities[i]``, ``names[i]`` and ``ids[i]`` say whose and what column i is; ``step_s`` is the time between rows.
    """

    entities: tuple[str, ...]
    names: tuple[str, ...]
    ids: tuple[str, ...]
    normal: F64
    abnormal: F64
    step_s: float


@dataclass(frozen=True)
class Shift:
    """Per indicator (n,): median before, mean during, robust z of the whole window and of its first minute; 0 where unknown."""

    before: F64
    during: F64
    z: F64
    first: F64
    direction: F64


def shifts(w: Window) -> Shift:
    """Robust shift of every indicator of a window; indicators with fewer than 3 known values before or none during get 0."""
    n = w.normal.shape[1]
    before, during, z, first, sign = (np.zeros(n) for _ in range(5))
    head = max(1, int(60 // w.step_s))
    for i in range(n):
        a, b = w.normal[:, i], w.abnormal[:, i]
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
        if len(a) < 3 or not len(b):
            continue
        low, mid, high = np.percentile(a, (25, 50, 75))
        span = max(a.max(), b.max()) - min(a.min(), b.min())
        scale = max((high - low) / IQR_OF_NORMAL, RELATIVE_FLOOR * abs(mid), 1e-3 * span)
        before[i], during[i] = mid, b.mean()
        if scale > 0:
            d = (b - mid) / scale
            z[i], first[i], sign[i] = np.abs(d).mean(), np.abs(d[:head]).mean(), np.sign(d.sum())
    return Shift(before, during, z, first, sign)
