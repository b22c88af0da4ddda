"""Carries pending notifications to their channels: at least once, in order within a group, with patience but not for ever.

The model's state is the outbox: a notification is pending there until a ``Delivery`` that ends it has come back over the log. So the
order is send, then record, then forget, and a crash between any two of them sends again, under the same key. What is here in memory
(attempts, back-off, breakers) may be lost: then the first attempt is simply made again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Literal, Protocol

from kizashi.clock import Clock
from kizashi.contracts.findings import Delivery
from kizashi.contracts.ids import finding_id
from kizashi.errors import BusUnavailable, KizashiError
from kizashi.observe.logs import logger
from services.alerting.channels.outcome import Outcome
from services.alerting.notification import Notification
from services.alerting.queues import ChannelQueue, Job
from services.alerting.retry import BUDGET_S, LONGEST_S, delay_s, spent_s

Step = Literal["taken", "sent", "recorded", "settled"]
"""The places between which a crash may happen."""
AT_ONCE = 32
LOOK_EVERY_S = 0.25
ATTEMPT_WITHIN_S = 60.0
"""Above every door's own limit: whoever takes longer hangs."""
DRAIN_WITHIN_S = 8.0
"""A service is gone ten seconds after SIGTERM; what is cut off is sent again by who comes next."""
RECORD_AGAIN_S = 1.0
LOOK_FOR_OVERDUE_EVERY_S = 5.0
"""A blocked channel's lines are gone through this often: it costs a few µs each."""


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


class Courier:
    """Runs beside the model in the same process. ``wake`` may be called whenever something new is pending."""

    def __init__(
        self, outbox: Outbox, sender: Sender, clock: Clock, *, seed: int = 0,
        fault: Callable[[Step, str], Awaitable[None]] = no_fault, on_delivery: Callable[[Delivery], None] = lambda _: None,
        at_once: int = AT_ONCE, look_every_s: float = LOOK_EVERY_S,
    ) -> None:  # fmt: skip
        self._outbox, self._sender, self._clock, self._seed, self._fault = outbox, sender, clock, seed, fault
        self._on_delivery, self._at_once, self._look_every_s = on_delivery, at_once, look_every_s
        self._channels: dict[tuple[str, str], ChannelQueue] = {}
        self._known: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._overdue_looked_s = 0.0
        self._wake = asyncio.Event()
        self.turned_s = clock.monotonic_s()
        """When the loop turned last, for the dead man's switch."""

    def wake(self) -> None:
        """Look at what is pending now instead of within a quarter of a second."""
        self._wake.set()

    def channel(self, tenant: str, name: str) -> ChannelQueue:
        """The channel's queue, with its breaker."""
        return self._channels.setdefault((tenant, name), ChannelQueue())

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; attempts under way are waited for. An error that is nobody's outcome ends it."""
        looked_s = float("-inf")
        async with self._hands():
            while not stop.is_set():
                self.turned_s = self._clock.monotonic_s()
                if self._wake.is_set() or self.turned_s - looked_s >= self._look_every_s:
                    self._wake.clear()
                    looked_s = self.turned_s
                    self._look()
                self._start_what_is_due()
                await self._pause(stop)

    @contextlib.asynccontextmanager
    async def _hands(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if self._running:
                _, late = await asyncio.wait(self._running, timeout=DRAIN_WITHIN_S)
                for task in late:
                    task.cancel()
                await asyncio.gather(*self._running, return_exceptions=True)

    def _look(self) -> None:
        """Take over what is new; forget what a recorded delivery has ended."""
        now: set[str] = set()
        for n in self._outbox.pending():
            now.add(n.key)
            if n.key not in self._known:
                self.channel(n.tenant, n.channel).add(Job(n, self._clock.monotonic_s(), self._clock.now_ms()))
        gone = self._known - now
        if gone:
            for queue in self._channels.values():
                queue.remove(gone)
        self._known = now

    def _start_what_is_due(self) -> None:
        now_s = self._clock.monotonic_s()
        queues = sorted(self._channels.items(), key=lambda item: item[1].hands)  # a busy channel must not starve a quiet one
        for (tenant, name), queue in queues:
            while len(self._running) < self._at_once and (job := queue.take(now_s)) is not None:
                self._start(tenant, name, job)
        if now_s - self._overdue_looked_s >= LOOK_FOR_OVERDUE_EVERY_S:
            self._overdue_looked_s = now_s
            for (tenant, name), queue in queues:
                if queue.blocked(now_s):
                    for job in queue.take_overdue({j.n.key for j in queue.heads() if self._spent(j)}):
                        self._start(tenant, name, job)

    def _start(self, tenant: str, name: str, job: Job) -> None:
        self._running.add(asyncio.create_task(self._carry(self.channel(tenant, name), job)))

    async def _pause(self, stop: asyncio.Event) -> None:
        """Until something ends, is due, is new, or a quarter of a second has gone."""
        waits: list[asyncio.Task[bool]] = [asyncio.create_task(e.wait()) for e in (self._wake, stop)]
        try:
            await asyncio.wait([*waits, *self._running], timeout=self._look_every_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        for task in [t for t in self._running if t.done()]:
            self._running.remove(task)
            task.result()

    async def _carry(self, queue: ChannelQueue, job: Job) -> None:
        """One attempt: send, record, forget."""
        settled = False
        try:
            await self._fault("taken", job.n.key)
            job.attempt += 1
            outcome = await self._attempt(job)
            await self._fault("sent", job.n.key)
            now_s = self._clock.monotonic_s()
            self._judge(queue, outcome, now_s)
            ends = self._ends(job, outcome)
            await self._record(job, outcome, ends)
            await self._fault("recorded", job.n.key)
            wait_s = delay_s(self._seed, job.n.key, job.attempt) if outcome.state == "retry" else LONGEST_S
            job.due_s = now_s + max(wait_s, outcome.retry_after_s or 0.0)
            settled = ends or job.n.key not in self._known
            await self._fault("settled", job.n.key)
        finally:
            queue.give_back(job, settled)

    def _judge(self, queue: ChannelQueue, outcome: Outcome, now_s: float) -> None:
        """What an outcome says about the channel as a whole."""
        if outcome.state == "retry":
            queue.breaker.failed(now_s)
        else:
            queue.breaker.answered()
        if outcome.retry_after_s:
            queue.paused_until_s = max(queue.paused_until_s, now_s + outcome.retry_after_s)

    async def _attempt(self, job: Job) -> Outcome:
        try:
            async with asyncio.timeout(ATTEMPT_WITHIN_S):
                return await self._sender.send(job.n)
        except TimeoutError:
            return Outcome("retry", f"the channel hung for {ATTEMPT_WITHIN_S:g} s")
        except KizashiError as x:
            return Outcome("failed", str(x))
        except Exception as x:
            # a bug that one message meets must not stop every other page: it is logged, recorded, and the fallback takes over
            logger().exception("delivery.bug", channel=job.n.channel, key=job.n.key)
            return Outcome("failed", f"the channel could not write the message ({type(x).__name__}); the log says more")

    def _ends(self, job: Job, outcome: Outcome) -> bool:
        """Sent; or given up: at once when another channel takes over what a person must repair, else when the budget is spent."""
        if outcome.state == "sent":
            return True
        return self._spent(job) or (outcome.state == "failed" and self._sender.has_fallback(job.n))

    def _spent(self, job: Job) -> bool:
        """Whether the budget of tries is used up. Only a failed attempt gives up, so there is always one."""
        waited_s = self._clock.monotonic_s() - job.seen_s
        return spent_s(job.n.created_ms, job.seen_ms, waited_s) >= min(self._sender.budget_s(job.n), BUDGET_S)

    async def _record(self, job: Job, outcome: Outcome, ends: bool) -> None:
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
