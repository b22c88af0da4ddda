"""Whose turn it is and who would be told: questions about calendars and routes, also with a schedule or tree that is not yet saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kizashi.contracts.civil_time import LONGEST_CALENDAR_DAYS
from kizashi.contracts.maintenance import windows
from kizashi.errors import ConfigurationError
from services.alerting import routing
from services.alerting.escalation import Step
from services.alerting.routing import Plan, route_from
from services.alerting.rules import SEVERITIES, rank
from services.alerting.schedules import Schedule, on_call, schedule_from, shifts
from services.alerting.silences import hiding
from services.alerting.tenant import Tenant

DAY_MS = 86_400_000
LATEST_MS = 1 << 45
"""The year 3084: civil time must not run out of calendar."""
MOST_WINDOWS = 200
"""Windows of one maintenance that are listed."""
Json = dict[str, Any]
Query = Mapping[str, str]


def list_maintenance(t: Tenant, q: Query, _b: Json) -> Json:
    """The running or next window of each maintenance, all its ``windows`` of the coming ``days``, and what was announced as events."""
    until_ms = t.now_ms + _days(q, 14) * DAY_MS
    items = []
    for i, m in t.running.maintenance.entries.items():
        w = t.running.maintenance.next_window(i, t.now_ms)
        coming = windows(m, t.now_ms, until_ms, MOST_WINDOWS)
        items.append({
            "id": i, "match": m.match, "reason": m.reason, "start_ms": w.start_ms, "end_ms": w.end_ms,
            "active": w.start_ms <= t.now_ms < w.end_ms, "windows": [{"start_ms": s, "end_ms": e} for s, e in coming],
        })  # fmt: skip
    for entity, spans in t.announced.spans.items():
        items += [
            {
                "id": i, "match": [f"entity={entity}"], "reason": s.reason, "start_ms": s.start_ms, "end_ms": s.end_ms,
                "active": s.start_ms <= t.now_ms < s.end_ms, "windows": [{"start_ms": s.start_ms, "end_ms": s.end_ms}],
            }
            for i, s in spans.items() if s.end_ms > t.now_ms and s.start_ms < until_ms
        ]  # fmt: skip
    return {"items": items}


def on_call_of(t: Tenant, q: Query, _b: Json) -> Json:
    """Who is on call at a time, and the turns from then on."""
    at_ms, days = _moment(q.get("at_ms"), t.now_ms), _days(q, 7)
    return {"schedules": [{"id": i, **_turns(s, at_ms, days)} for i, s in t.running.schedules.items()]}


def preview_schedule(t: Tenant, _q: Query, b: Json) -> Json:
    """The turns of a schedule that need not be saved. Raises ConfigurationError with the field that stands in the way."""
    body = b.get("body")
    if not isinstance(body, dict):
        raise ConfigurationError("send body: a schedule")
    return _turns(schedule_from(body), _moment(b.get("at_ms"), t.now_ms), _days(b, 14))


def route(t: Tenant, _q: Query, b: Json) -> Json:
    """Where an alert with these labels would go: each plan with who is told, step by step, and what would hold it back.

    ``tree`` tries a routing tree that is not saved; ``at_ms`` asks for another time than now.
    """
    labels, tree = b.get("labels"), b.get("tree")
    if not isinstance(labels, dict):
        raise ConfigurationError("send labels: an object of texts")
    if tree is not None and not isinstance(tree, dict):
        raise ConfigurationError("tree is a routing tree - at `$`")
    at_ms, given = _moment(b.get("at_ms"), t.now_ms), {str(k): str(v) for k, v in labels.items()}
    found = t.running.plans(given) if tree is None else routing.plans(route_from(tree), given)
    held = [("silence", i) for i in hiding(t.running.silences, given, at_ms)]
    held += [("maintenance", i) for i in (*t.running.maintenance.covering(given, at_ms), *t.announced.covering(given, at_ms))]
    severity = given.get("severity", "")
    loud = severity in SEVERITIES and rank(severity) >= rank("critical")
    return {"plans": [_told(t, p, at_ms, held if loud or not p.muted(at_ms) else [*held, ("quiet hours", p.path)]) for p in found]}


def _told(t: Tenant, plan: Plan, at_ms: int, held: list[tuple[str, str]]) -> Json:
    policy = t.running.escalations.get(plan.escalation)
    steps = policy.steps if policy else [Step(after_s=0)]
    told: list[Json] = [
        {
            "after_s": s.after_s, "channels": s.channels or list(plan.channels), "schedule": s.schedule,
            "people": t.running.people(s.schedule, at_ms) if s.schedule else [],
        }
        for s in steps
    ]  # fmt: skip
    whole = {n: msgspec.to_builtins(getattr(plan, n)) for n in plan.__struct_fields__}  # every field, defaults too
    names = {c for s in told for c in s["channels"]} - {*t.running.channels, routing.BUILT_IN}
    missing = [f"channel {c}" for c in sorted(names)]
    missing += [f"escalation {plan.escalation}"] if plan.escalation and not policy else []
    missing += [f"schedule {s.schedule}" for s in steps if s.schedule and s.schedule not in t.running.schedules]
    return {**whole, "told": told, "missing": missing, "held": [{"gate": g, "by": by} for g, by in held]}


def _turns(s: Schedule, at_ms: int, days: int) -> Json:
    turns = msgspec.to_builtins(shifts(s, at_ms, at_ms + days * DAY_MS))
    return {"title": s.title, "time_zone": s.time_zone, "now": on_call(s, at_ms), "shifts": turns}


def _days(q: Mapping[str, Any], otherwise: int) -> int:
    found = _whole(q.get("days", otherwise), "days")
    if not 1 <= found <= LONGEST_CALENDAR_DAYS:
        raise ConfigurationError(f"a calendar shows 1 to {LONGEST_CALENDAR_DAYS} days - at `$.days`")
    return found


def _moment(given: object, otherwise: int) -> int:
    found = otherwise if given is None else _whole(given, "at_ms")
    if not 0 <= found <= LATEST_MS:
        raise ConfigurationError("at_ms is a time in ms since 1970 - at `$.at_ms`")
    return found


def _whole(given: object, name: str) -> int:
    try:
        return int(given)  # type: ignore[call-overload, no-any-return]  # a text of a query or a number of a body; all else is refused here
    except (ValueError, TypeError, OverflowError) as x:
        raise ConfigurationError(f"{name} is a whole number - at `$.{name}`") from x
