"""Which chart belongs to a message: the series of its first alert that has one, over the three hours before it. Pure.

An incident shows the strongest indicator of its first-ranked cause, else its strongest episode; a risk the series that meets its limit,
with the day before and the forecast; a change the series that it names, which few do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kizashi.contracts.findings import Episode, Incident
from kizashi.contracts.pictures import LONGEST_TITLE, Picture
from services.alerting.conditions import entity_of
from services.alerting.notification import AlertSummary, Notification
from services.alerting.page import Language, one_line

BACK_MS = 3 * 3_600_000
"""Long enough to see the usual beside the unusual, short enough to see a minute."""
RISK_BACK_MS = 24 * 3_600_000
"""A forecast stands on a day: its season is seen beside it."""
WIDTH, HEIGHT, SCALE = 640, 260, 2
SMALL = 440, 180, 1
"""Width, height and fineness where the picture travels inside a message of at most 28 KB."""
_SERIES = re.compile(r"(?!0{16})([0-9a-f]{16})(:|$)")
"""Sixteen zeros stand for no series, in findings that must name one."""


def series_of(key: str) -> str:
    """The series of an alert's key; empty when it is about an incident, a risk or a change.

    >>> series_of("00000000000000ff:anomaly"), series_of("00000000000000ff"), series_of("incident-00000000000000ff")
    ('00000000000000ff', '00000000000000ff', '')
    """
    found = _SERIES.match(key)
    return found[1] if found else ""


def series_of_incident(i: Incident, episodes: Iterable[Episode]) -> tuple[str, str]:
    """The series that tells most about an incident, and its name; two empty texts when none is known.

    ``episodes`` are those that alerting remembers, which after its start are few: the causes come first, for they travel in the incident.
    """
    for cause in i.causes[:1]:
        for x in sorted(cause.indicators, key=lambda x: -x.score):
            if series_of(x.series_id):
                return x.series_id, f"{cause.entity}: {x.name}"
    own = set(i.episodes)
    found = max((e for e in episodes if e.id in own), key=lambda e: (e.peak_score, e.id), default=None)
    return (found.series_id, f"{entity_of(found.metric, found.labels)}: {found.metric}") if found else ("", "")


def chart_of(n: Notification, language: Language, zone: str, small: bool = False) -> Picture | None:
    """The picture of a message; None when none of its alerts is about a series.

    A threshold is drawn where a rule has one (a limit without a lower end), and the time of the alert is shaded. While a limit is
    only foreseen (``hours_left``) the forecast is drawn.
    """
    alert = next((a for a in n.alerts if a.series), None)
    if alert is None:
        return None
    to_ms = max(n.created_ms, alert.updated_ms, alert.ended_ms or 0)
    width, height, scale = SMALL if small else (WIDTH, HEIGHT, SCALE)
    foreseen = alert.state != "resolved" and "hours_left" in alert.annotations
    title = " · ".join(t for t in (one_line(alert.title), one_line(alert.series_name)) if t)[:LONGEST_TITLE]
    return Picture(
        n.tenant, [alert.series], to_ms - (RISK_BACK_MS if foreseen else BACK_MS), to_ms, title, language, zone, False, width, height,
        scale, alert.upper if alert.lower is None else None, [] if foreseen else [_shaded(alert, to_ms)], foreseen,
    )  # fmt: skip


def _shaded(alert: AlertSummary, to_ms: int) -> tuple[int, int]:
    return min(alert.started_ms, to_ms), min(alert.ended_ms or to_ms, to_ms)
