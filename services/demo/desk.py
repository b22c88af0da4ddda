"""A small service desk beside the landscape: tickets with priorities and two queues, some of them late.

Every ticket is a function of (seed, hour of opening), so that history, a live run and a run after a restart agree about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kizashi.contracts.inputs import Event, EventType

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
ENTITY = "service-desk"
A_DAY = 14.0
"""Tickets a day; most come in working hours."""
QUEUES: tuple[tuple[str, float], ...] = (("accounts", 6.0), ("network", 14.0))
"""Queue and the median minutes until somebody answers: one is staffed better than the other."""
PRIORITIES: tuple[tuple[str, float, float], ...] = (("P1", 0.1, 45.0), ("P2", 0.35, 110.0), ("P3", 0.55, 300.0))
"""Priority, share of the tickets, median minutes of work."""
TITLES = ("cannot log in", "VPN drops", "new laptop", "mailbox full", "printer offline", "access to reports", "slow checkout screen")
OLDEST_MS = 48 * HOUR_MS
"""No ticket lives longer."""


@dataclass(frozen=True)
class Ticket:
    """One ticket as it comes to pass; times in ms."""

    id: str
    queue: str
    priority: str
    title: str
    opened_ms: int
    acknowledged_ms: int
    resolved_ms: int


def tickets(start_ms: int, until_ms: int, seed: int) -> Iterator[Ticket]:
    """Tickets opened in [start, until), in order of opening hour."""
    for hour in range(start_ms // HOUR_MS, -(-until_ms // HOUR_MS)):
        rng = np.random.Generator(np.random.Philox(key=[seed, hour]))
        busy = np.exp(-(((hour % 24 - 13.0) / 4.0) ** 2))
        for number in range(int(rng.poisson(A_DAY * (0.15 + busy) / 10.7))):  # the hours of a day add up to 10.7
            ticket = _ticket(rng, hour, number)
            if start_ms <= ticket.opened_ms < until_ms:
                yield ticket


def _ticket(rng: np.random.Generator, hour: int, number: int) -> Ticket:
    queue, answer = QUEUES[int(rng.integers(len(QUEUES)))]
    priority, _, work = PRIORITIES[int(rng.choice(len(PRIORITIES), p=[share for _, share, _ in PRIORITIES]))]
    opened = hour * HOUR_MS + int(rng.integers(HOUR_MS))
    answered = opened + int(answer * rng.lognormal(0.0, 0.9) * MINUTE_MS)
    done = min(answered + int(work * rng.lognormal(0.0, 0.7) * MINUTE_MS), opened + OLDEST_MS)
    title = TITLES[int(rng.integers(len(TITLES)))]
    return Ticket(f"DESK-{hour % 100_000}-{number}", queue, priority, title, opened, min(answered, done - 1), done)


def past_events(tenant: str, start_ms: int, live_ms: int, seed: int) -> list[Event]:
    """Events of tickets that were resolved before ``live_ms``, in time order: for the models to learn from."""
    done = [t for t in tickets(start_ms, live_ms, seed) if t.resolved_ms <= live_ms]
    return sorted((e for t in done for e in _events(t, tenant, "past_ticket")), key=lambda e: e.ts_ms)


def live_events(tenant: str, live_ms: int, until_ms: int, seed: int, first_ms: int) -> list[Event]:
    """What is to be sent from ``live_ms`` on, in time order; tickets already open are told again, with the times they had.

    A desk that first went live at ``first_ms`` may have been away with tickets open: those resolved meanwhile are told as resolved.
    """
    told = []
    for t in tickets(live_ms - OLDEST_MS, until_ms, seed):
        if t.resolved_ms > live_ms:
            told += list(_events(t, tenant, "ticket"))
        elif t.resolved_ms > first_ms:
            told += list(_events(t, tenant, "ticket"))[-1:]
    return sorted((e for e in told if e.ts_ms < until_ms), key=lambda e: e.ts_ms)


def _events(t: Ticket, tenant: str, kind: EventType) -> Iterator[Event]:
    about = {"priority": t.priority, "queue": t.queue, "opened_ms": t.opened_ms}

    def event(at_ms: int, state: str, **times: int) -> Event:
        return Event(kind, ENTITY, at_ms, t.id, tenant, t.title, source="demo", attributes={**about, "state": state, **times})

    yield event(t.opened_ms, "open")
    yield event(t.acknowledged_ms, "in_progress", acknowledged_ms=t.acknowledged_ms)
    yield event(t.resolved_ms, "resolved", acknowledged_ms=t.acknowledged_ms, resolved_ms=t.resolved_ms)
