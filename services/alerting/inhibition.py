"""Inhibition: while one alert fires, others that follow from it need not be said. It never keeps back that something is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from kizashi.contracts.checked import converted
from kizashi.errors import ConfigurationError
from services.alerting.matchers import all_match, matchers


class Inhibition(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """While an alert that fulfils ``source`` fires, alerts that fulfil ``target`` and have the same values of ``equal`` are held back."""

    source: list[str]
    target: list[str]
    equal: list[str] = []
    reason: str = ""


def inhibition_from(body: dict[str, Any]) -> Inhibition:
    """Checked. Raises ConfigurationError with the field and the reason."""
    rule = converted(body, Inhibition)
    for side in ("source", "target"):
        if not getattr(rule, side):
            raise ConfigurationError(f"name what the {side} is - at `$.{side}`")
        matchers(getattr(rule, side))
    return rule


class Inhibitor:
    """Answers whether an alert is inhibited by the firing ones; sources are indexed by the values of their ``equal`` labels."""

    def __init__(self, rules: Mapping[str, Inhibition]) -> None:
        self.rules = dict(rules)
        self._sources: dict[str, dict[tuple[str, ...], dict[str, bool]]] = {r: {} for r in self.rules}
        self._places: dict[str, list[tuple[str, tuple[str, ...]]]] = {}

    def fire(self, alert_id: str, labels: Mapping[str, str]) -> None:
        """An alert fires; twice is once."""
        if alert_id in self._places:
            return
        places = self._places[alert_id] = []
        for name, rule in self.rules.items():
            if all_match(rule.source, labels):
                key = _values(rule, labels)
                self._sources[name].setdefault(key, {})[alert_id] = all_match(rule.target, labels)
                places.append((name, key))

    def end(self, alert_id: str) -> None:
        """An alert fires no longer."""
        for name, key in self._places.pop(alert_id, []):
            found = self._sources[name][key]
            del found[alert_id]
            if not found:
                del self._sources[name][key]

    def by(self, alert_id: str, labels: Mapping[str, str]) -> str:
        """``rule/alert`` that holds this one back, or empty.

        An alert that is source and target of a rule is not held back by others that are both, nor by itself: two would silence one another.
        """
        for name, rule in self.rules.items():
            if not all_match(rule.target, labels):
                continue
            both = all_match(rule.source, labels)
            for source, source_is_both in self._sources[name].get(_values(rule, labels), {}).items():
                if source != alert_id and not (both and source_is_both):
                    return f"{name}/{source}"
        return ""


def _values(rule: Inhibition, labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(n, "") for n in rule.equal)


def inhibitor(rules: Mapping[str, Inhibition], firing: Iterable[tuple[str, Mapping[str, str]]]) -> Inhibitor:
    """An inhibitor that knows the alerts that fire now."""
    made = Inhibitor(rules)
    for alert_id, labels in firing:
        made.fire(alert_id, labels)
    return made
