"""Tickets exported from a service desk: a CSV with opening, answer and resolution times becomes ticket events in time order.

A resolved ticket is history (``past_ticket``): its three moments teach the desk's models. One that is still open is a live ticket.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kizashi.contracts import codec
from kizashi.contracts.ids import finding_id, tenant_partition
from kizashi.contracts.inputs import Event, EventType
from kizashi.contracts.topics import EVENTS
from kizashi.errors import Refused
from kizashi.settings import KafkaSettings
from kizashi.stream.producer import Producer, Record
from services.ingest.files import TIME_COLUMNS, VALUE_COLUMNS, Findings
from services.ingest.times import text_ms

COLUMNS: dict[str, tuple[str, ...]] = {
    "opened": ("opened", "opened_at", "created", "created_at", "open_time", "sys_created_on", "opened_ms", "creation date"),
    "acknowledged": ("acknowledged", "acknowledged_at", "responded", "responded_at", "first_response", "first_response_at", "work_start",
                     "acknowledged_ms", "first response"),
    "resolved": ("resolved", "resolved_at", "closed", "closed_at", "resolutiondate", "resolution_date", "resolved_ms", "resolution date"),
    "priority": ("priority", "severity", "urgency"),
    "queue": ("queue", "team", "group", "assignment_group", "assignment group", "component"),
    "entity": ("entity", "service", "business_service", "cmdb_ci", "configuration item", "ci", "host"),
    "id": ("id", "ticket", "ticket_id", "key", "issue key", "number", "incident"),
    "title": ("title", "summary", "short_description", "short description", "subject"),
    "reopen_count": ("reopen_count", "reopened", "reopens"),
}  # fmt: skip
"""What a column means ← what service desks call it, in small letters; the first that is there counts."""
NEEDED = ("opened", "priority")


@dataclass
class TicketFile:
    """Events of a file in time order, how many tickets are history and how many open, and what could not be read."""

    events: list[Event] = field(default_factory=list)
    past: int = 0
    open: int = 0
    findings: Findings = field(default_factory=Findings)


def holds_tickets(header_line: str) -> bool:
    """Whether a CSV with this first line holds tickets, not samples."""
    header = _header(header_line)
    samples = any(c in header for c in VALUE_COLUMNS) and any(c in header for c in TIME_COLUMNS)
    found = _places(header)
    return not samples and all(name in found for name in NEEDED)


def read_tickets(lines: Iterable[str], tenant: str) -> TicketFile:
    """All tickets of a CSV; lines that make no sense are counted, the first with its reason. Raises Refused without the needed columns."""
    rows = iter(lines)
    first = next(rows, "")
    places, out = _places(_header(first)), TicketFile()
    missing = [name for name in NEEDED if name not in places]
    if missing:
        raise Refused(f"no {' and no '.join(missing)} column: {COLUMNS[missing[0]][0]} may be called {', '.join(COLUMNS[missing[0]])}")
    for number, row in enumerate(csv.reader(rows, delimiter=_delimiter(first)), 2):
        if not row:
            continue
        try:
            told = list(_events(row, places, tenant))
        except (ValueError, IndexError, OverflowError) as x:
            out.findings.refuse(f"line {number}", x)
            continue
        out.events += told
        if told[0].type == "past_ticket":
            out.past += 1
        else:
            out.open += 1
    out.events.sort(key=lambda e: (e.ts_ms, e.id))
    return out


def send_tickets(file: TicketFile, kafka: KafkaSettings) -> None:
    """Send every event and return when all are acknowledged; raises BusUnavailable."""
    producer = Producer(kafka, "kizashi-send")
    for event in file.events:
        place = tenant_partition(event.tenant, kafka.partitions)
        producer.send_waiting(Record(EVENTS.name, codec.encode(event), event.entity.encode(), place))
        producer.poll(0.0)
    producer.flush(60.0)


def _delimiter(header_line: str) -> str:
    return max(",;\t", key=header_line.count)


def _header(line: str) -> list[str]:
    row = next(csv.reader([line.lstrip("\ufeff")], delimiter=_delimiter(line)), [])
    return [name.strip().lower() for name in row]


def _places(header: Sequence[str]) -> dict[str, int]:
    found = {}
    for name, called in COLUMNS.items():
        at = next((header.index(c) for c in called if c in header), None)
        if at is not None:
            found[name] = at
    return found


def _events(row: list[str], places: dict[str, int], tenant: str) -> Iterator[Event]:
    """One to three events of a ticket. Raises ValueError."""
    cell = {name: row[at].strip() for name, at in places.items() if at < len(row)}
    times = {name: text_ms(cell[name]) for name in ("opened", "acknowledged", "resolved") if cell.get(name)}
    if "opened" not in times:
        raise ValueError("no opening time")
    opened, resolved = times["opened"], times.get("resolved")
    if any(at < opened for at in times.values()):
        raise ValueError("answered or resolved before it was opened")
    about = {"priority": cell.get("priority", ""), "queue": cell.get("queue", "")}
    id_ = cell.get("id") or finding_id("ticket-row", *row)
    entity = cell.get("entity") or cell.get("queue") or "desk"

    def event(at_ms: int, state: str, **attributes: int) -> Event:
        body = {**about, "state": state, "opened_ms": opened, **attributes}
        kind: EventType = "ticket" if resolved is None else "past_ticket"
        return Event(kind, entity, at_ms, id_, tenant, cell.get("title", ""), source="file", attributes=body)

    yield event(opened, "open")
    begun = times.get("acknowledged")
    if begun is not None and (resolved is None or begun <= resolved):
        yield event(begun, "in_progress", acknowledged_ms=begun)
    if resolved is not None:
        yield event(resolved, "resolved", resolved_ms=resolved, reopen_count=int(cell.get("reopen_count") or 0))
