"""Builders of findings for alerting's tests, and a tenant whose clock the test turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kizashi.contracts.findings import Alert, Cause, Delivery, Episode, Incident, Severity
from services.alerting.configuration import RunningSet
from services.alerting.notification import Notification
from services.alerting.rules import AnyRule
from services.alerting.tenant import Tenant

T0 = 1_772_000_000_000
"""2026-02-25T06:13:20Z, a Wednesday."""
S = 1_000


def episode(n: int = 1, *, at_ms: int = T0, state: str = "open", version: int = 1, **given: Any) -> Episode:
    """An episode of series ``n``."""
    made: dict[str, Any] = {
        "id": f"episode-{n}-{at_ms}", "version": version, "tenant": "default", "series_id": f"{n:016x}", "metric": "latency",
        "labels": {"service": f"svc-{n}"}, "kind": "anomaly", "state": state, "opened_ms": at_ms, "updated_ms": at_ms,
        "severity": "critical", "peak_score": 2.0, "value": 9.0, "expected": 1.0, "lower": 0.5, "upper": 1.5,
    }  # fmt: skip
    made |= {"closed_ms": at_ms + 60 * S} if state == "closed" else {}
    return Episode(**made | given)


def incident(n: int = 1, *, episodes: list[str], version: int = 1, state: str = "open", severity: Severity = "critical") -> Incident:
    """An incident over some episodes."""
    return Incident(
        f"incident-{n}", version, "default", state, f"db-{n} affects 2", severity, T0, T0, closed_ms=None if state == "open" else T0,  # type: ignore[arg-type]
        verdict="cause", entities=[f"db-{n}"], episodes=episodes, causes=[Cause(f"db-{n}", 0.9, {}, text="its disk is full")],
    )  # fmt: skip


def tenant(rules: Mapping[str, AnyRule] | None = None, *, at_ms: int = T0, route: dict[str, Any] | None = None) -> Tenant:
    """A tenant with these rules alone, whose messages do not wait unless ``route`` says so."""
    running = RunningSet({} if rules is None else rules)
    running.take("route", "tree", {"group_wait_s": 0, "critical_wait_s": 0} if route is None else route, at_ms)
    made = Tenant("default", running)
    made.advance(at_ms)
    return made


def run(t: Tenant, until_ms: int, every_ms: int = 1_000) -> list[Alert]:
    """Let time pass, second by second; all alerts published on the way."""
    out: list[Alert] = []
    while t.now_ms < until_ms:
        t.advance(min(until_ms, t.now_ms + every_ms))
        out += t.take()
    return out


def deliver(t: Tenant, state: Any = "sent") -> list[Notification]:
    """Take what is pending as delivered; gives it in order."""
    said = t.outbox.waiting()
    for m in said:
        t.delivery(Delivery(f"delivery-{m.key}", m.group, t.name, m.channel, t.now_ms, state, dedup_key=m.key))
    return said
