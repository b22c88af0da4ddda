"""Ticket exports: which CSV holds tickets, and what becomes of each line."""

from __future__ import annotations

import pytest

from kizashi.errors import Refused
from services.ingest.tickets_file import holds_tickets, read_tickets

HEAD = "Issue key;Created;First response;Resolved;Priority;Assignment group;Summary\n"


@pytest.mark.parametrize(
    ("line", "tickets"),
    [
        ("id,opened,acknowledged,resolved,priority,queue\n", True),
        (HEAD, True),
        ("number\tsys_created_on\tpriority\n", True),
        ("timestamp,value\n", False),
        ("timestamp,value,priority,opened\n", False),
        ("opened,queue\n", False),
        ("", False),
    ],
)
def test_ticket_files_are_told_from_samples(line: str, tickets: bool) -> None:
    assert holds_tickets(line) is tickets


def test_resolved_tickets_are_history_and_open_ones_are_live() -> None:
    lines = [
        HEAD,
        "A-2;2026-01-02T10:00:00Z;;;P2;apps;still open\n",
        "A-1;2026-01-01T10:00:00Z;2026-01-01T10:30:00Z;2026-01-01T12:00:00Z;P1;network;VPN down\n",
        "\n",
        "A-3;2026-01-01T10:00:00Z;;2026-01-01T09:00:00Z;P1;network;before it began\n",
        "A-4;yesterday;;;P1;network;no time\n",
    ]
    file = read_tickets(lines, "acme")
    assert [(e.id, e.type, e.attributes["state"], e.tenant) for e in file.events] == [
        ("A-1", "past_ticket", "open", "acme"),
        ("A-1", "past_ticket", "in_progress", "acme"),
        ("A-1", "past_ticket", "resolved", "acme"),
        ("A-2", "ticket", "open", "acme"),
    ]
    assert (file.past, file.open, file.findings.bad) == (1, 1, 2)
    assert "before it was opened" in file.findings.first_bad
    assert file.events[2].attributes["resolved_ms"] - file.events[0].attributes["opened_ms"] == 7_200_000
    assert file.events[0].entity == "network"


def test_a_ticket_without_a_name_gets_the_same_one_each_time() -> None:
    lines = ["opened,priority\n", "2026-01-01T00:00:00Z,P1\n", "2026-01-01T00:00:00Z,P2\n"]
    first, again = read_tickets(lines, "t"), read_tickets(lines, "t")
    assert [e.id for e in first.events] == [e.id for e in again.events]
    assert len({e.id for e in first.events}) == 2


def test_a_file_without_the_needed_columns_is_refused() -> None:
    with pytest.raises(Refused):
        read_tickets(["id,queue\n"], "t")
