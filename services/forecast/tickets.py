"""The open tickets of one tenant: their clocks, the questions asked about them, and the risks that come of it."""

from __future__ import annotations

import math
from collections import defaultdict

import msgspec
import numpy as np

from kizashi.contracts.findings import Factor, Risk, Severity
from kizashi.contracts.ids import finding_id
from kizashi.contracts.inputs import Event
from kizashi.contracts.promises import Promise
from kizashi.errors import ConfigurationError, Damaged
from services.forecast.config import MINUTE_MS
from services.forecast.ticket import Desk, Ticket, ticket_of
from services.forecast.ticket_risk import BreachModel, Situation

LOOK_EVERY_MS = 5 * MINUTE_MS
ELAPSED_RULE = 0.8
"""The plain rule beside the model: four fifths of the promise are gone."""
MAX_OPEN, MAX_DONE = 20_000, 5_000
LATE = 0.5


class _Saved(msgspec.Struct, array_like=True):
    open: list[Ticket]
    done: list[Ticket]
    asked: dict[str, list[list[float]]]
    resolve: bytes
    respond: bytes
    looked_ms: int
    lost: int


class TicketBook:
    """Takes ticket events and time, gives risks. ``resolve`` and ``respond`` are the models of the two promises."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.desk = Desk([], [])
        self.open: dict[str, Ticket] = {}
        self.done: dict[str, Ticket] = {}
        self.resolve, self.respond = BreachModel(), BreachModel()
        self.lost = 0
        self._asked: dict[str, list[list[float]]] = {}
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
        if ticket.resolved_ms is not None:
            self.open.pop(ticket.id, None)
            self.done[ticket.id] = ticket
            while len(self.done) > MAX_DONE:
                del self.done[next(iter(self.done))]
        elif len(self.open) < MAX_OPEN or ticket.id in self.open:
            self.open[ticket.id] = ticket
        else:
            self.lost += 1
            return []
        promise = self.desk.promise(self.tenant, ticket.queue, ticket.priority)
        if promise is None:
            return []
        if ticket.acknowledged_ms is not None and begun is None:
            self._begin(ticket, promise)
        if ticket.resolved_ms is not None and over is None:
            self._end(ticket, promise)
            return [] if new else [self._closing(ticket, promise)]
        if ticket.resolved_ms is None:
            return self._look(ticket, promise, event.ts_ms, self._ahead(), 0.0)
        return []

    def advance(self, now_ms: int, anomalies: dict[str, float] | None = None) -> list[Risk]:
        """Time goes on; every five minutes all open tickets are looked at. ``anomalies`` counts live ones by entity."""
        if now_ms - self._looked_ms < LOOK_EVERY_MS:
            return []
        self._looked_ms = now_ms
        ahead, risks = self._ahead(), list[Risk]()
        for ticket in list(self.open.values()):
            promise = self.desk.promise(self.tenant, ticket.queue, ticket.priority)
            if promise is not None:
                risks += self._look(ticket, promise, now_ms, ahead, (anomalies or {}).get(ticket.entity, 0.0))
        return risks

    def breach_probabilities(self, now_ms: int) -> dict[str, tuple[float | None, float]]:
        """P(resolved late), None while it is not known, and the share of the promise used, of every open ticket with a promise."""
        ahead, out = self._ahead(), dict[str, tuple[float | None, float]]()
        for ticket in self.open.values():
            promise = self.desk.promise(self.tenant, ticket.queue, ticket.priority)
            if promise is not None:
                s = self._situation(ticket, promise, now_ms, ahead, 0.0)
                out[ticket.id] = (self.resolve.probability(self.resolve.features(s)), s.share)
        return out

    def _look(self, ticket: Ticket, promise: Promise, now_ms: int, ahead: dict[str, tuple[int, int]], anomalies: float) -> list[Risk]:
        """Ask about a ticket: for the record at each tenth of its promise, for people when the answer has moved."""
        s = self._situation(ticket, promise, now_ms, ahead, anomalies)
        x = self.resolve.features(s)
        if s.share >= 1.0 and not ticket.settled:
            self._settle(ticket, s.share, None)
        elif s.share < 1.0 and s.share >= ticket.asked / 10.0:
            ticket.asked = int(10.0 * s.share) + 1
            self._asked.setdefault(ticket.id, []).append(x.tolist())
        p = 1.0 if s.share >= 1.0 else self.resolve.probability(x)
        firing = p >= LATE if p is not None else s.share >= ELAPSED_RULE
        severity: Severity = "critical" if s.share >= 1.0 else "warning" if firing else "info"
        told = f"{severity}|{round(25 * (p or 0.0))}|{p is None}|{s.share >= ELAPSED_RULE}"
        if told == ticket.told:
            return []
        ticket.told, ticket.version = told, ticket.version + 1
        return [self._risk(ticket, promise, now_ms, s, p, firing, severity, self.resolve.reasons(x) if s.share < 1.0 else [])]

    def _situation(self, ticket: Ticket, promise: Promise, now_ms: int, ahead: dict[str, tuple[int, int]], anomalies: float) -> Situation:
        calendar = self.desk.calendar(promise)
        used = ticket.counted_s(calendar, now_ms)
        begun = ticket.acknowledged_ms
        worked = max(0.0, used - ticket.counted_s(calendar, begun)) if begun is not None and begun <= now_ms else None
        place, queue = ahead.get(ticket.id, (0, 0))
        return Situation(
            _group(ticket), ticket.queue, used / promise.resolve_s, promise.resolve_s - used, worked, place, queue,
            ticket.waiting_since_ms is not None, ticket.reopened, anomalies,
        )  # fmt: skip

    def _ahead(self) -> dict[str, tuple[int, int]]:
        """For each ticket that nobody works on yet: how many of its queue come first, and how many wait."""
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

    def _begin(self, ticket: Ticket, promise: Promise) -> None:
        """Somebody began to work: the queue moved, and the response clock stopped."""
        assert ticket.acknowledged_ms is not None
        calendar, flow = self.desk.calendar(promise), self.resolve.flows.get(ticket.queue)
        if flow is not None and flow.started_ms:
            self.resolve.started(ticket.queue, calendar.open_s(flow.started_ms, ticket.acknowledged_ms), ticket.acknowledged_ms)
        else:
            self.resolve.started(ticket.queue, 1800.0, ticket.acknowledged_ms)
        if promise.respond_s > 0:
            self.respond.settle(_group(ticket), ticket.counted_s(calendar, ticket.acknowledged_ms) / promise.respond_s, 60.0, [])

    def _end(self, ticket: Ticket, promise: Promise) -> None:
        assert ticket.resolved_ms is not None
        calendar = self.desk.calendar(promise)
        total = ticket.counted_s(calendar, ticket.resolved_ms)
        begun = ticket.acknowledged_ms
        work = total - ticket.counted_s(calendar, begun) if begun is not None else None
        if not ticket.settled:
            self._settle(ticket, total / promise.resolve_s, work)

    def _settle(self, ticket: Ticket, share: float, work_s: float | None) -> None:
        ticket.settled = True
        asked = [np.array(x) for x in self._asked.pop(ticket.id, [])]
        self.resolve.settle(_group(ticket), share, work_s, asked)

    def _closing(self, ticket: Ticket, promise: Promise) -> Risk:
        """The last word about a ticket: kept or broken."""
        assert ticket.resolved_ms is not None
        s = self._situation(ticket, promise, ticket.resolved_ms, {}, 0.0)
        ticket.version, ticket.told = ticket.version + 1, ""
        self._asked.pop(ticket.id, None)
        return self._risk(ticket, promise, ticket.resolved_ms, s, float(s.share > 1.0), False, "info", [])

    def _risk(
        self, ticket: Ticket, promise: Promise, now_ms: int, s: Situation, p: float | None, firing: bool, severity: Severity,
        reasons: list[tuple[str, float]],
    ) -> Risk:  # fmt: skip
        factors = [Factor(name, part) for name, part in reasons]
        if s.share >= ELAPSED_RULE:
            factors.append(Factor("80 % elapsed", s.share, f"{100 * s.share:.0f} % of the promised time is gone"))
        if promise.respond_s > 0 and ticket.acknowledged_ms is None:
            share = ticket.counted_s(self.desk.calendar(promise), now_ms) / promise.respond_s
            factors.append(Factor("response", share, f"{100 * share:.0f} % of the time to respond is gone"))
        if p is None:
            reason = f"{self.resolve.settled} of 30 tickets learned; the 80 % rule speaks"
        else:
            reason = "resolved" if ticket.resolved_ms is not None else ""
        return Risk(
            id=finding_id("ticket", self.tenant, ticket.id),
            version=ticket.version,
            tenant=self.tenant,
            entity=ticket.entity,
            kind="ticket",
            made_at_ms=now_ms,
            title=f"{ticket.priority} {ticket.queue}: {ticket.title or ticket.id}".strip(),
            horizon_s=int(max(0.0, s.room_s)),
            probability=p,
            reason=reason,
            eta_ms=self._deadline(ticket, promise, now_ms, s),
            value=s.share,
            threshold=1.0,
            firing=firing,
            severity=severity,
            factors=factors,
        )

    def _deadline(self, ticket: Ticket, promise: Promise, now_ms: int, s: Situation) -> int | None:
        """When the promise ends if nothing pauses it any more; None once it is over or while somebody else is waited for."""
        if s.room_s <= 0 or ticket.waiting_since_ms is not None or ticket.resolved_ms is not None:
            return None
        try:
            return self.desk.calendar(promise).deadline_ms(now_ms, s.room_s)
        except ConfigurationError:
            return None

    def dump(self) -> bytes:
        """State as bytes; promises and calendars come from the configuration."""
        saved = _Saved(
            list(self.open.values()), list(self.done.values()), self._asked, self.resolve.dump(), self.respond.dump(),
            self._looked_ms, self.lost,
        )  # fmt: skip
        return msgspec.msgpack.encode(saved)

    @classmethod
    def load(cls, data: bytes, tenant: str) -> TicketBook:
        """Inverse of ``dump``; raises Damaged."""
        out = cls(tenant)
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
            out.resolve, out.respond = BreachModel.load(saved.resolve), BreachModel.load(saved.respond)
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as x:
            raise Damaged(f"the state of the tickets is not readable: {x}") from x
        out.open, out.done = {t.id: t for t in saved.open}, {t.id: t for t in saved.done}
        out._asked, out._looked_ms, out.lost = saved.asked, saved.looked_ms, saved.lost
        return out


def _group(ticket: Ticket) -> str:
    return f"{ticket.queue}|{ticket.priority}"
