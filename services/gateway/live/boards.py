"""Small pages that are pushed as a whole every few seconds (overview, statistics), computed once a tenant however many look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from services.gateway.live.findings import finding_message
from services.gateway.live.subscription import Client
from services.gateway.problems import Problem

Compute = Callable[[str], Awaitable[bytes]]
"""Tenant → JSON."""


class Boards:
    """Recomputes a board only while somebody of the tenant looks at it."""

    def __init__(self, boards: Mapping[str, Compute], every_s: float) -> None:
        self._boards = dict(boards)
        self._every_s = every_s
        self._wants: dict[str, set[tuple[Client, str]]] = {name: set() for name in boards}
        self._wake = asyncio.Event()

    @property
    def names(self) -> tuple[str, ...]:
        """Boards there are."""
        return tuple(self._boards)

    def subscribe(self, client: Client, sub_id: str, name: str) -> None:
        """Send the board soon, and then whenever it is recomputed."""
        self._wants[name].add((client, sub_id))
        self._wake.set()

    def unsubscribe(self, client: Client, sub_id: str | None = None) -> None:
        """Forget one subscription, or all of a client."""
        for name, wants in self._wants.items():
            self._wants[name] = {w for w in wants if w[0] is not client or (sub_id is not None and w[1] != sub_id)}

    async def run(self) -> None:
        """Push for ever."""
        while True:
            await self._wake.wait()
            await self.push()
            if not any(self._wants.values()):
                self._wake.clear()
            await asyncio.sleep(self._every_s)

    async def push(self) -> None:
        """Compute each wanted board for each tenant once, and send it."""
        for name, compute in self._boards.items():
            for tenant in {client.tenant for client, _ in self._wants[name]}:
                try:
                    item = await compute(tenant)
                except (KizashiError, Problem) as x:  # the store is away: the page keeps what it has and shows its age
                    logger().warning("board.failed", board=name, error=str(x))
                    continue
                for client, sub_id in tuple(self._wants[name]):
                    if client.tenant == tenant:
                        client.send(finding_message(sub_id, name, item))
