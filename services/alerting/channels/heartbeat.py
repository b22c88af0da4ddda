"""The dead man's switch: while alerting works from end to end, a service elsewhere hears from us; when it does not, that service calls.

No alert can say that alerting is dead. So the proof of life leaves the house, and only while ``alive`` holds: the model has just turned,
the courier has just turned, and a broker of the bus has just answered (the model's own clock would tick on without it).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from kizashi.clock import Clock
from kizashi.errors import ConfigurationError, Refused
from kizashi.observe.logs import logger
from services.alerting.channels.doors import Doors
from services.alerting.channels.kinds import Heartbeat, decode_channel

LOOK_EVERY_S = 1.0


class Heartbeats:
    """Pings every channel of type heartbeat. ``channels`` gives (tenant, name, body) of all channels as they are now."""

    def __init__(
        self,
        channels: Callable[[], Iterable[tuple[str, str, dict[str, Any]]]],
        alive: Callable[[], Awaitable[bool]],
        doors: Doors,
        clock: Clock,
    ) -> None:
        self._channels, self._alive, self._doors, self._clock = channels, alive, doors, clock
        self._due_s: dict[tuple[str, str], float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        while not stop.is_set():
            await self.beat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)

    async def beat(self) -> int:
        """Ping what is due; gives how many took it. Says nothing while the house is not alive: silence is the message."""
        now_s = self._clock.monotonic_s()
        due = [(t, n, c) for t, n, c in self._heartbeats() if self._due_s.get((t, n), 0.0) <= now_s]
        if not due or not await self._alive():
            return 0
        for tenant, name, channel in due:
            self._due_s[tenant, name] = now_s + channel.every_s
        return sum(await asyncio.gather(*(self._ping(tenant, name, channel) for tenant, name, channel in due)))

    def _heartbeats(self) -> Iterable[tuple[str, str, Heartbeat]]:
        for tenant, name, body in self._channels():
            if body.get("type") != "heartbeat":
                continue
            with contextlib.suppress(ConfigurationError):  # refused and logged where configuration is folded
                channel = decode_channel(body)
                if isinstance(channel, Heartbeat):
                    yield tenant, name, channel

    async def _ping(self, tenant: str, name: str, channel: Heartbeat) -> bool:
        try:
            url = self._doors.secrets.read(channel.url_file, tenant)
        except Refused as x:
            logger().warning("heartbeat.failed", channel=name, text=str(x))
            return False
        outcome = await self._doors.https.tell(url, b"", {})
        if outcome.state != "sent":
            logger().warning("heartbeat.failed", channel=name, text=outcome.text)
        return outcome.state == "sent"
