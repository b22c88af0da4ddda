"""Numbers of ClickHouse's Native format: LEB128, seven bits a byte, the low ones first, a set high bit for "more follows". Pure."""

from __future__ import annotations


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it. Raises IndexError when the data end in it.

    >>> read_number(bytes([0xAC, 0x02]), 0)
    (300, 2)
    """
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
