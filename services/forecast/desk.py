"""A simulated service desk with known truth, for tests and the benchmark: queues, skilled agents, shifts, priorities, bad days.

Tickets arrive as a Poisson stream that follows the hour, the weekday and surges (an outage brings many at once); agents take the most
urgent ticket of the queues they know, work only in their queue's open hours, and need log-normal time. Some tickets wait for the
customer, some are reopened.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np

from kizashi.contracts.business_calendar import BusinessCalendar

MINUTE_MS = 60_000
PRIORITIES = ("P1", "P2", "P3", "P4")
SHARES = (0.06, 0.19, 0.45, 0.3)
RESOLVE_H = (4.0, 8.0, 24.0, 40.0)
"""Promised open hours to resolve, by priority."""
WORK_H = (1.6, 2.0, 2.4, 2.0)
"""Median hours of work."""


@dataclass(frozen=True)
class DeskTicket:
    """A ticket as it came to pass; times in ms, ``pauses`` are (from, to) waits for the customer."""

    id: str
    queue: str
    priority: str
    opened_ms: int
    acknowledged_ms: int
    resolved_ms: int
    pauses: tuple[tuple[int, int], ...] = ()
    reopened: int = 0


@dataclass(order=True)
class _Job:
    rank: tuple[int, int]
    number: int
    queue: int = field(compare=False)
    priority: int = field(compare=False)
    opened: int = field(compare=False)


OFFICE = BusinessCalendar("office", "Europe/Berlin", (((480, 1080),),) * 5 + ((),) * 2)
LATE = BusinessCalendar("late", "Europe/Berlin", (((420, 1320),),) * 6 + ((),))
CALENDARS = (OFFICE, OFFICE, LATE)
QUEUES = ("desktop", "network", "apps")
AGENTS = ((0,), (0, 2), (0, 1), (1,), (2,), (2, 1), (2,))
"""Queues each agent knows."""


def simulate(days: int, seed: int, start_ms: int = 1_704_067_200_000, load: float = 1.0) -> list[DeskTicket]:
    """Tickets opened in ``days`` from ``start_ms`` (a Monday), by time of opening; about 16 a working day at ``load`` 1."""
    rng = np.random.default_rng(seed)
    arrivals = _arrivals(rng, days, load)
    free = [(0, a) for a in range(len(AGENTS))]
    heapq.heapify(free)
    waiting: list[_Job] = []
    done: list[DeskTicket] = []
    at = 0
    while at < len(arrivals) or waiting:
        now, agent = heapq.heappop(free)
        while at < len(arrivals) and arrivals[at].opened <= now:
            heapq.heappush(waiting, arrivals[at])
            at += 1
        job = _take(waiting, agent, now, start_ms)
        if job is None:
            upcoming = arrivals[at].opened if at < len(arrivals) and not waiting else now + 10
            heapq.heappush(free, (max(now + 5, min(upcoming, now + 60)), agent))
            continue
        ticket, end = _work(rng, job, now, start_ms)
        done.append(ticket)
        heapq.heappush(free, (end, agent))
    return sorted(done, key=lambda t: (t.opened_ms, t.id))


def _arrivals(rng: np.random.Generator, days: int, load: float) -> list[_Job]:
    """Jobs by minute of opening."""
    jobs, number, weekday_share = [], 0, (1.25, 1.05, 1.0, 1.0, 0.9, 0.25, 0.1)
    for day in range(days):
        mood = float(rng.lognormal(0.0, 0.25))
        surge = int(rng.integers(480, 960)) if rng.random() < 0.06 else -1
        for q in range(len(QUEUES)):
            for hour in range(24):
                shape = np.exp(-(((hour - 9.5) / 2.5) ** 2)) + 0.6 * np.exp(-(((hour - 14.5) / 2.5) ** 2)) + 0.02
                rate = load * mood * weekday_share[day % 7] * 0.75 * shape
                for _ in range(int(rng.poisson(rate))):
                    minute = day * 1440 + hour * 60 + int(rng.integers(60))
                    jobs.append(_job(rng, number := number + 1, q, minute))
        if surge >= 0:
            q = int(rng.integers(len(QUEUES)))
            for _ in range(int(rng.poisson(12))):
                jobs.append(_job(rng, number := number + 1, q, day * 1440 + surge + int(rng.exponential(20))))
    return sorted(jobs, key=lambda j: (j.opened, j.number))


def _job(rng: np.random.Generator, number: int, queue: int, minute: int) -> _Job:
    p = int(rng.choice(4, p=SHARES))
    return _Job((p, minute), number, queue, p, minute)


def _take(waiting: list[_Job], agent: int, now: int, start_ms: int) -> _Job | None:
    """The most urgent waiting ticket of an open queue that the agent knows."""
    ms = start_ms + now * MINUTE_MS
    open_now = {q for q in AGENTS[agent] if CALENDARS[q].open_s(ms, ms + MINUTE_MS) > 0}
    fitting = [j for j in waiting if j.queue in open_now]
    if not fitting:
        return None
    job = min(fitting)
    waiting.remove(job)
    heapq.heapify(waiting)
    return job


def _work(rng: np.random.Generator, job: _Job, now: int, start_ms: int) -> tuple[DeskTicket, int]:
    """Work on a job from minute ``now``: the ticket as it came to pass, and the minute at which the agent is free again."""
    calendar = CALENDARS[job.queue]
    start = start_ms + now * MINUTE_MS
    hours = WORK_H[job.priority] * float(rng.lognormal(0.0, 0.8))
    end, pauses, reopened = calendar.deadline_ms(start, 3600 * hours), list[tuple[int, int]](), 0
    free = end
    if rng.random() < 0.2:  # the customer is asked, answers some working hours later, and a little work is left
        back = calendar.deadline_ms(end, 3600 * float(rng.exponential(5.0)) + 60)
        pauses.append((end, back))
        end = calendar.deadline_ms(back, 3600 * 0.3 * float(rng.lognormal(0.0, 0.5)))
    if rng.random() < 0.07:
        reopened = 1
        end = calendar.deadline_ms(end, 3600 * float(rng.exponential(6.0)))
    ticket = DeskTicket(
        f"T{job.number}", QUEUES[job.queue], PRIORITIES[job.priority], start_ms + job.opened * MINUTE_MS, start, end,
        tuple(pauses), reopened,
    )  # fmt: skip
    return ticket, -(-(free - start_ms) // MINUTE_MS)
