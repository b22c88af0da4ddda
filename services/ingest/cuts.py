"""Work handed to Kafka and not yet acknowledged: what it holds, and what may be said once it is."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kizashi.errors import BusUnavailable
from kizashi.stream.consumer import Place


@dataclass
class Cut:
    """One turn's messages. ``stored`` rows by way of arrival, ``buried`` dead letters by (topic, reason), ``offsets``
    to confirm and ``waiting`` callers to tell once all ``left`` messages are acknowledged."""

    left: int = 0
    stored: Counter[str] = field(default_factory=Counter)
    buried: list[tuple[str, str]] = field(default_factory=list)
    offsets: dict[Place, int] = field(default_factory=dict)
    waiting: list[Callable[[], None]] = field(default_factory=list)
    error: str = ""
    began_ms: int = 0
    newest_ms: int = 0
    """Time of its newest sample."""

    def on_result(self, error: str | None) -> None:
        """One message was acknowledged, or failed for good."""
        self.left -= 1
        if error is not None:
            self.error = error


class CutsInFlight:
    """Cuts in order; offsets may only be confirmed when every earlier cut is acknowledged too."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._cuts: deque[Cut] = deque()

    def add(self, cut: Cut) -> None:
        """The newest cut."""
        self._cuts.append(cut)

    @property
    def full(self) -> bool:
        """True when the broker is too far behind to be offered more."""
        return len(self._cuts) >= self._most

    @property
    def waiting(self) -> bool:
        """True when somebody waits for an acknowledgement."""
        return any(c.waiting for c in self._cuts)

    def __len__(self) -> int:
        return len(self._cuts)

    def settled(self, settle: Callable[[Cut], None]) -> Mapping[Place, int]:
        """Take acknowledged cuts off the front, hand each to ``settle``, and return the offsets they cover."""
        offsets: dict[Place, int] = {}
        while self._cuts and self._cuts[0].left == 0:
            done = self._cuts.popleft()
            if done.error:
                raise BusUnavailable(f"Kafka refused samples for good: {done.error}")
            offsets |= done.offsets
            settle(done)
        return offsets
