"""Which table answers a range, and the Native answers that it comes in."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.errors import InvalidMessage
from services.gateway.native import read_native
from services.gateway.tiers import DAY_MS, HOUR_MS, MINUTE_MS, Edges, Tier, choose, edges
from services.gateway.times import Span

NOW = 1_000 * DAY_MS


@pytest.mark.parametrize(
    ("ago_ms", "length_ms", "step", "expected"),
    [
        (HOUR_MS, HOUR_MS, 10_000, (Tier.ROWS, 10_000)),
        (DAY_MS, DAY_MS, 300_000, (Tier.MINUTES, 300_000)),
        (20 * DAY_MS, HOUR_MS, 10_000, (Tier.MINUTES, MINUTE_MS)),
        (40 * DAY_MS, 40 * DAY_MS, 300_000, (Tier.HOURS, HOUR_MS)),
        (100 * DAY_MS, HOUR_MS, 1_000, (Tier.HOURS, HOUR_MS)),
        (700 * DAY_MS, 700 * DAY_MS, DAY_MS, (Tier.HOURS, DAY_MS)),
    ],
)
def test_the_tier_follows_age_and_width(ago_ms: int, length_ms: int, step: int, expected: tuple[Tier, int]) -> None:
    assert choose(Span(NOW - ago_ms, NOW - ago_ms + length_ms), step, NOW) == expected


def test_edges_lie_before_what_may_still_come() -> None:
    assert edges({}) == Edges(0, 0)
    found = edges({"samples_1m": 7_325, "samples_1h": 7_325})
    assert found == Edges(7_200_000, 3_600_000)
    assert edges({"samples_1m": 0, "samples_1h": 9_999_999}).hours_end == 0


def native(names: list[tuple[str, str]], *columns: np.ndarray) -> bytes:
    head = bytes([len(columns), len(columns[0])])
    return head + b"".join(
        bytes([len(n)]) + n.encode() + bytes([len(k)]) + k.encode() + c.tobytes() for (n, k), c in zip(names, columns, strict=True)
    )


def test_native_blocks_are_joined() -> None:
    names = [("id", "UInt64"), ("v", "Float64"), ("f", "UInt8")]
    one = native(names, np.array([1, 2**64 - 1], np.uint64), np.array([0.5, np.nan]), np.array([1, 2], np.uint8))
    two = native(names, np.array([3], np.uint64), np.array([1.5]), np.array([3], np.uint8))
    found = read_native(one + two)
    assert found["id"].tolist() == [1, 2**64 - 1, 3] and found["f"].tolist() == [1, 2, 3]
    assert np.array_equal(found["v"].astype(np.float64), [0.5, np.nan, 1.5], equal_nan=True)
    assert read_native(b"") == {}
    for end in range(1, len(one)):
        with pytest.raises(InvalidMessage):
            read_native(one[:end])
    with pytest.raises(InvalidMessage, match="String"):
        read_native(native([("s", "String")], np.array([1], np.uint8)))
