"""Would it have paged me? The production chain over a recorded window: the same rules, states, groups, gates and budget; nothing is sent.

A recording holds findings as they came, in the order of the log, and ten-second values of the series that threshold rules name. The chain
starts ``WARM_MS`` before the window, so that what was open at its start is known; what is said before the window is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Delivery, Episode, Feedback, Incident, Risk, Severity
from kizashi.contracts.inputs import Event
from services.alerting.configuration import RunningSet
from services.alerting.notification import Notification
from services.alerting.tenant import Tenant

WARM_MS = 6 * 3_600_000
TICK_MS = 5_000
"""Timers are looked at this often: a page is told at most so much late in the replay."""
DAY_MS = 86_400_000
EARLIEST_MS = 2 * 3_600_000
"""A page up to this long before a reported incident counts as its early warning."""
LATEST_MS = 3_600_000
"""… and up to this long after its report, while it lasts, as caught."""
MAX_PAGES = 2_000

Message = Episode | Incident | Risk | Event | Feedback | SeriesInfo | RollupBatch


class Recorded(msgspec.Struct, frozen=True):
    """One message, and when the chain saw it."""

    at_ms: int
    what: Message


class Truth(msgspec.Struct, frozen=True):
    """An incident that people or other systems reported."""

    id: str
    entity: str
    title: str
    opened_ms: int
    resolved_ms: int | None = None


class Page(msgspec.Struct):
    """One message that somebody would have got, through all of its channels."""

    at_ms: int
    title: str
    severity: Severity
    rule: str
    group: str
    kind: str
    alerts: list[str]
    entities: list[str]
    team: str = ""
    channels: list[str] = []
    people: list[str] = []


class Played(msgspec.Struct):
    """What a configuration would have done."""

    pages: int
    pages_a_day: float
    alerts: int
    by_rule: dict[str, int]
    by_team: dict[str, int]
    by_person: dict[str, int]
    by_severity: dict[str, int]
    held_back: dict[str, int]
    """Alerts that were never said, by the gate that held them back last; ``duration``: the condition was over before the rule's time,
    ``group wait``: before the group's turn."""
    caught: list[dict[str, Any]]
    missed: list[dict[str, Any]]
    pages_list: list[Page]


def truth_of(events: Iterable[Event]) -> list[Truth]:
    """Reported incidents; the later event of one id completes the earlier."""
    found: dict[str, Truth] = {}
    for e in events:
        if e.type != "incident":
            continue
        known = found.get(e.id)
        opened = int(e.attributes.get("opened_ms") or (known.opened_ms if known else e.ts_ms))
        resolved = e.attributes.get("resolved_ms")
        found[e.id] = Truth(e.id, e.entity, e.title or (known.title if known else e.id), opened, int(resolved) if resolved else None)
    return list(found.values())


def play(
    tenant: str, running: RunningSet, recording: Iterable[Recorded], truths: Sequence[Truth], from_ms: int, to_ms: int
) -> tuple[Played, Tenant]:
    """Run the chain over a recording in order; what it would have said in [from, to), and the tenant as it stands at the end."""
    t = Tenant(tenant, running)
    pages: dict[tuple[str, str, int], Page] = {}
    fate: dict[str, str] = {}
    t.advance(from_ms - WARM_MS)

    def turn(at_ms: int) -> None:
        while t.now_ms < at_ms:
            t.advance(min(at_ms, t.now_ms + TICK_MS))
            _collect(t, pages, fate, from_ms)

    for r in recording:
        if r.at_ms >= to_ms:
            break
        turn(r.at_ms)
        give(t, r.what)
        _collect(t, pages, fate, from_ms)
    turn(to_ms)
    return _summed(list(pages.values()), fate, truths, from_ms, to_ms), t


def give(t: Tenant, what: Message) -> None:
    """Hand one recorded message to the chain."""
    if isinstance(what, Episode):
        t.episode(what)
    elif isinstance(what, RollupBatch):
        t.rollup(what)
    elif isinstance(what, Incident):
        t.incident(what)
    elif isinstance(what, Risk):
        t.risk(what)
    elif isinstance(what, SeriesInfo):
        t.series(what)
    elif isinstance(what, Feedback):
        t.feedback(what)
    elif what.type == "maintenance" and "outcome" not in what.attributes:
        t.announced.take(what, t.now_ms)
    elif what.type == "topology":
        t.dependents.take(what)
    else:
        t.outcome(what)


def _collect(t: Tenant, pages: dict[tuple[str, str, int], Page], fate: dict[str, str], from_ms: int) -> None:
    """Take what was said as delivered, and note what became of each alert."""
    for a in t.take():
        if a.state != "pending" and a.started_ms >= from_ms - WARM_MS and (a.updated_ms >= from_ms):
            known = fate.get(a.id, "")
            over = a.state == "resolved" and not a.held_back_by
            fate[a.id] = known if known == "told" or over else a.held_back_by or "group wait"
    if not t.outbox.pending:
        return
    for m in t.outbox.waiting():
        t.delivery(Delivery(m.key, m.group, m.tenant, m.channel, t.now_ms, "sent", dedup_key=m.key))
        for s in m.alerts:
            fate[s.id] = "told"
        if m.created_ms >= from_ms and m.kind in ("firing", "escalated") and not m.repeat:
            _page(t, m, pages)


def _page(t: Tenant, m: Notification, pages: dict[tuple[str, str, int], Page]) -> None:
    place = (m.group, m.state_version, m.step)
    page = pages.get(place)
    if page is None:
        firing = [s for s in m.alerts if s.state != "resolved"] or m.alerts
        entities = {e for s in m.alerts for e in (s.labels.get("entity", ""), *s.annotations.get("entities", "").split(", ")) if e}
        group = t.groups.get(m.group)
        page = pages[place] = Page(
            m.created_ms, m.title, m.severity, firing[0].rule, m.group, m.kind, [s.id for s in firing], sorted(entities),
            group.plan.team if group else "",
        )  # fmt: skip
    page.channels = sorted({*page.channels, m.channel})
    page.people = sorted({*page.people, *m.recipients})


def _summed(pages: list[Page], fate: dict[str, str], truths: Sequence[Truth], from_ms: int, to_ms: int) -> Played:
    days = max(1.0 / 24, (to_ms - from_ms) / DAY_MS)
    people = Counter(p for page in pages for p in page.people or [page.team or "nobody named"])
    caught, missed = _against(pages, [x for x in truths if from_ms <= x.opened_ms < to_ms])
    told = sum(f == "told" for f in fate.values())
    held = Counter(f for f in fate.values() if f not in ("told", ""))
    return Played(
        len(pages), round(len(pages) / days, 3), told + held.total(), dict(Counter(p.rule for p in pages)),
        dict(Counter(p.team or "no team" for p in pages)), dict(people), dict(Counter(p.severity for p in pages)), dict(held), caught,
        missed, pages[:MAX_PAGES],
    )  # fmt: skip


def _against(pages: Sequence[Page], truths: Sequence[Truth]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Reported incidents with their first page (lead in seconds, below 0: after the report), and those without one."""
    caught, missed = [], []
    for x in truths:
        until = max(x.opened_ms + LATEST_MS, x.resolved_ms or 0)
        found = [p.at_ms for p in pages if x.entity in p.entities and x.opened_ms - EARLIEST_MS <= p.at_ms < until]
        if found:
            caught.append({"incident": x.id, "title": x.title, "lead_s": (x.opened_ms - min(found)) / 1000})
        else:
            missed.append({"incident": x.id, "title": x.title})
    return caught, missed


def difference(now: Played, changed: Played) -> dict[Literal["gone", "new"], list[Page]]:
    """Pages that only one of two configurations would have sent, by the alerts that they tell first."""

    def told(p: Played) -> dict[str, Page]:
        return {f"{page.kind}:{page.alerts[0] if page.alerts else page.group}": page for page in p.pages_list}

    before, after = told(now), told(changed)
    return {"gone": [p for k, p in before.items() if k not in after], "new": [p for k, p in after.items() if k not in before]}
