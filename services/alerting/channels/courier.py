"""Carries pending notifications to their channels: at least once, in order within a group, with patience but not for ever.

The model's state is the outbox: a notification is pending there until a ``Delivery`` that ends it has come back over the log. So the
order is send, then record, then forget, and a crash between any two of them sends again, under the same key. What is here in memory
(attempts, back-off, breakers) may be lost: then the first attempt is simply made again.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from kizashi.clock import Clock
from kizashi.contracts.findings import Delivery
from kizashi.contracts.ids import finding_id
from kizashi.errors import BusUnavailable, KizashiError
from kizashi.observe.logs import logger
from services.alerting.breaker import Breaker
from services.alerting.channels.outcome import Outcome
from services.alerting.notification import Notification
from services.alerting.retry import BUDGET_S, LONGEST_S, delay_s, spent_s

Step = Literal["taken", "sent", "recorded", "settled"]
"""The places between which a crash may happen."""
AT_ONCE = 32
AT_ONCE_A_CHANNEL = 8
"""A slow channel takes a quarter of the hands at most; eight at 100 ms a request are 80 messages a second."""
LOOK_EVERY_S = 0.25
ATTEMPT_WITHIN_S = 60.0
"""Above every door's own limit: whoever takes longer hangs."""
RECORD_AGAIN_S = 1.0


class Outbox(Protocol):
    """What is to be told, and where it is written down that it was."""

    def pending(self) -> Iterable[Notification]:
        """Notifications that no recorded delivery has ended yet."""

    async def record(self, delivery: Delivery) -> None:
        """Write a delivery down; returns when it is durable, raises BusUnavailable when that is not known."""


class Sender(Protocol):
    """Tells one notification; the switchboard is one."""

    async def send(self, n: Notification) -> Outcome: ...

    def budget_s(self, n: Notification) -> float: ...

    def has_fallback(self, n: Notification) -> bool: ...


async def no_fault(step: Step, key: str) -> None:
    """Nothing goes wrong."""


@dataclass
class _Job:
    """One message on its way."""

    n: Notification
    seen_s: float
    seen_ms: int
    attempt: int = 0
    due_s: float = 0.0

    def __lt__(self, other: _Job) -> bool:
        return self.rank < other.rank

    @property
    def rank(self) -> tuple[int, int, int, str]:
        return (self.n.sequence, self.n.step, self.n.created_ms, self.n.key)


@dataclass
class _Line:
    """The messages of one group through one channel: the head goes first, the others wait for it."""

    jobs: list[_Job] = field(default_factory=list)
    busy: bool = False


class Courier:
    """Runs beside the model in the same process. ``wake`` may be called whenever something new is pending."""

    def __init__(
        self, outbox: Outbox, sender: Sender, clock: Clock, *, seed: int = 0,
        fault: Callable[[Step, str], Awaitable[None]] = no_fault, on_delivery: Callable[[Delivery], None] = lambda _: None,
        at_once: int = AT_ONCE, look_every_s: float = LOOK_EVERY_S,
    ) -> None:  # fmt: skip
        self._outbox, self._sender, self._clock, self._seed, self._fault = outbox, sender, clock, seed, fault
        self._on_delivery, self._at_once, self._look_every_s = on_delivery, at_once, look_every_s
        self._lines: dict[tuple[str, str, str], _Line] = {}
        self._known: set[str] = set()
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._paused_until_s: dict[tuple[str, str], float] = {}
        self._running: dict[asyncio.Task[None], tuple[str, str]] = {}
        self._wake = asyncio.Event()
        self.turned_s = clock.monotonic_s()
        """When the loop turned last, for the dead man's switch."""

    def wake(self) -> None:
        """Look at what is pending now instead of within a quarter of a second."""
        self._wake.set()

    def breaker(self, tenant: str, channel: str) -> Breaker:
        """The channel's circuit breaker."""
        return self._breakers.setdefault((tenant, channel), Breaker())

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; attempts under way are waited for. An error that is nobody's outcome ends it."""
        async with self._hands():
            while not stop.is_set():
                self.turned_s = self._clock.monotonic_s()
                self._look()
                self._start_what_is_due()
                await self._pause(stop)

    @contextlib.asynccontextmanager
    async def _hands(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if self._running:
                done, late = await asyncio.wait(list(self._running), timeout=ATTEMPT_WITHIN_S)
                for task in late:
                    task.cancel()
                await asyncio.gather(*done, *late, return_exceptions=True)

    def _look(self) -> None:
        """Take over what is new; forget what a recorded delivery has ended."""
        now: set[str] = set()
        for n in self._outbox.pending():
            now.add(n.key)
            if n.key not in self._known:
                line = self._lines.setdefault((n.tenant, n.channel, n.group), _Line())
                heapq.heappush(line.jobs, _Job(n, self._clock.monotonic_s(), self._clock.now_ms()))
        gone = self._known - now
        if gone:
            for line in self._lines.values():
                if not line.busy and any(j.n.key in gone for j in line.jobs):
                    line.jobs = sorted(j for j in line.jobs if j.n.key not in gone)
        self._known = now
        for place in [p for p, line in self._lines.items() if not line.jobs and not line.busy]:
            del self._lines[place]

    def _start_what_is_due(self) -> None:
        now_s = self._clock.monotonic_s()
        hands: dict[tuple[str, str], int] = {}
        for channel in self._running.values():
            hands[channel] = hands.get(channel, 0) + 1
        for (tenant, name, _), line in self._lines.items():
            if len(self._running) >= self._at_once:
                return
            channel = (tenant, name)
            if line.busy or not line.jobs or line.jobs[0].due_s > now_s or hands.get(channel, 0) >= AT_ONCE_A_CHANNEL:
                continue
            if self._paused_until_s.get(channel, 0.0) > now_s and not self._spent(line.jobs[0]):
                continue
            if not self._spent(line.jobs[0]) and not self.breaker(tenant, name).take(now_s):
                continue
            line.busy, hands[channel] = True, hands.get(channel, 0) + 1
            task = asyncio.create_task(self._carry(line, line.jobs[0], channel))
            self._running[task] = channel

    async def _pause(self, stop: asyncio.Event) -> None:
        """Until something ends, is due, is new, or a quarter of a second has gone."""
        waits = [asyncio.create_task(self._wake.wait()), asyncio.create_task(stop.wait())]
        try:
            done, _ = await asyncio.wait([*waits, *self._running], timeout=self._look_every_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._wake.clear()
        for task in done & self._running.keys():
            del self._running[task]
            task.result()

    async def _carry(self, line: _Line, job: _Job, channel: tuple[str, str]) -> None:
        """One attempt: send, record, forget."""
        breaker = self.breaker(*channel)
        try:
            await self._fault("taken", job.n.key)
            job.attempt += 1
            outcome = await self._attempt(job)
            await self._fault("sent", job.n.key)
            now_s = self._clock.monotonic_s()
            breaker.failed(now_s) if outcome.state == "retry" else breaker.answered()
            if outcome.retry_after_s:
                self._paused_until_s[channel] = max(self._paused_until_s.get(channel, 0.0), now_s + outcome.retry_after_s)
            ends = self._ends(job, outcome)
            await self._record(job, outcome, ends)
            await self._fault("recorded", job.n.key)
            if ends:
                line.jobs.remove(job)
                heapq.heapify(line.jobs)
            else:
                wait_s = delay_s(self._seed, job.n.key, job.attempt) if outcome.state == "retry" else LONGEST_S
                job.due_s = now_s + max(wait_s, outcome.retry_after_s or 0.0)
            await self._fault("settled", job.n.key)
        finally:
            breaker.let_go()
            line.busy = False

    async def _attempt(self, job: _Job) -> Outcome:
        try:
            async with asyncio.timeout(ATTEMPT_WITHIN_S):
                return await self._sender.send(job.n)
        except TimeoutError:
            return Outcome("retry", f"the channel hung for {ATTEMPT_WITHIN_S:g} s")
        except KizashiError as x:
            return Outcome("failed", str(x))
        except (
            Exception
        ) as x:  # one message that a channel cannot write must not stop every other page; it is logged, recorded, and moved on
            logger().exception("delivery.bug", channel=job.n.channel, key=job.n.key)
            return Outcome("failed", f"the channel could not write the message ({type(x).__name__}); the log says more")

    def _ends(self, job: _Job, outcome: Outcome) -> bool:
        """Sent; or given up: at once when another channel takes over what a person must repair, else when the budget is spent."""
        if outcome.state == "sent":
            return True
        return self._spent(job) or (outcome.state == "failed" and self._sender.has_fallback(job.n))

    def _spent(self, job: _Job) -> bool:
        """Whether the budget of tries is used up; the first attempt is always made."""
        if job.attempt == 0:
            return False
        waited_s = self._clock.monotonic_s() - job.seen_s
        return spent_s(job.n.created_ms, job.seen_ms, waited_s) >= min(self._sender.budget_s(job.n), BUDGET_S)

    async def _record(self, job: _Job, outcome: Outcome, ends: bool) -> None:
        """Until it is durable: a sent message that nobody wrote down would be sent again."""
        n, at_ms = job.n, self._clock.now_ms()
        state: Literal["sent", "retry", "failed"] = "sent" if outcome.state == "sent" else "failed" if ends else "retry"
        delivery = Delivery(
            finding_id("delivery", n.key, job.attempt, at_ms), n.alerts[0].id if n.alerts else n.group, n.tenant, n.channel, at_ms,
            state, job.attempt, n.key, outcome.text,
        )  # fmt: skip
        while True:
            try:
                await self._outbox.record(delivery)
                break
            except BusUnavailable as x:
                logger().warning("delivery.unrecorded", key=n.key, error=str(x))
                await asyncio.sleep(RECORD_AGAIN_S)
        self._on_delivery(delivery)
        level = logger().info if state == "sent" else logger().warning
        level("delivery", channel=n.channel, state=state, attempt=job.attempt, key=n.key, text=outcome.text)
