"""What traffic explains: more requests mean more processor, more bytes and longer queues, and that is no fault.

Each indicator of an entity that counts its requests is regressed on that count over the older part of the time before:

    x(t) = a + b·requests(t) + e(t),    b = cov / var (least squares), kept where r² says that requests matter

The remainder e is then looked at beside x, and the smaller of the two shifts counts: traffic acquits, it never accuses. Extrapolating b
to traffic that was never seen is unsure; the indicator itself still has to have moved.
Cost: three products over the values of entities that count requests, 6 ns a value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.rca.kinds import request_count
from services.rca.window import F64, Window

OLDER = 0.8
"""Share of the time before that what is normal is learned from: the rest may hold the beginning of what is asked about."""
MATTERS = 0.1
"""Least r²: of a hundred rows without any relation, one in a thousand has more."""
FEWEST = 20
BLOCK = 64
"""Indicators taken at once: 480 values of each and of its requests stay near the core."""


@dataclass(frozen=True)
class Remainder:
    """Columns (indices into the window) that traffic explains in part, and what it leaves of them: (rows, columns) before and during."""

    columns: NDArray[np.int64]
    normal: F64
    abnormal: F64


def without_traffic(w: Window) -> Remainder:
    """What requests do not explain of each indicator that depends on them."""
    requests: dict[str, int] = {}
    for i, entity in enumerate(w.entities):
        if entity not in requests and request_count(w.names[i], entity):
            requests[entity] = i
    pairs = [(i, requests[e]) for i, e in enumerate(w.entities) if requests.get(e, i) != i]
    rows = int(OLDER * len(w.normal))
    if not pairs or rows < FEWEST:
        return Remainder(np.empty(0, np.int64), w.normal[:, :0], w.abnormal[:, :0])
    x, load = (np.array(side) for side in zip(*pairs, strict=True))
    parts = [_fit_of(w.normal[:rows], x[i : i + BLOCK], load[i : i + BLOCK]) for i in range(0, len(x), BLOCK)]
    slope, r2, middle = (np.concatenate(part) for part in zip(*parts, strict=True))
    some = r2 >= MATTERS
    x, load, slope, middle = x[some], load[some], slope[some], middle[some]
    return Remainder(x, *(side[:, x] - slope * (side[:, load] - middle) for side in (w.normal, w.abnormal)))


def _fit_of(normal: F64, x: NDArray[np.int64], load: NDArray[np.int64]) -> tuple[F64, F64, F64]:
    """``_fit`` of columns x on columns load; an indicator a row, so that sums run along memory."""
    return _fit(normal.T[x], normal.T[load])


def _fit(x: F64, load: F64) -> tuple[F64, F64, F64]:
    """Slope, r² and mean load of each row over the values that are known in both; 0 where they are too few or never change."""
    n: NDArray[np.int64] | int = x.shape[1]
    if np.isnan(x.sum(axis=1) + load.sum(axis=1)).any():
        known = ~(np.isnan(x) | np.isnan(load))
        n = np.maximum(known.sum(axis=1), 1)
        x_mean, middle = (np.where(known, side, 0.0).sum(axis=1) / n for side in (x, load))
        x, load = np.where(known, x - x_mean[:, None], 0.0), np.where(known, load - middle[:, None], 0.0)
    else:
        middle = load.mean(axis=1)
        x, load = x - x.mean(axis=1)[:, None], load - middle[:, None]
    both, of_load, of_x = (np.einsum("ij,ij->i", one, other) for one, other in ((x, load), (load, load), (x, x)))
    usable = (n >= FEWEST) & (of_load > 0) & (of_x > 0)
    safe_load, safe_x = np.where(usable, of_load, 1.0), np.where(usable, of_x, 1.0)
    slope: F64 = np.where(usable, both / safe_load, 0.0)
    return slope, np.where(usable, both**2 / (safe_load * safe_x), 0.0), middle
