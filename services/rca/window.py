"""Indicators before and during what is asked about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


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
