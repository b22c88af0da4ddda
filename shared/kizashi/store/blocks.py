"""Columns as bytes of ClickHouse's Native format, so that a flush of numpy arrays is written with one copy and no Python per row.

Format: number of columns, number of rows, then for each column its name, type and values, little-endian, lengths as LEB128.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

FIXED = {
    "UInt8": "u1", "UInt16": "<u2", "UInt32": "<u4", "UInt64": "<u8", "Int32": "<i4", "Int64": "<i8", "Float32": "<f4", "Float64": "<f8",
    "Date": "<u2", "DateTime('UTC')": "<u4", "DateTime64(3, 'UTC')": "<i8",
}  # fmt: skip
"""Types of one fixed width: numpy's name of the same bytes. DateTime64(3) is milliseconds since the epoch, Date is days."""
_LOW_CARDINALITY_FLAGS = (1 << 9) | (1 << 10)  # own dictionary in the block; indexes of one byte


@dataclass
class Block:
    """Columns of one insert, all of ``rows`` rows; add them in any order, names decide where they go."""

    rows: int
    names: list[str] = field(default_factory=list)
    _parts: list[bytes] = field(default_factory=list)

    def fixed(self, name: str, kind: str, values: NDArray[np.generic]) -> Block:
        """A column of a type in ``FIXED``; values (rows,) are cast when they have another dtype."""
        if len(values) != self.rows:
            raise ValueError(f"column {name} has {len(values)} values, the block {self.rows} rows")
        return self._add(name, kind, np.ascontiguousarray(values, FIXED[kind]).tobytes())

    def constant(self, name: str, kind: str, value: int | float) -> Block:
        """The same number in every row."""
        return self.fixed(name, kind, np.full(self.rows, value, FIXED[kind]))

    def repeated(self, name: str, text: str) -> Block:
        """The same text in every row, as LowCardinality(String): one byte a row."""
        head = np.array([1, _LOW_CARDINALITY_FLAGS, 2], "<u8").tobytes() + _strings(("", text)) + np.array([self.rows], "<u8").tobytes()
        return self._add(name, "LowCardinality(String)", head + b"\x01" * self.rows)

    def text(self, name: str, values: Sequence[str]) -> Block:
        """A String column; it fits LowCardinality(String) too."""
        self._check(name, values)
        return self._add(name, "String", _strings(values))

    def documents(self, name: str, values: Sequence[bytes]) -> Block:
        """A String column from bytes, such as JSON documents."""
        self._check(name, values)
        return self._add(name, "String", b"".join(leb128(len(v)) + v for v in values))

    def nullable(self, name: str, kind: str, values: Sequence[float | int | None]) -> Block:
        """A Nullable column of a fixed type; None is NULL."""
        self._check(name, values)
        nulls = bytes(v is None for v in values)
        filled = np.array([0 if v is None else v for v in values], FIXED[kind])
        return self._add(name, f"Nullable({kind})", nulls + filled.tobytes())

    def arrays(self, name: str, kind: str, values: Sequence[Sequence[float]]) -> Block:
        """An Array column of a fixed type."""
        self._check(name, values)
        flat = np.array([x for v in values for x in v], FIXED[kind])
        return self._add(name, f"Array({kind})", _offsets(map(len, values)) + flat.tobytes())

    def text_arrays(self, name: str, values: Sequence[Sequence[str]]) -> Block:
        """An Array(String) column."""
        self._check(name, values)
        return self._add(name, "Array(String)", _offsets(map(len, values)) + _strings([x for v in values for x in v]))

    def maps(self, name: str, values: Sequence[Mapping[str, str]]) -> Block:
        """A Map(String, String) column, keys sorted."""
        self._check(name, values)
        pairs = [pair for v in values for pair in sorted(v.items())]
        data = _offsets(map(len, values)) + _strings([k for k, _ in pairs]) + _strings([v for _, v in pairs])
        return self._add(name, "Map(String, String)", data)

    def encode(self, statement: bytes = b"") -> bytes:
        """The block as bytes behind its statement; one block is one INSERT. Joined once: blocks are megabytes."""
        return b"".join((statement, leb128(len(self.names)), leb128(self.rows), *self._parts))

    def _add(self, name: str, kind: str, data: bytes) -> Block:
        self.names.append(name)
        self._parts += (_strings((name, kind)), data)
        return self

    def _check(self, name: str, values: Sequence[object]) -> None:
        if len(values) != self.rows:
            raise ValueError(f"column {name} has {len(values)} values, the block {self.rows} rows")


def leb128(n: int) -> bytes:
    """Unsigned LEB128.

    >>> leb128(300).hex()
    'ac02'
    """
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def json_documents(items: Iterable[msgspec.Struct]) -> list[bytes]:
    """Messages as JSON, for a ``documents`` column."""
    encode = msgspec.json.Encoder().encode
    return [encode(item) for item in items]


def _strings(values: Sequence[str]) -> bytes:
    raw = [v.encode() for v in values]
    return b"".join([(bytes((len(v),)) if len(v) < 128 else leb128(len(v))) + v for v in raw])


def _offsets(lengths: Iterable[int]) -> bytes:
    return np.cumsum(np.fromiter(lengths, np.uint64), dtype="<u8").tobytes()
