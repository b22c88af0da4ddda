from __future__ import annotations

import numpy as np
import pytest

from kizashi.online.medians import column_medians


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_medians_leave_unknown_bins_out(dtype: type[np.floating]) -> None:
    rng = np.random.default_rng(5)
    levels = np.where(rng.random((9, 48)) < 0.4, np.nan, rng.normal(size=(9, 48))).astype(dtype)
    levels[0] = 1.0
    assert column_medians(levels).tolist() == np.nanmedian(levels, axis=0).tolist()


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_a_column_without_any_value_has_no_median(rows: int) -> None:
    x = np.full((rows, 3), np.nan)
    x[:, 1:2] = 4.0
    found = column_medians(x)
    assert np.isnan(found[[0, 2]]).all()
    assert np.isnan(found[1]) if rows == 0 else found[1] == 4.0
