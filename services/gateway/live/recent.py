"""The last seconds of one partition, as the batches that came: what a chart that begins to look now has just missed."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """What came within ``seconds``, at most ``most`` bytes of it; the oldest go first.

    >>> recent = Recent[str](5.0, most=10)
    >>> recent.add(1, "old", 3, 1.0); recent.add(2, "young", 5, 4.0)
    >>> recent.values(7.0)
    ['young']
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._kept: deque[tuple[float, T, int]] = deque()
        self._size = 0
        self._last = -1

    def add(self, offset: int, value: T, size: int, now: float) -> None:
        """Keep what came at ``now`` (seconds of a steady clock) and takes ``size`` bytes.

        An offset that is known means that its partition is read again from there on: what was kept would come twice and is let go.
        """
        if offset <= self._last:
            self._kept.clear()
            self._size = 0
        self._last = offset
        self._kept.append((now, value, size))
        self._size += size
        self._let_go(now)

    def values(self, now: float) -> list[T]:
        """What is young enough, in order of arrival."""
        self._let_go(now)
        return [value for _, value, _ in self._kept]

    def _let_go(self, now: float) -> None:
        while self._kept and (self._kept[0][0] < now - self._seconds or self._size > self._most):
            self._size -= self._kept.popleft()[2]
