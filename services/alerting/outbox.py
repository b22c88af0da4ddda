"""What is still to be said, and what was: part of the state, so that a crash between two steps repeats a message and never loses one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from kizashi.contracts.findings import Delivery
from services.alerting.notification import Notification, notification_key

REMEMBER_MS = 72 * 3_600_000
"""A delivered key is known so long: longer than any restart from a snapshot looks back."""
MAX_REMEMBERED = 200_000
MAX_PENDING = 20_000


class Outbox:
    """Pending notifications by key, and delivered keys with the time of their delivery."""

    def __init__(self) -> None:
        self.pending: dict[str, Notification] = {}
        self.delivered: dict[str, int] = {}
        self.undelivered = 0
        """Given up by their channel and its fallbacks."""
        self._new = False
        self.crowded_out = 0
        """Reminders that gave way because too much was pending."""

    def put(self, messages: Iterable[Notification]) -> None:
        """Add messages; one that was delivered already, as a replay finds it, is not said again."""
        for m in messages:
            if m.key not in self.delivered:
                self.pending.setdefault(m.key, m)
                self._new = True
        if len(self.pending) > MAX_PENDING:
            self._make_room()

    def news(self) -> bool:
        """Whether something was added since the last call."""
        new, self._new = self._new, False
        return new

    def settle(self, d: Delivery, fallback: Callable[[str], str]) -> None:
        """What became of an attempt."""
        if d.state == "retry":
            return
        m = self.pending.pop(d.dedup_key, None)
        if d.state in ("sent", "fallback"):
            self.delivered[d.dedup_key] = d.at_ms
        elif m is not None:
            other = fallback(m.channel)
            self.delivered[d.dedup_key] = d.at_ms  # this channel is done with it
            key = notification_key(m.tenant, m.group, m.state_version, other, m.step)
            if other and other not in m.given_up and key not in self.delivered:
                self.put([msgspec.structs.replace(m, channel=other, key=key, given_up=[*m.given_up, m.channel])])
            else:
                self.undelivered += 1

    def forget(self, now_ms: int) -> None:
        """Old keys leave, oldest first."""
        while self.delivered:
            key = next(iter(self.delivered))
            if self.delivered[key] > now_ms - REMEMBER_MS and len(self.delivered) <= MAX_REMEMBERED:
                break
            del self.delivered[key]

    def waiting(self) -> list[Notification]:
        """Pending messages in the order in which they were said, so those of a group in order. The courier asks many times a second."""
        return list(self.pending.values())

    def _make_room(self) -> None:
        """Reminders say nothing new: they give way first; what tells a state never does."""
        for key in [k for k, m in self.pending.items() if m.repeat][: len(self.pending) - MAX_PENDING]:
            del self.pending[key]
            self.crowded_out += 1
