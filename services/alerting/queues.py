"""Which message may go next: per channel a queue of lines, per group a line whose head goes first. Pure: time is passed in.

A line is one group's messages through one channel; its head must be settled before the next may go, so a resolution never overtakes its
alert. Lines wait in a heap by the time their head is due: starting one costs log n, whatever number of groups a storm has.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.alerting.breaker import Breaker
from services.alerting.notification import Notification

AT_ONCE_A_CHANNEL = 8
"""A slow channel holds a quarter of the courier's hands at most; eight at 100 ms a request are 80 messages a second."""


@dataclass
class Job:
    """One message on its way. ``seen_s`` is monotonic, ``seen_ms`` the wall clock, both when this process first saw it."""

    n: Notification
    seen_s: float
    seen_ms: int
    attempt: int = 0
    due_s: float = 0.0

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """Order within the line."""
        return (self.n.sequence, self.n.step, self.n.created_ms, self.n.key)


@dataclass
class Line:
    """The messages of one group, in order."""

    jobs: list[Job] = field(default_factory=list)
    busy: Job | None = None
    """The one under way: not always the first, since a fallback's older message may come in front of it."""
    queued: bool = False


@dataclass
class ChannelQueue:
    """The lines of one channel, its breaker, and the pause it asked for."""

    breaker: Breaker = field(default_factory=Breaker)
    paused_until_s: float = 0.0
    hands: int = 0
    """Attempts under way."""
    lines: dict[str, Line] = field(default_factory=dict)
    _ready: list[tuple[float, tuple[int, int, int, str], str]] = field(default_factory=list)

    def add(self, job: Job) -> None:
        """Put a message into its group's line."""
        line = self.lines.setdefault(job.n.group, Line())
        line.jobs.append(job)
        line.jobs.sort(key=lambda j: j.rank)
        self._offer(job.n.group, line)

    def remove(self, keys: set[str]) -> None:
        """Take messages out that somebody else has ended; those under way stay until they come back."""
        for line in self.lines.values():
            line.jobs = [j for j in line.jobs if j is line.busy or j.n.key not in keys]
        self._sweep()

    def blocked(self, now_s: float) -> bool:
        """Whether the channel is paused, or its breaker is open."""
        return self.paused_until_s > now_s or self.breaker.wait_s(now_s) > 0

    def take(self, now_s: float) -> Job | None:
        """The next message that may go now; its line is busy until ``give_back``."""
        if self.hands >= AT_ONCE_A_CHANNEL or self.blocked(now_s):
            return None
        job = self._pop(now_s)
        if job is not None:
            self.breaker.take(now_s)
        return job

    def take_overdue(self, overdue: set[str]) -> Iterator[Job]:
        """Messages whose budget is spent: they get their last attempt even though the channel is blocked."""
        for line in list(self.lines.values()):
            if line.jobs and not line.busy and line.jobs[0].n.key in overdue and self.hands < AT_ONCE_A_CHANNEL:
                line.busy = line.jobs[0]
                self.hands += 1
                yield line.busy

    def give_back(self, job: Job, settled: bool) -> None:
        """The attempt is over. A message that is not settled goes again when it is due."""
        line = self.lines[job.n.group]
        line.busy = None
        self.hands -= 1
        if settled:
            line.jobs.remove(job)
        self._offer(job.n.group, line)
        if not line.jobs:
            del self.lines[job.n.group]

    def heads(self) -> list[Job]:
        """The first message of every line that waits."""
        return [line.jobs[0] for line in self.lines.values() if line.jobs and not line.busy]

    def _offer(self, group: str, line: Line) -> None:
        if line.jobs and not line.busy and not line.queued:
            line.queued = True
            heapq.heappush(self._ready, (line.jobs[0].due_s, line.jobs[0].rank, group))

    def _pop(self, now_s: float) -> Job | None:
        while self._ready and self._ready[0][0] <= now_s:
            group = heapq.heappop(self._ready)[2]
            line = self.lines.get(group)
            if line is None:
                continue
            line.queued = False
            if line.busy or not line.jobs:
                continue
            if line.jobs[0].due_s > now_s:
                self._offer(group, line)
                continue
            line.busy = line.jobs[0]
            self.hands += 1
            return line.busy
        return None

    def _sweep(self) -> None:
        for group in [g for g, line in self.lines.items() if not line.jobs and not line.busy]:
            del self.lines[group]
