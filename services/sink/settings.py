"""The sink's knobs."""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "kizashi.sink"


@dataclass(frozen=True)
class Pace:
    """How much is written at once.

    A flush is written when its first record is ``linger_s`` old. When as much as ``busy_bytes`` has come by then, it waits for
    ``flush_bytes`` or ``linger_busy_s``: larger parts are merged less often, which saves a quarter of the store's work. 24 MB are about
    480,000 score rows. While a flush is being written the next one fills up, then reading pauses: memory is bounded by two.
    """

    linger_s: float = 0.3
    linger_busy_s: float = 1.0
    busy_bytes: int = 512 << 10
    flush_bytes: int = 24 << 20
    poll_ms: int = 100
    retry_s: float = 0.5
    retry_most_s: float = 5.0
    hand_over_s: float = 8.0
    tier_every_s: float = 60.0
    """A turn leaves the open minute of live data until it is over; readers take rows where the tiers end."""
    lag_every_s: float = 5.0

    def due(self, size: int, age_s: float) -> bool:
        """Whether ``size`` bytes of which the first came ``age_s`` ago should be written now.

        >>> pace = Pace()
        >>> pace.due(100, 0.1), pace.due(100, 0.3), pace.due(5 << 20, 0.3), pace.due(5 << 20, 1.0), pace.due(24 << 20, 0.1)
        (False, True, False, True, True)
        """
        patience_s = self.linger_busy_s if size >= self.busy_bytes else self.linger_s
        return size >= self.flush_bytes or age_s >= patience_s
