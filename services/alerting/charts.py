"""Which chart belongs to a message: the series of its first alert that has one, over the three hours before it. Pure."""

from __future__ import annotations

import re

from kizashi.contracts.pictures import LONGEST_TITLE, Picture
from services.alerting.notification import AlertSummary, Notification
from services.alerting.page import Language, one_line

BACK_MS = 3 * 3_600_000
"""Long enough to see the usual beside the unusual, short enough to see a minute."""
WIDTH, HEIGHT, SCALE = 640, 260, 2
SMALL = 440, 180, 1
"""Width, height and fineness where the picture travels inside a message of at most 28 KB."""
_SERIES = re.compile(r"([0-9a-f]{16})(:|$)")


def series_of(key: str) -> str:
    """The series of an alert's key; empty when it is about an incident, a risk or a change.

    >>> series_of("00000000000000ff:anomaly"), series_of("00000000000000ff"), series_of("incident-00000000000000ff")
    ('00000000000000ff', '00000000000000ff', '')
    """
    found = _SERIES.match(key)
    return found[1] if found else ""


def chart_of(n: Notification, language: Language, zone: str, small: bool = False) -> Picture | None:
    """The picture of a message; None when none of its alerts is about a series.

    A threshold is drawn where a rule has one (a limit without a lower end), and the time of the alert is shaded.
    """
    alert = next((a for a in n.alerts if a.series), None)
    if alert is None:
        return None
    to_ms = max(n.created_ms, alert.updated_ms, alert.ended_ms or 0)
    width, height, scale = SMALL if small else (WIDTH, HEIGHT, SCALE)
    return Picture(
        n.tenant, [alert.series], to_ms - BACK_MS, to_ms, one_line(alert.title)[:LONGEST_TITLE], language, zone, False, width, height,
        scale, alert.upper if alert.lower is None else None, [_shaded(alert, to_ms)],
    )  # fmt: skip


def _shaded(alert: AlertSummary, to_ms: int) -> tuple[int, int]:
    return min(alert.started_ms, to_ms), min(alert.ended_ms or to_ms, to_ms)
