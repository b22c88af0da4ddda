"""From a statement of a group to the words of a notification: a page explains itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from services.alerting.charts import series_of
from services.alerting.grouping import Group, Statement
from services.alerting.notification import AlertSummary, Kind, Notification, notification_key, state_version
from services.alerting.rules import SEVERITIES, rank
from services.alerting.states import Live

SHOWN = 10
"""Alerts that a message names one by one; the others are counted."""
_SAID = (
    ("expected", ""),
    ("cause", "Cause: "),
    ("changes", "Changes: "),
    ("blast", "Likely to be hit: "),
    ("entities", "Where: "),
    ("burn", "Burn: "),
    ("probability", ""),
    ("hours_left", "Hours left: "),
)


def summary(a: Live) -> AlertSummary:
    """One alert as a channel sees it."""
    state = "resolved" if a.state == "resolved" else "acknowledged" if a.state == "acknowledged" else "firing"
    notes = a.annotations | ({"acknowledged_by": a.acknowledged_by} if a.acknowledged_by else {})
    return AlertSummary(
        a.id, a.rule, a.severity, state, a.title, a.started_ms, a.updated_ms, a.ended_ms, a.labels, notes,  # type: ignore[arg-type]  # one of the three
        a.value, a.expected, a.lower, a.upper, a.flapping, list(a.seen[-5:]),
        series_of(a.key) or series_of(a.series), a.series_name,
    )  # fmt: skip


def notifications(
    tenant: str, group: Group, said: Statement, alerts: Mapping[str, Live], audience: Sequence[tuple[str, int, list[str]]], now_ms: int,
    kind: Kind | None = None,
) -> list[Notification]:  # fmt: skip
    """One message for each (channel, step, people). A channel that is told itself is nobody's fallback: each has the whole time."""
    told = [alerts[i] for i in (*said.firing, *said.resolved)]
    told.sort(key=lambda a: (a.state == "resolved", -rank(a.severity), a.started_ms, a.id))
    version = state_version([(a.id, a.state) for a in told], said.repeat)
    firing = [a for a in told if a.state != "resolved"]
    severity = SEVERITIES[max(rank(a.severity) for a in firing or told)]
    title, body, links = headline(kind or said.kind, group, told), lines(told), _links(group, told)
    summaries = [summary(a) for a in told[:SHOWN]]
    return [
        Notification(
            notification_key(tenant, group.id, version, channel, step), tenant, channel, kind or said.kind, group.id, version, severity,
            title, body, now_ms, step, group.sequence, summaries, links, people, said.repeat,
            [c for c, s, _p in audience if s == step and c != channel],
        )
        for channel, step, people in audience
    ]  # fmt: skip


def headline(kind: Kind, group: Group, told: Sequence[Live]) -> str:
    """One line: state, how many, what."""
    firing = [a for a in told if a.state != "resolved"]
    lead = (firing or list(told))[0]
    word = {"firing": "FIRING", "acknowledged": "ACKNOWLEDGED", "resolved": "RESOLVED", "escalated": "ESCALATED"}.get(kind, kind.upper())
    count = len(firing) if firing else len(told)
    more = f" (and {count - 1} more)" if count > 1 else ""
    where = ", ".join(f"{v}" for v in group.labels.values())
    return f"[{word}] {lead.title}{more}" if count == 1 or not where else f"[{word}] {lead.title}{more} - {where}"


def lines(told: Sequence[Live]) -> list[str]:
    """Sentences about the alerts, the loudest first: what is odd, since when, why, whom it hits, what to read."""
    out: list[str] = []
    for a in told[:SHOWN]:
        state = "over" if a.state == "resolved" else f"acknowledged by {a.acknowledged_by}" if a.state == "acknowledged" else a.severity
        out.append(f"{a.title} ({state}{', flapping' if a.flapping else ''})")
        for name, lead in _SAID:
            if a.annotations.get(name):
                out.append(f"{lead}{a.annotations[name]}")
    if len(told) > SHOWN:
        out.append(f"{len(told) - SHOWN} more alerts in this group.")
    for runbook in dict.fromkeys(a.annotations["runbook"] for a in told if a.annotations.get("runbook")):
        out.append(f"Runbook: {runbook}")
    return out


def _links(group: Group, told: Sequence[Live]) -> dict[str, str]:
    match = "&".join(f"match={quote(f'{k}={v}', safe='')}" for k, v in group.labels.items())
    links = {"alerts": f"/alerts?group={quote(group.id)}", "silence": f"/alerts?new=silence&{match}"}
    incident = next((a.annotations["incident"] for a in told if a.annotations.get("incident")), "")
    if incident:
        links["incident"] = f"/incidents/{quote(incident)}"
    runbook = next((a.annotations["runbook"] for a in told if a.annotations.get("runbook")), "")
    if runbook.startswith(("https://", "http://")):
        links["runbook"] = runbook
    return links
