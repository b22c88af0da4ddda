"""Robust random cut forest (Guha et al. 2016) by the package rrcf, on values from standard input: one JSON line with its cost.

Forty trees of 256 points, as its documentation's streaming example has it.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc

import numpy as np
import rrcf

TREES, SIZE, WARM = 40, 256, 300


def main() -> None:
    """Score, then learn, each value; the first fill the trees and are not timed."""
    values = [float(line) for line in sys.stdin]
    np.random.seed(1)
    tracemalloc.start()
    forest = [rrcf.RCTree() for _ in range(TREES)]
    for k, x in enumerate(values[:WARM]):
        step(forest, k, x)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    began = time.process_time()
    for k, x in enumerate(values[WARM:], WARM):
        step(forest, k, x)
    spent = time.process_time() - began
    found = {"us_per_sample": 1e6 * spent / (len(values) - WARM), "bytes_per_series": size}
    sys.stdout.write(json.dumps(found) + "\n")


def step(forest: list[rrcf.RCTree], k: int, x: float) -> float:
    """Insert the newest point, forget the oldest, mean collusive displacement."""
    total = 0.0
    for tree in forest:
        if len(tree.leaves) >= SIZE:
            tree.forget_point(k - SIZE)
        tree.insert_point(np.array([x]), index=k)
        total += tree.codisp(k)
    return total / len(forest)


if __name__ == "__main__":
    main()
