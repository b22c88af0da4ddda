"""What people may configure about scoring: kind ``scoring`` for a whole tenant, kind ``sensitivity`` for the series that match.

The gateway refuses a body that cannot be before it is written; the scorer decodes the same body with the same words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from kizashi.contracts.checked import converted
from kizashi.errors import ConfigurationError

TENANT_KIND = "scoring"
SERIES_KIND = "sensitivity"
MOST_HOLIDAYS = 1000
MODEL = re.compile(r"^river\.anomaly\.[A-Z][A-Za-z]+$")
"""Only what is made to be a detector may be made by name."""


class Scoring(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A tenant's calendar and chosen alarm rate.

    ``holidays`` are dates such as 2026-12-25; ``country`` adds the public ones of an ISO 3166 country. On a holiday the week runs as on a
    Sunday. ``alarm_days``: a series opens one episode in so many days of its own normal life.
    """

    time_zone: str = "UTC"
    holidays: list[str] = []
    country: str = ""
    alarm_days: float = 14.0


class Sensitivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which deviations count, for series whose metric matches the pattern (``*`` and ``?``) and whose labels match theirs.

    ``min_deviation`` is in the series' unit, ``min_relative`` a share of the expected value. ``model`` adds a River anomaly model as a
    further head, by import path: ``river.anomaly.GaussianScorer``.
    """

    metric: str = "*"
    labels: dict[str, str] = {}
    min_deviation: float = 0.0
    min_relative: float = 0.0
    direction: Literal["both", "up", "down"] = "both"
    model: str = ""

    def matches(self, metric: str, labels: Mapping[str, str]) -> bool:
        """Whether it speaks of this series; a label that the series does not have is empty."""
        return fnmatchcase(metric, self.metric) and all(fnmatchcase(labels.get(k, ""), v) for k, v in self.labels.items())


def scoring_from(body: dict[str, Any]) -> Scoring:
    """Checked. Raises ConfigurationError with the field and the reason.

    >>> scoring_from({"time_zone": "Asia/Tokyo"}).alarm_days
    14.0
    """
    made = converted(body, Scoring)
    try:
        ZoneInfo(made.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as x:
        raise ConfigurationError(f"{made.time_zone!r} is not an IANA time zone such as Asia/Tokyo - at `$.time_zone`") from x
    if len(made.holidays) > MOST_HOLIDAYS:
        raise ConfigurationError(f"{len(made.holidays)} holidays, {MOST_HOLIDAYS} at most - at `$.holidays`")
    for k, text in enumerate(made.holidays):
        try:
            date.fromisoformat(text)
        except ValueError as x:
            raise ConfigurationError(f"{text!r} is not a date such as 2026-12-25 - at `$.holidays[{k}]`") from x
    if made.country and not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", made.country):
        raise ConfigurationError(f"{made.country!r} is not a country code such as JP or DE-BY - at `$.country`")
    if not 0.01 <= made.alarm_days <= 400.0:
        raise ConfigurationError(f"{made.alarm_days} is not between 0.01 and 400 days - at `$.alarm_days`")
    return made


def sensitivity_from(body: dict[str, Any]) -> Sensitivity:
    """Checked. Raises ConfigurationError with the field and the reason."""
    made = converted(body, Sensitivity)
    for name in ("min_deviation", "min_relative"):
        if not 0.0 <= getattr(made, name) < 1e300:
            raise ConfigurationError(f"{getattr(made, name)} is not a number from 0 up - at `$.{name}`")
    if made.model and not MODEL.match(made.model):
        raise ConfigurationError(f"{made.model!r} is not a River model such as river.anomaly.GaussianScorer - at `$.model`")
    return made
