"""Correlation over common minutes, as numpy has it, and silence where there is nothing to say."""

from __future__ import annotations

import numpy as np
import pytest

from services.gateway.together import correlation

IDS = [3, 5, 8, 9]


def test_pairs_use_the_minutes_that_both_have() -> None:
    rng = np.random.default_rng(1)
    minutes = np.arange(0, 6_000, 60)
    a = rng.standard_normal(100)
    b = 2 * a + 0.1 * rng.standard_normal(100)
    series = np.repeat(np.array(IDS, np.uint64), [100, 60, 100, 5])
    bucket = np.concatenate([minutes, minutes[40:], minutes, minutes[:5]])
    mean = np.concatenate([a, b[40:], np.full(100, 7.0), a[:5]])
    matrix = correlation(IDS, series, bucket, mean)
    assert matrix[0][0] == 1.0 and matrix[0][1] == matrix[1][0] == pytest.approx(np.corrcoef(a[40:], b[40:])[0, 1], abs=1e-4)
    assert matrix[0][2] is None and matrix[2][2] is None, "a constant moves with nothing"
    assert matrix[0][3] is None, "five minutes are too few"


def test_nothing_found_gives_an_empty_matrix() -> None:
    none = np.empty(0)
    assert correlation([1, 2], none, none, none) == [[None, None], [None, None]]
