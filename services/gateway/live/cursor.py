"""Where a client stands in the log: partition → next offset, as text that it hands back to resume without gap or repeat."""

from __future__ import annotations

import re
from collections.abc import Mapping

_CURSOR = re.compile(r"\d{1,5}:\d{1,19}(?:,\d{1,5}:\d{1,19})*")
LONGEST = 16_384


class BadCursor(ValueError):
    """Text that is no cursor of ours."""


def format_cursor(offsets: Mapping[int, int]) -> str:
    """Text form.

    >>> format_cursor({3: 70, 0: 12})
    '0:12,3:70'
    """
    return ",".join(f"{p}:{o}" for p, o in sorted(offsets.items()))


def parse_cursor(text: str) -> dict[int, int]:
    """Inverse of ``format_cursor``; raises BadCursor."""
    if len(text) > LONGEST or (text and not _CURSOR.fullmatch(text)):
        raise BadCursor("not a cursor of this stream: subscribe without 'since'")
    pairs = (pair.split(":") for pair in text.split(",") if pair)
    return {int(p): int(o) for p, o in pairs}
