"""The sink's knobs."""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "kizashi.sink"


@dataclass(frozen=True)
class Pace:
    """How much is written at once.

    A flush is written when its first record is ``linger_s`` old or ``flush_bytes`` have come; 8 MB are about 160,000 score rows,
    one part of a table. While a flush is being written the next one fills up, then reading pauses: memory is bounded by two.
    """

    linger_s: float = 0.3
    flush_bytes: int = 8 << 20
    poll_ms: int = 100
    retry_s: float = 0.5
    retry_most_s: float = 5.0
    hand_over_s: float = 8.0
    tier_every_s: float = 30.0
    lag_every_s: float = 5.0
