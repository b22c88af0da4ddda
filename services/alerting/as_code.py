"""Alerting as a YAML file: rules, the routing tree, silences, maintenance, schedules, escalations, inhibitions, budgets and channels; each
mistake is named with its line.

rules:
  - {id: disk-full, kind: threshold, metric: disk.used, above: 0.9, clear: 0.85, for_s: 120, severity: critical}
route:
  channels: [ops-chat]
  routes: [{match: [team=shop], escalation: shop}]
escalations:
  - {id: shop, steps: [{after_s: 0, channels: [pager], schedule: shop}, {after_s: 900, channels: [ops-chat]}]}
"""

from __future__ import annotations

from typing import Any

from kizashi.contracts.written import Place, Written, WrittenFile, read_yaml
from kizashi.errors import ConfigurationError
from services.alerting.configuration import TREE, RunningSet, checked

SECTIONS = {
    "channels": "channel", "schedules": "schedule", "escalations": "escalation", "route": "route", "inhibitions": "inhibition",
    "maintenance": "maintenance", "silences": "silence", "budgets": "budget", "rules": "rule",
}  # fmt: skip
"""Section of the file → kind of configuration object, in the order in which they are written: what is named comes before what names it."""


def read_alerting(text: str, name: str = "alerting.yaml", now_ms: int = 0) -> list[Written]:
    """Every object of the file. Raises ConfigurationError with one line a mistake: file, line, reason."""
    data, file = read_yaml(text, name, tuple(SECTIONS))
    found = [w for section in SECTIONS if section in data for w in _section(section, data[section], file, now_ms)]
    file.done()
    return found


def running_set(objects: list[Written], now_ms: int, base: RunningSet | None = None) -> RunningSet:
    """A running set with these objects over the defaults, or over ``base``. They are checked already."""
    made = base or RunningSet()
    for w in objects:
        made.take(w.kind, w.id, w.body, now_ms)
    return made


def _section(section: str, value: Any, file: WrittenFile, now_ms: int) -> list[Written]:
    kind = SECTIONS[section]
    if kind == "route":
        return _one(kind, TREE, value, (section,), file, now_ms)
    out: list[Written] = []
    for id_, body, here in file.entries(section, value):
        out += _one(kind, id_, body, here, file, now_ms)
    return out


def _one(kind: str, id_: str, body: Any, here: Place, file: WrittenFile, now_ms: int) -> list[Written]:
    if not isinstance(body, dict):
        file.refuse(here, f"a {kind} is a mapping")
        return []
    try:
        checked(kind, id_, body, now_ms)
    except ConfigurationError as x:
        file.refuse_at(here, str(x))
        return []
    return [Written(kind, id_, body)]
