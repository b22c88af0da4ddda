"""Typed door to numba: kernels are compiled once and cached beside their source, on one thread, with IEEE arithmetic.

Fast-math stays off, because a restored state must continue bit for bit on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """The compiled form of ``function``: same name, same signature, no Python objects inside.

    >>> @kernel
    ... def twice(x: float) -> float:
    ...     return 2 * x
    >>> twice(2.0)
    4.0
    """
    compiled = numba.njit(cache=True, fastmath=False, nogil=True, error_model="numpy")(function)
    return cast("Callable[P, R]", compiled)
