"""The demo's desk: any stretch is the same ticket by ticket, history ends where live begins, promises make sense."""

from __future__ import annotations

from kizashi.contracts.promises import decode_promised
from services.demo import desk
from services.demo.promises import PROMISED

DAY = 86_400_000
LIVE = 1_700_000_000_000


def test_any_stretch_is_the_same() -> None:
    whole = list(desk.tickets(LIVE - 14 * DAY, LIVE, 7))
    halves = [*desk.tickets(LIVE - 14 * DAY, LIVE - 7 * DAY - 1_234, 7), *desk.tickets(LIVE - 7 * DAY - 1_234, LIVE, 7)]
    assert whole == halves
    assert 120 < len(whole) < 280
    assert len({t.id for t in whole}) == len(whole)
    assert all(t.opened_ms <= t.acknowledged_ms < t.resolved_ms for t in whole)


def test_each_ticket_is_past_or_live_and_none_is_both() -> None:
    past = {e.id for e in desk.past_events("t", LIVE - 14 * DAY, LIVE, 7)}
    live = desk.live_events("t", LIVE, LIVE + DAY, 7, LIVE)
    opened = {e.id for e in live if e.attributes["state"] == "open"}
    assert not past & opened
    assert opened | past >= {t.id for t in desk.tickets(LIVE - 14 * DAY, LIVE + DAY - 3_600_000, 7)}
    assert not past & {e.id for e in live}


def test_after_a_pause_what_was_resolved_meanwhile_is_told() -> None:
    before = desk.live_events("t", LIVE, LIVE + 3_600_000, 7, LIVE)
    after = desk.live_events("t", LIVE + 3_600_000, LIVE + 2 * DAY, 7, LIVE)
    opened = {e.id for e in before if e.attributes["state"] == "open"}
    over = {e.id for e in before + after if e.attributes["state"] == "resolved"}
    assert opened <= over
    assert {e.id for e in after if e.attributes["state"] == "open"} & opened  # still open: told again


def test_promises_make_sense() -> None:
    for kind, id_, body in PROMISED:
        decode_promised(kind, id_, "default", dict(body))
