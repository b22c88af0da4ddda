"""Promises as a YAML file: objectives, calendars, ticket promises and capacity limits, each mistake named with its line.

objectives:
  - id: checkout-fast
    name: Checkout answers fast
    entity: checkout
    kind: latency
    metric: {metric: latency_p95_ms, labels: {service: checkout}}
    threshold: 300
    objective: 0.99
    window: 28d
calendars:
  - {id: office, zone: Europe/Berlin, hours: {mon-fri: ["09:00-17:00"]}, holidays: [2026-12-25]}
promises:
  - {id: p1, priority: P1, respond: 30m, resolve: 4h, calendar: office}
limits:
  - {id: disk, metric: disk.used, threshold: 90}
"""

from __future__ import annotations

import datetime
import re
from typing import Any

from kizashi.contracts.business_calendar import ALWAYS_OPEN, DAY_MINUTES
from kizashi.contracts.promises import decode_promised
from kizashi.contracts.written import Written, WrittenFile, read_yaml
from kizashi.errors import ConfigurationError

SECTIONS = {"calendars": "calendar", "promises": "promise", "objectives": "slo", "limits": "limit"}
"""Section of the file → kind of configuration object, in the order in which they are written."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


def read_promises(text: str, name: str = "promises.yaml", tenant: str = "default") -> list[Written]:
    """Every object of the file, calendars first; raises ConfigurationError with one line a mistake: file, line, reason."""
    data, file = read_yaml(text, name, tuple(SECTIONS))
    found = [w for section in SECTIONS for w in _section(section, data, file, tenant)]
    calendars = {w.id for w in found if w.kind == "calendar"} | {ALWAYS_OPEN.id}
    for w in found:
        wanted = w.body.get("calendar", ALWAYS_OPEN.id)
        if w.kind == "promise" and calendars != {ALWAYS_OPEN.id} and wanted not in calendars:
            file.refuse(("promises",), f"promise {w.id!r} names the calendar {wanted!r}, which this file does not have")
    file.done()
    return found


def _section(section: str, data: dict[str, Any], file: WrittenFile, tenant: str) -> list[Written]:
    out: list[Written] = []
    for id_, body, here in file.entries(section, data.get(section) or []):
        try:
            body = _plain(SECTIONS[section], body)
            decode_promised(SECTIONS[section], id_, tenant, body)
        except ConfigurationError as x:
            file.refuse_at(here, str(x))
            continue
        out.append(Written(SECTIONS[section], id_, body))
    return out


def _plain(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Durations, clock times and dates as numbers and text; raises ConfigurationError."""
    if kind == "promise":
        for word in ("respond", "resolve"):
            if word in body:
                body[f"{word}_s"] = _seconds(body.pop(word), word)
    if kind == "calendar":
        if isinstance(body.get("hours"), dict):
            body["hours"] = _hours(body["hours"])
        if isinstance(body.get("holidays"), list):
            body["holidays"] = [h.isoformat() if isinstance(h, datetime.date) else h for h in body["holidays"]]
    return body


def _seconds(value: object, word: str) -> float:
    found = _DURATION.fullmatch(str(value).strip())
    if not found:
        raise ConfigurationError(f"{value!r} is no time to {word}: write 30m, 4h or 2d - at `$.{word}`")
    return float(found[1]) * _UNIT_S[found[2]]


def _hours(by_day: dict[str, Any]) -> list[list[list[int]]]:
    """``{mon-fri: ["09:00-17:00"]}`` as minutes of seven weekdays."""
    week: list[list[list[int]]] = [[] for _ in DAYS]
    for days, spans in by_day.items():
        first, _, last = str(days).lower().partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ConfigurationError(f"{days!r} are no days: write mon, or mon-fri - at `$.hours.{days}`")
        chosen = range(DAYS.index(first), DAYS.index(last or first) + 1)
        for span in spans if isinstance(spans, list) else [spans]:
            for day in chosen:
                week[day].append(_span(str(span), str(days)))
    return [sorted(spans) for spans in week]


def _span(text: str, days: str) -> list[int]:
    ends = [_CLOCK.fullmatch(part.strip()) for part in text.split("-")]
    minutes = [60 * int(m[1]) + int(m[2]) for m in ends if m]
    if len(ends) != 2 or len(minutes) != 2 or not minutes[0] < minutes[1] <= DAY_MINUTES:
        raise ConfigurationError(f"{text!r} are no hours: write 09:00-17:00 - at `$.hours.{days}`")
    return minutes
