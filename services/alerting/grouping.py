"""Which alerts are said together, and when there is something to say: the decision table of one notification a state.

A group speaks first ``group_wait_s`` after its first alert (critical: ``critical_wait_s``), then at most every ``group_interval_s``, and
only if something changed since it last spoke: an alert fires that it has not told, one that it told is over, all are acknowledged, or
``repeat_interval_s`` passed with somebody still waiting. Acknowledgements, and the end of the last alert, do not wait for the interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from services.alerting.notification import Kind
from services.alerting.routing import Plan
from services.alerting.rules import rank
from services.alerting.states import Live

Told = Literal["firing", "acknowledged"]
END_WAIT_MS = 5_000
"""The end of the last alert is told this soon: long enough that alerts that end together are told together."""


class Group(msgspec.Struct):
    """Alerts of one node of the routing tree with the same grouping labels. Times in ms."""

    id: str
    plan: Plan
    labels: dict[str, str]
    due_ms: int
    members: dict[str, None] = {}
    told: dict[str, Told] = {}
    """Alerts that the audience believes to fire."""
    spoke_ms: int = 0
    """0: it has not spoken."""
    since_ms: int = 0
    """When the page that is running began; escalation counts from here."""
    step: int = 0
    sequence: int = 0
    reminders: int = 0
    loudest: int = 0
    """Rank of the loudest severity that was told."""
    audience: list[tuple[str, int]] = []
    """(channel, step) that were told of the running page."""


class Statement(msgspec.Struct, frozen=True):
    """What a group has to say now."""

    kind: Kind
    firing: list[str]
    """All that fire and are not held back, acknowledged ones included."""
    resolved: list[str]
    """Told before, over now."""
    fresh: list[str]
    """Of the firing ones, those that were not told before."""
    repeat: int = 0


def joined(group: Group, live: Live, now_ms: int) -> None:
    """An alert fires in this group, or became louder: when the group will speak. One that is held back hurries nobody."""
    group.members[live.id] = None
    critical = live.severity == "critical" and not live.held_back_by
    if not group.spoke_ms:
        if critical:
            group.due_ms = min(group.due_ms, now_ms + round(group.plan.critical_wait_s * 1000))
    elif critical and group.loudest < rank("critical"):
        group.due_ms = min(group.due_ms, now_ms + round(group.plan.critical_wait_s * 1000))


def first_due(plan: Plan, severity: str, now_ms: int) -> int:
    """When a new group speaks."""
    wait = min(plan.critical_wait_s, plan.group_wait_s) if severity == "critical" else plan.group_wait_s
    return now_ms + round(wait * 1000)


def hurried(group: Group, alerts: Mapping[str, Live], now_ms: int) -> None:
    """Bring a group's turn forward when all that it told is over, or acknowledged."""
    if not group.told:
        return
    states = {alerts[i].state for i in group.told if i in alerts}
    if states <= {"resolved"}:
        group.due_ms = min(group.due_ms, now_ms + END_WAIT_MS)
    elif "firing" not in states and "firing" in group.told.values():
        group.due_ms = min(group.due_ms, now_ms)


def statement(group: Group, alerts: Mapping[str, Live], held: Mapping[str, str], now_ms: int) -> Statement | None:
    """What there is to say; None: nothing. ``held`` has the gate of each alert that is held back: it is not said, but its end is."""
    members = [alerts[i] for i in group.members if i in alerts]
    firing = [a.id for a in members if a.fires and a.id not in held]
    resolved = [a.id for a in members if a.state == "resolved" and a.id in group.told]
    fresh = [i for i in firing if i not in group.told]
    waiting = [i for i in firing if alerts[i].state == "firing"]
    if fresh and any(alerts[i].state == "firing" for i in fresh):
        return Statement("firing", firing, resolved, fresh)
    if resolved:
        # one that was told, fires on and is held back now still counts for those who were told: its group is not over
        still = [i for i in group.told if i not in resolved and i not in firing and i in alerts]
        return Statement("firing" if firing or still else "resolved", firing + still, resolved, fresh)
    if firing and not waiting and any(group.told.get(i) == "firing" for i in firing):
        return Statement("acknowledged", firing, [], fresh)
    if waiting and group.spoke_ms and now_ms - group.spoke_ms >= group.plan.repeat_interval_s * 1000:
        return Statement("firing", firing, [], [], group.reminders + 1)
    return None


def spoken(group: Group, said: Statement, alerts: Mapping[str, Live], now_ms: int) -> None:
    """Note what the audience now believes."""
    if not group.told and said.firing:
        group.since_ms, group.step, group.loudest, group.audience = now_ms, 0, 0, []
    for i in said.resolved:
        group.told.pop(i, None)
    for i in said.firing:
        group.told[i] = "acknowledged" if alerts[i].state == "acknowledged" else "firing"
        group.loudest = max(group.loudest, rank(alerts[i].severity))
    group.spoke_ms, group.sequence = now_ms, group.sequence + 1
    group.reminders = max(group.reminders, said.repeat)


def closed(group: Group, alerts: Mapping[str, Live]) -> list[str]:
    """Members that are over and need not be told any more; they leave the group."""
    over = [i for i in group.members if i not in alerts or (alerts[i].state == "resolved" and i not in group.told)]
    for i in over:
        del group.members[i]
    return over


def escalates(group: Group, alerts: Mapping[str, Live]) -> bool:
    """Whether somebody should be woken further: an alert that was told fires, and nobody has acknowledged it."""
    return any(t == "firing" and i in alerts and alerts[i].state == "firing" for i, t in group.told.items())
