"""How many bytes of bodies all requests together may hold: memory is bounded whatever the number of senders."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from services.ingest.receivers.problems import Problem

_HOLD = "kizashi.hold"


class Hold:
    """What one request holds; given back when it is answered."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget, self._bytes = budget, 0

    def take(self, size: int) -> None:
        """Hold more bytes; raises Problem 503 when all requests together hold too many."""
        self._budget.take(size)
        self._bytes += size

    def release(self) -> None:
        """Give everything back."""
        self._budget.give_back(self._bytes)
        self._bytes = 0


class BodyBudget:
    """Bytes held by all requests of this process; used from the event loop only."""

    def __init__(self, most: int) -> None:
        self._most, self.held = most, 0

    def take(self, size: int) -> None:
        """Count bytes in; raises Problem 503."""
        if self.held + size > self._most:
            raise Problem(503, "too many large requests at once")
        self.held += size

    def give_back(self, size: int) -> None:
        """Count bytes out."""
        self.held -= size


class HoldBodies:
    """ASGI middleware: gives every request a hold, and releases it however the request ends."""

    def __init__(self, app: ASGIApp, budget: BodyBudget) -> None:
        self._app, self._budget = app, budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        hold = Hold(self._budget)
        scope[_HOLD] = hold
        try:
            await self._app(scope, receive, send)
        finally:
            hold.release()


def hold_of(scope: Scope) -> Hold:
    """The request's hold."""
    hold: Hold = scope[_HOLD]
    return hold
