"""Questions that people ask of a running tenant, answered from its state: what waits, who is on call, what a silence would hide."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from kizashi.errors import ConfigurationError, NotFound
from services.alerting import silences
from services.alerting.budget import Ledger
from services.alerting.configuration import KINDS, checked
from services.alerting.duty import Json, Query, list_maintenance, on_call_of, preview_schedule, route
from services.alerting.silences import Hidden
from services.alerting.telling import summary
from services.alerting.tenant import Tenant
from services.alerting.why_not import why_not

_FIELD = re.compile(r"at `(\$[^`]*)`$")


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
    ("POST", "oncall/preview"): preview_schedule,
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
