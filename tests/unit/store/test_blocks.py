"""Native blocks: sizes are checked, the header is as ClickHouse wants it. What the bytes mean is proven in the store suite."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.store.blocks import FIXED, Block, leb128


@given(st.integers(0, 2**63))
def test_leb128_reads_back(n: int) -> None:
    value = sum((byte & 127) << (7 * k) for k, byte in enumerate(leb128(n)))
    assert value == n


def test_header_and_order_of_columns() -> None:
    block = Block(2).fixed("a", "UInt8", np.array([1, 2])).text("b", ["x", "yz"])
    assert block.encode() == b"\x02\x02\x01a\x05UInt8\x01\x02\x01b\x06String\x01x\x02yz"
    assert block.names == ["a", "b"]


@pytest.mark.parametrize("kind", FIXED)
def test_fixed_columns_have_their_width(kind: str) -> None:
    empty, three = Block(0).constant("c", kind, 0).encode(), Block(3).constant("c", kind, 0).encode()
    assert len(three) - len(empty) == 3 * np.dtype(FIXED[kind]).itemsize


def test_columns_of_another_length_are_refused() -> None:
    wrong: tuple[Callable[[Block], Block], ...] = (
        lambda b: b.fixed("a", "UInt8", np.array([1])),
        lambda b: b.text("a", ["x"]),
        lambda b: b.documents("a", [b"x"]),
        lambda b: b.nullable("a", "UInt8", [1]),
        lambda b: b.arrays("a", "UInt8", [[1]]),
        lambda b: b.text_arrays("a", [["x"]]),
        lambda b: b.maps("a", [{}]),
    )
    for add in wrong:
        with pytest.raises(ValueError, match="block 2 rows"):
            add(Block(2))
