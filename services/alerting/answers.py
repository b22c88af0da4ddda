"""Questions that people ask of a running tenant, answered from its state: what waits, who is on call, what a silence would hide."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kizashi.errors import ConfigurationError, NotFound
from services.alerting import silences
from services.alerting.budget import Ledger
from services.alerting.configuration import KINDS, checked
from services.alerting.schedules import on_call, shifts
from services.alerting.silences import Hidden
from services.alerting.telling import summary
from services.alerting.tenant import Tenant
from services.alerting.why_not import why_not

DAY_MS = 86_400_000
LONGEST_DAYS = 62
_FIELD = re.compile(r"at `(\$[^`]*)`$")
Json = dict[str, Any]
Query = Mapping[str, str]


def state(t: Tenant, _q: Query, _b: Json) -> Json:
    """Counts, budgets, and what is wrong with the configuration."""
    states = [a.state for a in t.book.alerts.values()]
    names = sorted({*t.ledgers, *t.running.budgets})
    budgets = [{"team": n, **t.ledgers.get(n, Ledger()).report(t.running.budgets.get(n), t.now_ms)} for n in names]
    return {
        "now_ms": t.now_ms, "firing": states.count("firing"), "acknowledged": states.count("acknowledged"),
        "pending_alerts": states.count("pending"), "groups": len(t.groups), "to_send": len(t.outbox.pending),
        "undelivered": t.outbox.undelivered, "crowded_out": t.outbox.crowded_out, "refused": t.book.refused, "budgets": budgets,
        "problems": [{"kind": k, "id": i, "problem": p} for (k, i), p in t.running.problems.items()], "dangling": t.running.dangling(),
    }  # fmt: skip


def groups(t: Tenant, _q: Query, _b: Json) -> Json:
    """Every group with its alerts, the loudest first."""
    items = []
    for g in t.groups.values():
        found = [t.book.alerts[i] for i in g.members if i in t.book.alerts]
        shown = [{**msgspec.to_builtins(summary(a)), "held_back_by": a.held_back_by, "held_by": a.held_by} for a in found]
        items.append({
            "id": g.id, "labels": g.labels, "route": g.plan.path, "team": g.plan.team, "due_ms": g.due_ms, "since_ms": g.since_ms,
            "step": g.step, "escalation": g.plan.escalation, "told": dict(g.told), "alerts": shown,
        })  # fmt: skip
    return {"items": sorted(items, key=lambda g: -int(g["since_ms"]))}


def rules(t: Tenant, _q: Query, _b: Json) -> Json:
    """Default and own rules."""
    defaults = t.running.defaults
    refused = {i: p for (k, i), p in t.running.problems.items() if k == "rule"}
    items = []
    for i in sorted({*t.running.rules, *refused}):
        own, rule = i in t.running.own_rules, t.running.rules.get(i)
        origin = "replaced" if own and i in defaults else "own" if own or rule is None else "default"
        items.append({"id": i, "origin": origin, "body": msgspec.to_builtins(rule), "problem": refused.get(i, "")})
    return {"items": items}


def check(_t: Tenant, _q: Query, b: Json) -> Json:
    """Whether a configuration object would be taken."""
    kind, id_, body = str(b.get("kind", "")), str(b.get("id", "")), b.get("body")
    if kind not in KINDS or not isinstance(body, dict):
        raise ConfigurationError(f"send kind (one of {', '.join(KINDS)}), id and body")
    try:
        made = checked(kind, id_, body, int(b.get("made_at_ms") or _t.now_ms))
    except ConfigurationError as x:
        found = _FIELD.search(str(x))
        return {"ok": False, "problem": str(x), "path": found[1] if found else "$"}
    return {"ok": True, "body": msgspec.to_builtins(made)}


def preview_silence(t: Tenant, _q: Query, b: Json) -> Json:
    """What a silence would hide now, and which of the given alerts it would have hidden."""
    match = b.get("match")
    if not isinstance(match, list) or not all(isinstance(m, str) for m in match):
        raise ConfigurationError("send match: a list of matchers")
    given = [(str(a["id"]), a["labels"]) for a in b.get("alerts", []) if isinstance(a, dict) and isinstance(a.get("labels"), dict)]
    live = [a for a in t.book.alerts.values() if a.fires]
    hidden = set(silences.preview(match, ((a.id, a.labels) for a in live)))
    now = [{"id": a.id, "title": a.title, "severity": a.severity, "labels": a.labels} for a in live if a.id in hidden]
    return {"now": now, "given": silences.preview(match, given)}


def list_silences(t: Tenant, _q: Query, _b: Json) -> Json:
    """Every silence with what it has hidden."""
    items = []
    for i, s in t.running.silences.items():
        hid = t.hidden.get(i, Hidden())
        items.append(
            {"id": i, **msgspec.to_builtins(s), "active": s.active(t.now_ms), "hidden": hid.alerts, "hidden_more": hid.more}
        )  # fmt: skip
    return {"items": items}


def list_maintenance(t: Tenant, _q: Query, _b: Json) -> Json:
    """The running or next window of each maintenance, and those that were announced as events."""
    items = []
    for i, m in t.running.maintenance.entries.items():
        w = t.running.maintenance.next_window(i, t.now_ms)
        items.append({
            "id": i, "match": m.match, "reason": m.reason, "start_ms": w.start_ms, "end_ms": w.end_ms,
            "active": w.start_ms <= t.now_ms < w.end_ms,
        })  # fmt: skip
    for entity, spans in t.announced.spans.items():
        items += [
            {
                "id": i, "match": [f"entity={entity}"], "reason": s.reason, "start_ms": s.start_ms, "end_ms": s.end_ms,
                "active": s.start_ms <= t.now_ms < s.end_ms,
            }
            for i, s in spans.items() if s.end_ms > t.now_ms
        ]  # fmt: skip
    return {"items": items}


def on_call_of(t: Tenant, q: Query, _b: Json) -> Json:
    """Who is on call at a time, and the turns from then on."""
    at_ms, days = _whole(q, "at_ms", t.now_ms), min(LONGEST_DAYS, max(1, _whole(q, "days", 7)))
    found = [
        {
            "id": i, "title": s.title, "time_zone": s.time_zone, "now": on_call(s, at_ms),
            "shifts": msgspec.to_builtins(shifts(s, at_ms, at_ms + days * DAY_MS)),
        }
        for i, s in t.running.schedules.items()
    ]  # fmt: skip
    return {"schedules": found}


def route(t: Tenant, _q: Query, b: Json) -> Json:
    """Where an alert with these labels would go."""
    labels = b.get("labels")
    if not isinstance(labels, dict):
        raise ConfigurationError("send labels: an object of texts")
    return {"plans": [_whole_struct(p) for p in t.running.plans({str(k): str(v) for k, v in labels.items()})]}


def explain(t: Tenant, _q: Query, b: Json) -> Json:
    """Why a rule did not fire, now."""
    if not b.get("rule"):
        raise ConfigurationError("send rule, and series or target")
    found: Json = msgspec.to_builtins(why_not(t, str(b["rule"]), str(b.get("series", "")), str(b.get("target", ""))))
    return found


ANSWERS: dict[tuple[str, str], Callable[[Tenant, Query, Json], Json]] = {
    ("GET", "state"): state,
    ("GET", "groups"): groups,
    ("GET", "rules"): rules,
    ("POST", "check"): check,
    ("POST", "silences/preview"): preview_silence,
    ("GET", "silences"): list_silences,
    ("GET", "maintenance"): list_maintenance,
    ("GET", "oncall"): on_call_of,
    ("POST", "route"): route,
    ("POST", "why-not"): explain,
}
"""Method and path below ``/alerting/v1/``."""


def answer(t: Tenant, method: str, path: str, q: Query, b: Json) -> Json:
    """The answer of one question. Raises NotFound for a path that is none, ConfigurationError for a question that cannot be taken."""
    found = ANSWERS.get((method, path))
    if found is None:
        raise NotFound(f"there is no {method} {path[:80]!r}: {', '.join(f'{m} {p}' for m, p in ANSWERS)}")
    return found(t, q, b)


def _whole(q: Query, name: str, otherwise: int) -> int:
    try:
        return int(q.get(name) or otherwise)
    except ValueError as x:
        raise ConfigurationError(f"{name} is a whole number") from x


def _whole_struct(s: msgspec.Struct) -> Json:
    """Every field, defaults too."""
    return {n: msgspec.to_builtins(getattr(s, n)) for n in s.__struct_fields__}
