"""What waits to be sent to one client. Points of a slow client are conflated per series, findings never: too many end the connection."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from services.gateway.live.rows import Fragment, points_message


class Overflow(Exception):
    """More unsent messages than the limits allow: the client must reconnect and resume."""


@dataclass
class _Points:
    cursor: str
    series: dict[int, bytes]
    conflated: bool = False


@dataclass
class Outbox:
    """Bounded by messages and bytes. ``take`` gives findings and answers first, then points, a subscription at a time."""

    limit_messages: int
    limit_bytes: int
    _urgent: deque[bytes] = field(default_factory=deque)
    _points: dict[str, _Points] = field(default_factory=dict)
    _bytes: int = 0
    conflated: int = 0
    """Messages folded into one that had not been sent yet."""

    def __len__(self) -> int:
        return len(self._urgent) + len(self._points)

    @property
    def size(self) -> int:
        """Bytes waiting, points included."""
        return self._bytes + sum(len(f) for p in self._points.values() for f in p.series.values())

    def put(self, message: bytes) -> None:
        """Queue a message that must arrive. Raises Overflow."""
        if len(self._urgent) >= self.limit_messages or self._bytes + len(message) > self.limit_bytes:
            raise Overflow
        self._urgent.append(message)
        self._bytes += len(message)

    def put_points(self, sub_id: str, cursor: str, found: dict[int, Fragment]) -> None:
        """Queue points; those of the same subscription still waiting keep only each series' newest point."""
        waiting = self._points.get(sub_id)
        if waiting is None:
            self._points[sub_id] = _Points(cursor, {s: f.full for s, f in found.items()})
            return
        waiting.cursor = cursor
        if found:
            waiting.series.update((s, f.last()) for s, f in found.items())
            waiting.conflated = True
            self.conflated += 1

    def forget(self, sub_id: str) -> None:
        """Drop points of a subscription that ended."""
        self._points.pop(sub_id, None)

    def take(self) -> bytes | None:
        """The next message, or None."""
        if self._urgent:
            message = self._urgent.popleft()
            self._bytes -= len(message)
            return message
        if not self._points:
            return None
        sub_id = next(iter(self._points))
        p = self._points.pop(sub_id)
        return points_message(sub_id, p.cursor, p.series.values(), p.conflated)
