"""The open tickets of one tenant: their clocks, the questions asked about them, and the risks that come of it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from kizashi.contracts.business_calendar import BusinessCalendar
from kizashi.contracts.findings import Risk, Severity
from kizashi.contracts.inputs import Event
from kizashi.contracts.promises import Promise
from kizashi.errors import Damaged
from services.forecast.config import MINUTE_MS
from services.forecast.ticket import Desk, Ticket, Watch, ticket_of
from services.forecast.ticket_finding import ELAPSED_RULE, Told, risk_of
from services.forecast.ticket_risk import BreachModel, Situation

LOOK_EVERY_MS = 5 * MINUTE_MS
SOON_MS = 10_000
MAX_OPEN, MAX_DONE = 20_000, 5_000
LATE = 0.5
ANSWERED_WORK_S = 60.0
"""A first answer takes no work worth counting: only the queue before it."""
Place = tuple[int, int]
"""How many of its queue come before a ticket, and how many wait."""


@dataclass(frozen=True)
class Clock:
    """A promise about a ticket that still runs: ``name`` resolve or respond, how it is followed, who knows about it, open seconds given."""

    name: str
    watch: Watch
    model: BreachModel
    promised_s: float


class _Saved(msgspec.Struct, array_like=True):
    open: list[Ticket]
    done: list[Ticket]
    resolve: bytes
    respond: bytes
    looked_ms: int
    lost: int
    promises: list[Promise]
    calendars: list[BusinessCalendar]


class TicketBook:
    """Takes ticket events and time, gives risks. ``resolve`` and ``respond`` are the models of the two promises."""

    def __init__(self, tenant: str, resolve: BreachModel | None = None, respond: BreachModel | None = None) -> None:
        self.tenant = tenant
        self.desk = Desk([], [])
        self.open: dict[str, Ticket] = {}
        self.done: dict[str, Ticket] = {}
        self.resolve, self.respond = resolve or BreachModel(), respond or BreachModel()
        self.lost = 0
        self._looked_ms = 0

    def configure(self, desk: Desk) -> None:
        """Replace promises and calendars; they count from the next look on."""
        self.desk = desk

    def take(self, event: Event) -> list[Risk]:
        """One event about a ticket; raises InvalidMessage. A ticket that is over when first heard of is history, only learned from."""
        ticket = self.open.get(event.id) or self.done.pop(event.id, None)
        new = ticket is None
        if ticket is None:
            ticket = ticket_of(event)
            begun, over = None, None
        else:
            begun, over = ticket.acknowledged_ms, ticket.resolved_ms
            ticket.take(event)
        if not self._keep(ticket):
            return []
        promise = self.desk.promise(self.tenant, ticket.queue, ticket.priority)
        if promise is None:
            return []
        ended = list[Risk]()
        if begun is None and over is None and (ticket.acknowledged_ms is not None or ticket.resolved_ms is not None):
            ended += self._begin(ticket, promise)
        if ticket.resolved_ms is not None and over is None:
            ended += self._end(ticket, promise)
        if new and ticket.resolved_ms is not None:
            return []
        return ended + self._look(ticket, promise, event.ts_ms, self._ahead(), 0.0)

    def _keep(self, ticket: Ticket) -> bool:
        """Put a ticket where it belongs; False when there is no room for it."""
        if ticket.resolved_ms is not None:
            self.open.pop(ticket.id, None)
            self.done[ticket.id] = ticket
            while len(self.done) > MAX_DONE:
                del self.done[next(iter(self.done))]
        elif len(self.open) < MAX_OPEN or ticket.id in self.open:
            self.open[ticket.id] = ticket
        else:
            self.lost += 1
            return False
        return True

    def look_soon(self, now_ms: int) -> None:
        """What was just told of a ticket is old: look again in SOON_MS, when more of what came with it is known, its end perhaps."""
        self._looked_ms = min(self._looked_ms, now_ms + SOON_MS - LOOK_EVERY_MS)

    def due(self, now_ms: int) -> bool:
        """Whether it is time to look again."""
        return now_ms - self._looked_ms >= LOOK_EVERY_MS

    def advance(self, now_ms: int, anomalies: Mapping[str, float] | None = None) -> list[Risk]:
        """Time goes on; every five minutes all open tickets are looked at. ``anomalies`` counts live ones by entity."""
        if not self.due(now_ms):
            return []
        self._looked_ms = now_ms
        ahead, risks = self._ahead(), list[Risk]()
        for ticket in list(self.open.values()):
            promise = self.desk.promise(self.tenant, ticket.queue, ticket.priority)
            if promise is not None:
                risks += self._look(ticket, promise, now_ms, ahead, (anomalies or {}).get(ticket.entity, 0.0))
        return risks

    def breach_probabilities(self, now_ms: int, name: str = "resolve") -> dict[str, tuple[float | None, float]]:
        """P(late), None while it is not known, and the share of the promise used, of every open ticket whose clock ``name`` runs."""
        ahead, out = self._ahead(), dict[str, tuple[float | None, float]]()
        for ticket in self.open.values():
            promise = self.desk.promise(self.tenant, ticket.queue, ticket.priority)
            for clock in self._running(ticket, promise) if promise is not None else ():
                if promise is not None and clock.name == name:
                    s = self._situation(ticket, promise, clock, now_ms, ahead, 0.0)
                    out[ticket.id] = (clock.model.probability(clock.model.features(s)), s.share)
        return out

    def _running(self, ticket: Ticket, promise: Promise) -> Iterator[Clock]:
        """The promises about a ticket that are not yet kept."""
        if ticket.resolved_ms is None:
            yield Clock("resolve", ticket.resolve, self.resolve, promise.resolve_s)
            if promise.respond_s > 0 and ticket.acknowledged_ms is None:
                yield Clock("respond", ticket.respond, self.respond, promise.respond_s)

    def _look(self, ticket: Ticket, promise: Promise, now_ms: int, ahead: Mapping[str, Place], anomalies: float) -> list[Risk]:
        """Ask about a ticket: for the record at each tenth of its promise, for people when the answer has moved."""
        risks = []
        for clock in self._running(ticket, promise):
            s = self._situation(ticket, promise, clock, now_ms, ahead, anomalies)
            x, watch = clock.model.features(s), clock.watch
            if s.share >= 1.0 and not watch.settled:
                _settle(ticket, clock, s.share, None)
            elif s.share < 1.0 and s.share >= watch.asked / 10.0:
                watch.asked = int(10.0 * s.share) + 1
                watch.questions = [*watch.questions, x.tolist()]
            p = 1.0 if s.share >= 1.0 else clock.model.probability(x)
            firing = p >= LATE if p is not None else s.share >= ELAPSED_RULE
            severity: Severity = "critical" if s.share >= 1.0 else "warning" if firing else "info"
            told = f"{severity}|{round(25 * (p or 0.0))}|{p is None}|{s.share >= ELAPSED_RULE}"
            if told != watch.told:
                watch.told, watch.version = told, watch.version + 1
                reasons = clock.model.reasons(x) if s.share < 1.0 else []
                said = Told(clock.name, clock.promised_s, watch.version, now_ms, s, p, firing, severity, reasons, clock.model.settled)
                risks.append(risk_of(ticket, said, self.desk.calendar(promise)))
        return risks

    def _situation(
        self, ticket: Ticket, promise: Promise, clock: Clock, now_ms: int, ahead: Mapping[str, Place], anomalies: float
    ) -> Situation:
        calendar = self.desk.calendar(promise)
        used = ticket.counted_s(calendar, now_ms)
        begun = ticket.acknowledged_ms
        worked = max(0.0, used - ticket.counted_s(calendar, begun)) if begun is not None and begun <= now_ms else None
        place, queue = ahead.get(ticket.id, (0, 0))
        return Situation(
            _group(ticket), ticket.queue, used / clock.promised_s, clock.promised_s - used, worked, place, queue,
            ticket.waiting_since_ms is not None, ticket.reopened, anomalies,
        )  # fmt: skip

    def _ahead(self) -> dict[str, Place]:
        """The place of each ticket that nobody works on yet."""
        queues: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
        for t in self.open.values():
            if t.acknowledged_ms is None:
                promise = self.desk.promise(self.tenant, t.queue, t.priority)
                queues[t.queue].append((promise.resolve_s if promise else math.inf, t.opened_ms, t.id))
        out = {}
        for waiting in queues.values():
            for place, (_, _, id_) in enumerate(sorted(waiting)):
                out[id_] = (place, len(waiting))
        return out

    def _begin(self, ticket: Ticket, promise: Promise) -> list[Risk]:
        """Somebody began to work, or was done before saying so: the queue moved, and the response clock stopped."""
        at = ticket.acknowledged_ms if ticket.acknowledged_ms is not None else ticket.resolved_ms
        assert at is not None
        calendar, flow = self.desk.calendar(promise), self.resolve.flows.get(ticket.queue)
        gap_s = calendar.open_s(flow.started_ms, at) if flow is not None and flow.started_ms else 1800.0
        for model in {id(m): m for m in (self.resolve, self.respond)}.values():
            model.started(ticket.queue, gap_s, at)
        if promise.respond_s <= 0:
            return []
        clock = Clock("respond", ticket.respond, self.respond, promise.respond_s)
        if not clock.watch.settled:
            _settle(ticket, clock, ticket.counted_s(calendar, at) / clock.promised_s, ANSWERED_WORK_S)
        return self._closing(ticket, promise, clock, at)

    def _end(self, ticket: Ticket, promise: Promise) -> list[Risk]:
        assert ticket.resolved_ms is not None
        calendar, clock = self.desk.calendar(promise), Clock("resolve", ticket.resolve, self.resolve, promise.resolve_s)
        total = ticket.counted_s(calendar, ticket.resolved_ms)
        begun = ticket.acknowledged_ms
        work = total - ticket.counted_s(calendar, begun) if begun is not None else None
        if not clock.watch.settled:
            _settle(ticket, clock, total / clock.promised_s, work)
        return self._closing(ticket, promise, clock, ticket.resolved_ms)

    def _closing(self, ticket: Ticket, promise: Promise, clock: Clock, at_ms: int) -> list[Risk]:
        """The last word about a promise that people were told of: kept or broken."""
        clock.watch.questions = []
        if not clock.watch.version:
            return []
        s = self._situation(ticket, promise, clock, at_ms, {}, 0.0)
        clock.watch.version, clock.watch.told = clock.watch.version + 1, ""
        late = float(s.share > 1.0)
        said = Told(clock.name, clock.promised_s, clock.watch.version, at_ms, s, late, False, "info", [], clock.model.settled, over=True)
        return [risk_of(ticket, said, self.desk.calendar(promise))]

    def dump(self) -> bytes:
        """State as bytes."""
        saved = _Saved(
            list(self.open.values()), list(self.done.values()), self.resolve.dump(), self.respond.dump(), self._looked_ms, self.lost,
            self.desk.promises, list(self.desk.calendars.values()),
        )  # fmt: skip
        return msgspec.msgpack.encode(saved, order="deterministic")

    @classmethod
    def load(cls, data: bytes, tenant: str) -> TicketBook:
        """Inverse of ``dump``; raises Damaged."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
            out = cls(tenant, BreachModel.load(saved.resolve), BreachModel.load(saved.respond))
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as x:
            raise Damaged(f"the state of the tickets is not readable: {x}") from x
        out.open, out.done = {t.id: t for t in saved.open}, {t.id: t for t in saved.done}
        out.desk = Desk(saved.promises, saved.calendars)
        out._looked_ms, out.lost = saved.looked_ms, saved.lost
        return out


def _settle(ticket: Ticket, clock: Clock, share: float, work_s: float | None) -> None:
    """The answer is known: learn it for every question asked."""
    clock.watch.settled = True
    asked = [np.array(x) for x in clock.watch.questions]
    clock.watch.questions = []
    clock.model.settle(_group(ticket), share, work_s, asked)


def _group(ticket: Ticket) -> str:
    return f"{ticket.queue}|{ticket.priority}"
