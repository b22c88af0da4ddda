"""Promise P7 over any web of fallbacks: what can arrive does, and nothing is given up before four hours of trying."""

from __future__ import annotations

from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.contracts.findings import Delivery
from services.alerting.channels.doors import Doors
from services.alerting.channels.switchboard import Switchboard
from services.alerting.notification import Notification, notification_key
from services.alerting.retry import BUDGET_S, BUDGET_WITH_FALLBACK_S
from services.alerting.rules import AnomalyRule
from services.alerting.tenant import Tenant
from tests.unit.alerting.situation import T0, S, episode, tenant

NAMES = ("a", "b", "c", "d")


def told_through(audience: list[str], fallbacks: dict[str, str]) -> tuple[Tenant, Switchboard]:
    """A tenant with one page for these channels, and the switchboard that judges them."""
    t = tenant({"odd": AnomalyRule()}, route={"critical_wait_s": 0, "channels": audience})
    for name in NAMES:
        t.config("channel", name, {"type": "slack", "url_file": name, "fallback": fallbacks.get(name, "")}, T0)
    t.episode(episode())
    return t, Switchboard(lambda _t, name: t.running.channels.get(name), cast("Doors", None))  # nothing is sent here


def through(t: Tenant, board: Switchboard, dead: set[str]) -> tuple[dict[str, int], dict[str, int]]:
    """What became of every message: key → when it was sent, key → when it was given up, s after the page."""
    sent: dict[str, int] = {}
    given_up: dict[str, int] = {}
    while waiting := t.outbox.waiting():
        ends = {n.key: int(board.budget_s(n)) if n.channel in dead else 0 for n in waiting}
        m: Notification = min(waiting, key=lambda n: ends[n.key])
        done = sent if m.channel not in dead else given_up
        done[m.key] = ends[m.key]
        state = "sent" if m.channel not in dead else "failed"
        t.delivery(Delivery(m.key, m.group, t.name, m.channel, T0 + done[m.key] * S, state, dedup_key=m.key))  # type: ignore[arg-type]  # two of its states
    return sent, given_up


@given(
    audience=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    fallbacks=st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*NAMES, "nobody"])),
    dead=st.sets(st.sampled_from(NAMES)),
)
@settings(max_examples=300, deadline=None)
def test_every_page_arrives_where_it_can_or_is_tried_for_four_hours(audience: list[str], fallbacks: dict[str, str], dead: set[str]) -> None:
    t, board = told_through(audience, fallbacks)
    (first, *_) = t.outbox.waiting()
    sent, given_up = through(t, board, dead)
    assert not sent.keys() & given_up.keys()
    for start in audience:
        at, way = start, []
        while at in NAMES and at not in way and (at == start or at not in audience):
            way.append(at)
            at = fallbacks.get(at, "")
        keys = [notification_key(t.name, first.group, first.state_version, name, 0) for name in way]
        if any(name not in dead for name in way):
            assert any(k in sent for k in keys), "a channel of its chain works: it arrives"
        else:
            assert max(given_up[k] for k in keys) == BUDGET_S, "none works: the last one has four hours"
        assert all(given_up.get(k, BUDGET_WITH_FALLBACK_S) == BUDGET_WITH_FALLBACK_S for k in keys[:-1]), "those before it hand over early"


def test_two_that_name_one_another_and_are_both_told_have_four_hours_each() -> None:
    t, board = told_through(["a", "b"], {"a": "b", "b": "a"})
    assert {n.channel: board.budget_s(n) for n in t.outbox.waiting()} == {"a": BUDGET_S, "b": BUDGET_S}
    assert through(t, board, {"a", "b"})[1].values() and t.outbox.undelivered == 2
