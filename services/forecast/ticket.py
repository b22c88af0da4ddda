"""One ticket and its clocks: time counts while somebody is there to work on it and nobody else is waited for."""

from __future__ import annotations

import msgspec

from kizashi.contracts.business_calendar import ALWAYS_OPEN, BusinessCalendar
from kizashi.contracts.inputs import Event
from kizashi.contracts.promises import Promise
from kizashi.errors import ConfigurationError, InvalidMessage

WAITING = frozenset({"pending", "waiting", "on_hold", "on hold", "waiting_for_customer"})
"""States in which the desk waits for somebody else: the clocks stand still."""
CLOSED = frozenset({"resolved", "closed", "done", "cancelled"})


class Desk:
    """Promises and calendars; the most specific promise counts."""

    def __init__(self, promises: list[Promise], calendars: list[BusinessCalendar]) -> None:
        """Raises ConfigurationError for a promise without time or with an unknown calendar, and for calendars that make no sense."""
        self.promises = promises
        self.calendars = {c.id: c.checked() for c in calendars} | {ALWAYS_OPEN.id: ALWAYS_OPEN}
        for p in promises:
            p.checked()
            if p.calendar not in self.calendars:
                raise ConfigurationError(f"the promise for {p.priority!r} names the calendar {p.calendar!r}, which does not exist")

    def promise(self, tenant: str, queue: str, priority: str) -> Promise | None:
        """The promise for such a ticket, if there is one."""
        fitting = [p for p in self.promises if p.tenant == tenant and p.priority == priority and p.queue in ("", queue)]
        return max(fitting, key=lambda p: p.queue, default=None)

    def calendar(self, promise: Promise) -> BusinessCalendar:
        """The calendar a promise is counted in."""
        return self.calendars[promise.calendar]


class Watch(msgspec.Struct):
    """One promise about one ticket as it is followed: how often it was asked about, whether it is settled, what was last told."""

    asked: int = 0
    """Checkpoints that have been asked about, per cent of the promise in tens."""
    settled: bool = False
    version: int = 0
    told: str = ""
    questions: list[list[float]] = []
    """Features of each question, to be learned when the answer is known."""


class Ticket(msgspec.Struct):
    """A ticket as events have told it. ``waits`` are (from, to) spans (ms) that do not count; times that are not known yet are None."""

    id: str
    tenant: str
    entity: str
    queue: str
    priority: str
    opened_ms: int
    acknowledged_ms: int | None = None
    resolved_ms: int | None = None
    waiting_since_ms: int | None = None
    waits: list[tuple[int, int]] = []
    reopened: int = 0
    title: str = ""
    resolve: Watch = msgspec.field(default_factory=Watch)
    respond: Watch = msgspec.field(default_factory=Watch)

    def take(self, event: Event) -> None:
        """Take in an event about this ticket: what it says wins over what was known, what it leaves out stays."""
        a = event.attributes
        self.queue, self.priority = str(a.get("queue", self.queue)), str(a.get("priority", self.priority))
        self.title = event.title or self.title
        self.opened_ms = _time(a, "opened_ms", event) or self.opened_ms
        self.acknowledged_ms = _time(a, "acknowledged_ms", event) or self.acknowledged_ms
        state = str(a.get("state", "")).lower()
        resolved = _time(a, "resolved_ms", event) or (event.ts_ms if state in CLOSED else None)
        if self.resolved_ms is not None and resolved is None and state:
            self.waits = [*self.waits, (self.resolved_ms, event.ts_ms)]  # reopened: the time it was thought done does not count
            self.resolved_ms, self.reopened, self.resolve.settled = None, self.reopened + 1, False
        elif resolved is not None:
            self.resolved_ms = resolved
        if state in ("acknowledged", "in_progress", "assigned") and self.acknowledged_ms is None:
            self.acknowledged_ms = event.ts_ms
        if state in WAITING and self.waiting_since_ms is None:
            self.waiting_since_ms = event.ts_ms
        elif state and state not in WAITING and self.waiting_since_ms is not None:
            self.waits = [*self.waits, (self.waiting_since_ms, event.ts_ms)]
            self.waiting_since_ms = None
        self.reopened = max(self.reopened, _count(a, "reopen_count", event))

    def counted_s(self, calendar: BusinessCalendar, until_ms: int) -> float:
        """Open seconds from the opening to ``until``, without waits, at most to the resolution."""
        end = until_ms if self.resolved_ms is None else min(until_ms, self.resolved_ms)
        spans = [*self.waits, (self.waiting_since_ms, end)] if self.waiting_since_ms is not None else self.waits
        waited = sum(calendar.open_s(max(a, self.opened_ms), min(b, end)) for a, b in spans)
        return calendar.open_s(self.opened_ms, end) - waited


def ticket_of(event: Event) -> Ticket:
    """A new ticket from its first event."""
    a = event.attributes
    opened = _time(a, "opened_ms", event) or event.ts_ms
    ticket = Ticket(event.id, event.tenant, event.entity, str(a.get("queue", "")), str(a.get("priority", "")), opened)
    ticket.take(event)
    return ticket


def _time(attributes: dict[str, object], name: str, event: Event) -> int | None:
    """A time of an event, in ms; raises InvalidMessage when it is none."""
    value = attributes.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e14:
        raise InvalidMessage(f"ticket {event.id!r}: {name} is no time in milliseconds: {value!r}", "schema")
    return int(value)


def _count(attributes: dict[str, object], name: str, event: Event) -> int:
    """A count of an event, 0 without one; raises InvalidMessage when it is none."""
    value = attributes.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise InvalidMessage(f"ticket {event.id!r}: {name} is no count: {value!r}", "schema")
    return int(value)
