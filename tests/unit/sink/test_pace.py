"""When a flush is written: small ones soon, large ones larger."""

from __future__ import annotations

import pytest

from services.sink.settings import Pace


@pytest.mark.parametrize(
    ("size", "age_s", "due"),
    [
        (100, 0.1, False),
        (100, 0.3, True),
        (5 << 20, 0.3, False),
        (5 << 20, 1.0, True),
        (23 << 20, 0.9, False),
        (24 << 20, 0.0, True),
    ],
)
def test_a_flush_is_due_when_old_or_full_and_a_busy_one_waits_longer(size: int, age_s: float, due: bool) -> None:
    assert Pace().due(size, age_s) is due


def test_a_stop_makes_everything_due() -> None:
    assert Pace().due(5 << 20, 1e9)
