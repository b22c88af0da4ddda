"""Token buckets for requests. Failed log-ins are counted over all replicas: see attempts.py."""

from __future__ import annotations

from collections import OrderedDict

REMEMBERED = 20_000
"""Callers kept in mind; the one not seen for longest is forgotten, which only ever gives it a full bucket again."""


class TokenBuckets:
    """Each caller may spend ``rate`` a second, and ``burst`` at once. Time arrives with the call.

    >>> buckets = TokenBuckets(rate=1.0, burst=2)
    >>> [buckets.spend("a", 0.0) for _ in range(3)]
    [0.0, 0.0, 1.0]
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, caller: str, now_s: float) -> float:
        """Take one token; the seconds to wait when there is none, else 0."""
        left, since = self._callers.get(caller, (self._burst, now_s))
        left = min(self._burst, left + (now_s - since) * self._rate)
        allowed = left >= 1.0
        self._callers[caller] = (left - 1.0 if allowed else left, now_s)
        self._callers.move_to_end(caller)
        if len(self._callers) > REMEMBERED:
            self._callers.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / self._rate
