"""Units told apart by size; text in the forms that people write."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.times import BAD_TIME, LATEST_MS, datetime_ms, from_ms, text_ms, to_ms


@given(st.integers(min_value=200_000_000_000, max_value=LATEST_MS))
def test_every_unit_of_the_same_moment_gives_the_same_milliseconds(ms: int) -> None:
    stamps = np.array([ms // 1_000, ms, ms * 1_000, ms * 1_000_000], np.float64)
    s, *rest = to_ms(stamps).tolist()
    assert s == ms // 1_000 * 1_000
    assert rest == [ms, ms, ms]


@pytest.mark.parametrize("stamp", [-1.0, float("nan"), float("inf"), -float("inf"), 1e22, float(LATEST_MS + 1)])
def test_no_time(stamp: float) -> None:
    assert to_ms(np.array([stamp])).tolist() == [BAD_TIME]


def test_fractions_of_a_second_are_kept() -> None:
    assert to_ms(np.array([1_700_000_000.123])).tolist() == [1_700_000_000_123]


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00+00:00",
        "2024-01-01T09:00:00+09:00",
        "2024-01-01 00:00:00",
        "2024-01-01",
        " 1704067200 ",
        "1704067200000",
        "1704067200000000000",
        "2024-01-01T00:00:00.000Z",
    ],
)
def test_forms_of_one_moment(text: str) -> None:
    assert text_ms(text) == 1_704_067_200_000


@pytest.mark.parametrize("text", ["", "now", "2024-13-01", "nan", "-5", "1e30", "2024-01-01T25:00:00"])
def test_text_that_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        text_ms(text)


def test_dates_round_trip() -> None:
    when = datetime(2024, 5, 6, 7, 8, 9, 123_000, UTC)
    assert from_ms(datetime_ms(when)) == when
    assert datetime_ms(when.replace(tzinfo=None)) == datetime_ms(when)
