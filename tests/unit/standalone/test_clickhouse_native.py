"""Native blocks with what newer clients want in them: nothing but the block info and one byte a column is added."""

from __future__ import annotations

import pytest

from kizashi.errors import Refused
from kizashi.standalone.clickhouse_native import BLOCK_INFO, parse, reframe


def text(*values: str) -> bytes:
    return b"".join(bytes([len(v)]) + v.encode() for v in values)


def block(rows: int, *columns: tuple[str, bytes]) -> tuple[bytes, bytes]:
    """The block as the engine writes it, and as it is wanted."""
    head = bytes([len(columns), rows])
    plain = head + b"".join(text("c", kind) + data for kind, data in columns)
    wanted = BLOCK_INFO + head + b"".join(text("c", kind) + b"\x00" + data for kind, data in columns)
    return plain, wanted


def u64(*values: int) -> bytes:
    return b"".join(v.to_bytes(8, "little") for v in values)


LOW = u64(1) + u64((1 << 9) | (1 << 10), 2) + text("", "x") + u64(2) + b"\x01\x00"
COLUMNS = [
    ("UInt8", b"\x01\x02"),
    ("DateTime64(3, 'UTC')", u64(1, 2)),
    ("String", text("", "héllo"[:1])),
    ("Nullable(Float64)", b"\x00\x01" + u64(1, 0)),
    ("Array(String)", u64(2, 3) + text("a", "b", "c")),
    ("Array(Array(UInt8))", u64(1, 2) + u64(1, 3) + b"\x01\x02\x03"),
    ("Map(String, UInt8)", u64(1, 2) + text("k", "l") + b"\x07\x08"),
    ("Tuple(a UInt8, b String)", b"\x01\x02" + text("x", "y")),
    ("LowCardinality(String)", LOW),
    ("LowCardinality(Nullable(String))", LOW),
    ("Map(LowCardinality(String), String)", u64(1) + u64(1, 2) + LOW[8:] + text("v", "w")),
    ("FixedString(3)", b"abcdef"),
    ("Decimal(18, 4)", u64(1, 2)),
    ("Enum8('a,(' = 1, 'b' = 2)", b"\x01\x02"),
    ("SimpleAggregateFunction(max, UInt8)", b"\x01\x02"),
    ("Array(LowCardinality(String))", u64(1) + u64(0, 0)),
    ("UUID", u64(1, 2, 3, 4)),
    ("IntervalSecond", u64(1, 2)),
]


@pytest.mark.parametrize(("kind", "data"), COLUMNS)
def test_every_type_ends_where_the_next_begins(kind: str, data: bytes) -> None:
    plain, wanted = block(2, (kind, data), ("UInt8", b"\xaa\xbb"))
    assert reframe(plain) == wanted
    assert reframe(plain + plain) == wanted + wanted


def test_a_block_without_rows_and_no_block_at_all() -> None:
    plain, wanted = block(0, ("LowCardinality(String)", b""), ("Array(UInt8)", b""))
    assert reframe(plain) == wanted and reframe(b"") == b""


def test_a_type_without_a_known_end_is_refused() -> None:
    for kind in ("JSON", "Variant(UInt8, String)", "AggregateFunction(uniq, UInt8)", "Dynamic"):
        with pytest.raises(Refused, match="cast them to String"):
            reframe(block(1, (kind, b"\x00"))[0])


def test_types_are_read_with_their_arguments() -> None:
    assert parse("Tuple(`a b` UInt8, c Array(Tuple(x UInt8, y String)))") == ("Tuple", ("UInt8", "Array(Tuple(x UInt8, y String))"))
    assert parse("Enum8('a)' = 1, 'it\\'s' = 2)")[0] == "Enum8"
