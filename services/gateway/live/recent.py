"""The last seconds of one partition, as the messages that came: what a chart that begins to look now has just missed."""

from __future__ import annotations

from collections import deque


class Recent:
    """Messages younger than ``seconds``, at most ``most`` bytes of them; the oldest go first.

    >>> recent = Recent(5.0, most=10)
    >>> recent.add(1, b"old", 1.0); recent.add(2, b"young", 4.0)
    >>> recent.values(7.0)
    [b'young']
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._kept: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._last = -1

    def add(self, offset: int, value: bytes, now: float) -> None:
        """Keep a message that came at ``now`` (seconds of a steady clock). One that is known means that its partition is read again from
        there on: what was kept would come twice and is let go."""
        if offset <= self._last:
            self._kept.clear()
            self._size = 0
        self._last = offset
        self._kept.append((now, value))
        self._size += len(value)
        self._let_go(now)

    def values(self, now: float) -> list[bytes]:
        """What is young enough, in order of arrival."""
        self._let_go(now)
        return [value for _, value in self._kept]

    def _let_go(self, now: float) -> None:
        while self._kept and (self._kept[0][0] < now - self._seconds or self._size > self._most):
            self._size -= len(self._kept.popleft()[1])
