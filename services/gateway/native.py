"""ClickHouse's Native format as numpy columns: a hundred thousand numbers without an object each. Fixed widths only. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kizashi.errors import InvalidMessage
from kizashi.store.leb128 import read_number

WIDTHS = {
    "UInt8": "<u1", "UInt16": "<u2", "UInt32": "<u4", "UInt64": "<u8", "Int8": "<i1", "Int16": "<i2", "Int32": "<i4", "Int64": "<i8",
    "Float32": "<f4", "Float64": "<f8",
}  # fmt: skip
Array = NDArray[np.generic]


def read_native(data: bytes) -> dict[str, Array]:
    """Columns by name, blocks joined; {} for an empty answer. Raises InvalidMessage for a type that is not of fixed width, or cut data."""
    blocks: dict[str, list[Array]] = {}
    at = 0
    try:
        while at < len(data):
            columns, at = read_number(data, at)
            rows, at = read_number(data, at)
            for _ in range(columns):
                name, at = _text(data, at)
                kind, at = _text(data, at)
                if kind not in WIDTHS:
                    raise InvalidMessage(f"column {name} is {kind}: only numbers of fixed width are read")
                values = np.frombuffer(data, WIDTHS[kind], rows, at) if rows else np.empty(0, WIDTHS[kind])
                blocks.setdefault(name, []).append(values)
                at += values.nbytes
    except (IndexError, ValueError) as x:
        raise InvalidMessage(f"the Native answer ends in the middle: {x}") from x
    return {name: parts[0] if len(parts) == 1 else np.concatenate(parts) for name, parts in blocks.items()}


def _text(data: bytes, at: int) -> tuple[str, int]:
    length, at = read_number(data, at)
    return data[at : at + length].decode(), at + length
