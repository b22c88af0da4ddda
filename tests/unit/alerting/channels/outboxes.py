"""An outbox and a sender for tests of the courier: the outbox behaves as the model does, the sender as it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kizashi.contracts.findings import Delivery
from kizashi.errors import BusUnavailable
from services.alerting.channels.outcome import Outcome
from services.alerting.notification import Notification, notification_key


def message(sequence: int = 0, group: str = "g", channel: str = "a", created_ms: int = 0, tenant: str = "t") -> Notification:
    key = notification_key(tenant, group, f"v{sequence}", channel, 0)
    return Notification(key, tenant, channel, "firing", group, f"v{sequence}", "critical", "title", ["text"], created_ms, sequence=sequence)


@dataclass
class MemoryOutbox:
    """``sent`` and ``failed`` end a notification; ``failed`` moves it to the channel's fallback. ``down`` refuses that many records."""

    waiting: dict[str, Notification] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    fallbacks: dict[str, str] = field(default_factory=dict)
    down: int = 0

    def add(self, *notifications: Notification) -> None:
        self.waiting |= {n.key: n for n in notifications}

    def pending(self) -> list[Notification]:
        return list(self.waiting.values())

    async def record(self, delivery: Delivery) -> None:
        if self.down:
            self.down -= 1
            raise BusUnavailable("not now")
        self.deliveries.append(delivery)
        if delivery.state in ("sent", "failed"):
            n = self.waiting.pop(delivery.dedup_key)
            if delivery.state == "failed" and (name := self.fallbacks.get(n.channel)):
                self.add(message(n.sequence, n.group, name, n.created_ms, n.tenant))


@dataclass
class ScriptedSender:
    """Answers what ``judge`` says of (notification, how many times it was tried before)."""

    judge: Callable[[Notification, int], Outcome] = lambda _n, _tried: Outcome("sent")
    fallbacks: dict[str, str] = field(default_factory=dict)
    budget: float = 14_400.0
    tried: list[str] = field(default_factory=list)

    async def send(self, n: Notification) -> Outcome:
        before = self.tried.count(n.key)
        self.tried.append(n.key)
        return self.judge(n, before)

    def budget_s(self, n: Notification) -> float:
        return self.budget

    def has_fallback(self, n: Notification) -> bool:
        return n.channel in self.fallbacks
