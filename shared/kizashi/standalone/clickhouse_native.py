"""Native answers for clients that name a protocol version: clickhouse-go, so Grafana's plugin, wants what the engine alone does not write.

From revision 54454 on a block begins with its info, and each column says behind its type whether its serialization is a custom one. The
engine writes revision 0, which has neither; so each column's end is found by its type and the two are put in. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kizashi.errors import Refused
from kizashi.store.leb128 import read_number

CUSTOM_SERIALIZATION = 54_454
"""First revision with a byte for custom serialization (ClickHouse, ProtocolDefines.h)."""
BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""Field 1: no overflow rows; field 2: bucket -1; end."""
ORDINARY = b"\x00"
WIDTHS = {
    "UInt8": 1, "Int8": 1, "Bool": 1, "Enum8": 1, "Nothing": 1, "UInt16": 2, "Int16": 2, "Date": 2, "Enum16": 2, "BFloat16": 2,
    "UInt32": 4, "Int32": 4, "Float32": 4, "DateTime": 4, "Date32": 4, "IPv4": 4, "Decimal32": 4, "Time": 4,
    "UInt64": 8, "Int64": 8, "Float64": 8, "DateTime64": 8, "Decimal64": 8, "Time64": 8,
    "UInt128": 16, "Int128": 16, "UUID": 16, "IPv6": 16, "Decimal128": 16, "UInt256": 32, "Int256": 32, "Decimal256": 32,
}  # fmt: skip
DECIMALS = ((9, 4), (18, 8), (38, 16), (76, 32))
"""Digits → bytes."""
_NAMED = re.compile(r"(?:`[^`]*`|\w+) (?=\w)")
Kind = tuple[str, tuple[str, ...]]


def reframe(data: bytes) -> bytes:
    """The same blocks as revision 54454 has them. Raises Refused for a type whose end is not known."""
    out: list[bytes] = []
    at = 0
    while at < len(data):
        columns, after = read_number(data, at)
        rows, after = read_number(data, after)
        out += (BLOCK_INFO, data[at:after])
        at = after
        for _ in range(columns):
            begin = at
            for _ in ("name", "type"):
                length, at = read_number(data, at)
                at += length
            kind = data[at - length : at].decode()
            out += (data[begin:at], ORDINARY)
            end = _after(kind, rows, data, at + _prefix(kind)) if rows else at
            out.append(data[at:end])
            at = end
    return b"".join(out)


def _after(kind: str, rows: int, data: bytes, at: int) -> int:
    """The place behind a column's values."""
    name, inner = parse(kind)
    if not rows:
        return at
    if name in WIDTHS:
        return at + rows * WIDTHS[name]
    if name == "String":
        for _ in range(rows):
            length, at = read_number(data, at)
            at += length
        return at
    if name == "FixedString":
        return at + rows * int(inner[0])
    if name == "Decimal":
        return at + rows * next(width for digits, width in DECIMALS if int(inner[0]) <= digits)
    if name == "Nullable":
        return _after(inner[0], rows, data, at + rows)
    if name in ("Array", "Map"):
        held = int.from_bytes(data[at + 8 * (rows - 1) : at + 8 * rows], "little")
        at += 8 * rows
        for part in inner:
            at = _after(part, held, data, at)
        return at
    if name == "Tuple":
        for part in inner:
            at = _after(part, rows, data, at)
        return at
    if name == "LowCardinality":
        return _after_low_cardinality(inner[0], data, at)
    if name.startswith("Interval"):
        return at + 8 * rows
    if name == "SimpleAggregateFunction":
        return _after(inner[1], rows, data, at)
    raise Refused(f"columns of type {kind[:60]} are not spoken to this client here: cast them to String")


def _after_low_cardinality(inner: str, data: bytes, at: int) -> int:
    flags = int.from_bytes(data[at : at + 8], "little")
    at += 8
    if flags & (1 << 9):
        keys = int.from_bytes(data[at : at + 8], "little")
        name, parts = parse(inner)
        at = _after(parts[0] if name == "Nullable" else inner, keys, data, at + 8)
    rows = int.from_bytes(data[at : at + 8], "little")
    return at + 8 + rows * (1 << (flags & 0xFF))


def _prefix(kind: str) -> int:
    """Bytes of state before the values: eight for each LowCardinality in the type."""
    name, inner = parse(kind)
    if name == "LowCardinality":
        return 8
    return sum(map(_prefix, inner)) if name in ("Array", "Map", "Tuple", "Nullable") else 0


@lru_cache(512)
def parse(kind: str) -> Kind:
    """Name and arguments of a type; names of a tuple's elements are left out.

    >>> parse("Map(LowCardinality(String), Array(UInt8))")
    ('Map', ('LowCardinality(String)', 'Array(UInt8)'))
    """
    name, bracket, rest = kind.partition("(")
    if not bracket:
        return name, ()
    parts, depth, start, quoted = [], 0, 0, False
    body = rest[:-1]
    for n, c in enumerate(body):
        if c == "'" and (n == 0 or body[n - 1] != "\\"):
            quoted = not quoted
        elif not quoted:
            depth += (c == "(") - (c == ")")
            if c == "," and depth == 0:
                parts.append(body[start:n].strip())
                start = n + 1
    parts.append(body[start:].strip())
    if name == "Tuple":
        parts = [_NAMED.sub("", part, count=1) if _NAMED.match(part) else part for part in parts]
    return name, tuple(parts)
