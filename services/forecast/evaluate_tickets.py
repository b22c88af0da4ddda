"""How well P(late) does on the simulated desk: every question uses only what had happened; nothing is fitted beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.inputs import Event
from kizashi.contracts.promises import Promise
from services.forecast.desk import CALENDARS, PRIORITIES, QUEUES, RESOLVE_H, DeskTicket, simulate
from services.forecast.ticket import Desk
from services.forecast.tickets import TicketBook

F64 = NDArray[np.float64]
HOUR_MS = 3_600_000
LEARN_DAYS = 30


@dataclass(frozen=True)
class Score:
    """Brier scores and calibration of n questions. ``elapsed`` is the share of the promise used, taken as a probability;
    ``calibrated`` the same after an online recalibration in twenty bins, a harder opponent."""

    n: int
    base_rate: float
    brier: float
    elapsed: float
    calibrated: float
    ece: float
    auc: float

    @property
    def skill(self) -> float:
        """Brier skill over the elapsed share."""
        return 1.0 - self.brier / self.elapsed


def desk_of_simulation() -> Desk:
    """Promises and calendars of the simulated desk."""
    calendars = {c.id: c for c in CALENDARS}
    promises = [
        Promise(priority, 3600 * hours, 1800.0, queue, calendar.id)
        for queue, calendar in zip(QUEUES, CALENDARS, strict=True)
        for priority, hours in zip(PRIORITIES, RESOLVE_H, strict=True)
    ]
    return Desk(promises, list(calendars.values()))


def events_of(ticket: DeskTicket) -> list[Event]:
    """The events that a ticket system would have sent."""

    def event(ts: int, **attributes: object) -> Event:
        return Event("ticket", ticket.queue, ts, ticket.id, attributes={"queue": ticket.queue, "priority": ticket.priority, **attributes})

    out = [event(ticket.opened_ms, opened_ms=ticket.opened_ms, state="open")]
    out.append(event(ticket.acknowledged_ms, acknowledged_ms=ticket.acknowledged_ms, state="in_progress"))
    for start, end in ticket.pauses:
        out += [event(start, state="pending"), event(end, state="in_progress")]
    return [*out, event(ticket.resolved_ms, resolved_ms=ticket.resolved_ms, state="resolved")]


def evaluate(days: int, seed: int, every_h: float = 2.0, clock: str = "resolve") -> Score:
    """Ask about every open ticket every ``every_h`` hours, after ``LEARN_DAYS`` days; ``clock`` is resolve or respond."""
    desk, history = desk_of_simulation(), simulate(days, seed)
    late = {t.id: _late(t, desk, clock) for t in history}
    events = sorted((e for t in history for e in events_of(t)), key=lambda e: e.ts_ms)
    book = TicketBook("default")
    book.configure(desk)
    start, asked = events[0].ts_ms, list[tuple[float, float, float]]()
    now, every_ms = start, int(every_h * HOUR_MS)
    for event in events:
        while now + every_ms <= event.ts_ms:
            now += every_ms
            book.advance(now)
            if now - start >= LEARN_DAYS * 24 * HOUR_MS:
                asked += _ask_all(book, now, late, clock)
        book.take(event)
    return _score(np.array(asked))


def _ask_all(book: TicketBook, now: int, late: dict[str, bool], clock: str) -> list[tuple[float, float, float]]:
    rows = []
    for id_, (p, share) in book.breach_probabilities(now, clock).items():
        if share < 1.0 and p is not None:
            rows.append((p, share, float(late[id_])))
    return rows


def _late(ticket: DeskTicket, desk: Desk, clock: str) -> bool:
    promise = desk.promise("default", ticket.queue, ticket.priority)
    assert promise is not None
    calendar = desk.calendar(promise)
    if clock == "respond":
        return calendar.open_s(ticket.opened_ms, ticket.acknowledged_ms) > promise.respond_s
    used = calendar.open_s(ticket.opened_ms, ticket.resolved_ms) - sum(calendar.open_s(a, b) for a, b in ticket.pauses)
    return used > promise.resolve_s


def _score(rows: F64) -> Score:
    p, share, y = rows.T
    bins = np.array_split(np.argsort(p, kind="stable"), 10)
    ece = sum(len(b) * abs(p[b].mean() - y[b].mean()) for b in bins) / len(y)
    order = np.argsort(p, kind="stable")
    rank = np.empty(len(p))
    rank[order] = np.arange(1, len(p) + 1)
    n1 = y.sum()
    auc = (rank[y == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(y) - n1))
    calibrated = np.mean((_recalibrated(share, y) - y) ** 2)
    return Score(
        len(y), float(y.mean()), float(np.mean((p - y) ** 2)), float(np.mean((share - y) ** 2)), float(calibrated), float(ece), float(auc)
    )


def _recalibrated(share: F64, y: F64) -> F64:
    """Share of late ones among earlier questions in the same twentieth. Knows answers at once, which flatters it."""
    hits, seen, out = np.full(20, 0.2), np.ones(20), np.empty(len(y))
    for i, k in enumerate(np.minimum(19, (20 * share).astype(int))):
        out[i] = hits[k] / seen[k]
        hits[k] += y[i]
        seen[k] += 1
    return out
