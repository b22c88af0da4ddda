"""A circuit breaker a channel: a channel that does not answer is left alone for a while, then asked once. Pure: time is passed in.

States after Nygard, *Release It!* (2007): closed, open, half-open. Five failures in a row open it, since a single lost packet must not
delay a page; it stays open 30 s at first and twice as long after each failed probe, 5 min at most, so that a channel that
is back is found within minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

OPENS_AFTER = 5
OPEN_S = 30.0
LONGEST_OPEN_S = 300.0


@dataclass
class Breaker:
    """One channel's breaker. Times are monotonic seconds.

    >>> b = Breaker()
    >>> for t in range(5): b.failed(float(t))
    >>> b.wait_s(10.0), b.wait_s(34.0)
    (24.0, 0.0)
    """

    failures: int = 0
    """In a row."""
    open_until_s: float | None = None
    trips: int = 0
    """Openings in a row."""
    probing: bool = False

    def wait_s(self, now_s: float) -> float:
        """Seconds until the channel may be tried; infinite while a probe is out."""
        if self.open_until_s is None:
            return 0.0
        return float("inf") if self.probing else max(0.0, self.open_until_s - now_s)

    def take(self, now_s: float) -> bool:
        """Whether an attempt may start now; of a half-open breaker's askers only the first gets True."""
        if self.wait_s(now_s) > 0:
            return False
        self.probing = self.open_until_s is not None
        return True

    def answered(self) -> None:
        """The channel spoke, be it to refuse this message: it is alive."""
        self.failures, self.open_until_s, self.trips, self.probing = 0, None, 0, False

    def failed(self, now_s: float) -> None:
        """The channel did not answer, or said that it cannot now."""
        self.failures += 1
        if self.probing or (self.open_until_s is None and self.failures >= OPENS_AFTER):
            self.open_until_s = now_s + min(LONGEST_OPEN_S, OPEN_S * 2**self.trips)
            self.trips += 1
        self.probing = False

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return "closed" if self.open_until_s is None else "half-open" if self.probing else "open"
