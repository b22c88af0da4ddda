"""The running set: every configuration object of a tenant that alerting understands, checked. What cannot be taken is refused with its
reason, and what stood before stays in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kizashi.contracts.maintenance import Calendar, Maintenance, maintenance_from
from kizashi.errors import ConfigurationError
from services.alerting.budget import Budget, budget_from
from services.alerting.channels.kinds import decode_channel
from services.alerting.defaults import DEFAULT_RULES
from services.alerting.escalation import Escalation, escalation_from
from services.alerting.inhibition import Inhibition, inhibition_from
from services.alerting.routing import BUILT_IN, Route, plans, route_from
from services.alerting.rules import AnyRule, rule_from
from services.alerting.schedules import Schedule, on_call, schedule_from
from services.alerting.silences import Silence, silence_from

KINDS = ("rule", "silence", "maintenance", "schedule", "escalation", "route", "inhibition", "budget", "channel")
TREE = "tree"
"""Id of the one routing tree of a tenant."""
MAX_OBJECTS = 5_000

Checked = AnyRule | Silence | Maintenance | Schedule | Escalation | Route | Inhibition | Budget | dict[str, Any]


def checked(kind: str, id_: str, body: dict[str, Any], made_at_ms: int) -> Checked:
    """The typed object of a body. Raises ConfigurationError with the place in the body and the reason."""
    if kind == "silence":
        return silence_from(body, made_at_ms)
    if kind == "route" and id_ != TREE:
        raise ConfigurationError(f"there is one routing tree, its id is {TREE!r}")
    if kind == "channel":
        if id_ == BUILT_IN:
            raise ConfigurationError(f"{BUILT_IN!r} is the built-in channel: choose another name")
        decode_channel(body)
        return body
    makers: dict[str, Callable[[dict[str, Any]], Checked]] = {
        "rule": rule_from,
        "maintenance": maintenance_from,
        "schedule": schedule_from,
        "escalation": escalation_from,
        "route": route_from,
        "inhibition": inhibition_from,
        "budget": budget_from,
    }
    if kind not in makers:
        raise ConfigurationError(f"{kind!r} is no kind of alerting's: {', '.join(KINDS)}")
    return makers[kind](body)


class RunningSet:
    """What holds now for one tenant. ``problems`` says why an object is not taken: (kind, id) → reason."""

    def __init__(self, defaults: Mapping[str, AnyRule] | None = None) -> None:
        self.defaults = dict(DEFAULT_RULES if defaults is None else defaults)
        self.own_rules: dict[str, AnyRule] = {}
        self.silences: dict[str, Silence] = {}
        self.maintenance = Calendar()
        self.schedules: dict[str, Schedule] = {}
        self.escalations: dict[str, Escalation] = {}
        self.route = Route()
        self.inhibitions: dict[str, Inhibition] = {}
        self.budgets: dict[str, Budget] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.problems: dict[tuple[str, str], str] = {}

    @property
    def rules(self) -> dict[str, AnyRule]:
        """Default rules, replaced by own ones of the same name; switched-off ones are left in."""
        return self.defaults | self.own_rules

    def take(self, kind: str, id_: str, body: dict[str, Any] | None, made_at_ms: int) -> bool:
        """Take one object, None deletes it; False: refused, ``problems`` says why, and what stood before stays."""
        try:
            made = None if body is None else checked(kind, id_, body, made_at_ms)
            if made is not None and id_ not in self._all(kind) and not self._has_room(kind, made_at_ms):
                raise ConfigurationError(f"there are {MAX_OBJECTS} objects of this kind: delete some first")
        except ConfigurationError as x:
            self.problems[kind, id_] = str(x)
            return False
        self.problems.pop((kind, id_), None)
        self._put(kind, id_, made)
        return True

    def plans(self, labels: Mapping[str, str]) -> list[Any]:
        """Where an alert with these labels goes."""
        return plans(self.route, labels)

    def people(self, schedule: str, at_ms: int) -> list[str]:
        """Who is on call by a schedule; nobody when there is none of this name."""
        found = self.schedules.get(schedule)
        return [p] if found and (p := on_call(found, at_ms)) else []

    def budget_of(self, team: str) -> tuple[str, Budget | None]:
        """Name and budget of a team: its own, else the one that names no team."""
        for name, b in self.budgets.items():
            if b.team == team and team:
                return name, b
        return next(((name, b) for name, b in self.budgets.items() if not b.team), (team, None))

    def fallback(self, channel: str) -> str:
        """Channel that takes over when this one gives up; empty: none, one that is not there, or only itself."""
        found = self.channels.get(channel, {}).get("fallback", "")
        return found if found != channel and (found in self.channels or found == BUILT_IN) else ""

    def dangling(self) -> list[str]:
        """Sentences about names that lead nowhere: a route to a channel that is not there still counts, and goes to the built-in one."""
        found: list[str] = []
        stack = [(self.route, "route tree")]
        while stack:
            node, where = stack.pop()
            found += [f"{where}: there is no channel {c!r}" for c in node.channels if c not in self.channels and c != BUILT_IN]
            if node.escalation and node.escalation not in self.escalations:
                found.append(f"{where}: there is no escalation {node.escalation!r}")
            stack += [(child, f"{where}.routes[{k}]") for k, child in enumerate(node.routes)]
        for name, body in self.channels.items():
            if (other := body.get("fallback")) and other not in self.channels and other != BUILT_IN:
                found.append(f"channel {name}: there is no channel {other!r} to fall back to")
        for name, e in self.escalations.items():
            for s in e.steps:
                found += [f"escalation {name}: there is no channel {c!r}" for c in s.channels if c not in self.channels and c != BUILT_IN]
                if s.schedule and s.schedule not in self.schedules:
                    found.append(f"escalation {name}: there is no schedule {s.schedule!r}")
        return found

    def _has_room(self, kind: str, at_ms: int) -> bool:
        """Whether one more may be taken. Silences that are over give way: programs end them and never delete them."""
        if kind == "silence" and len(self.silences) >= MAX_OBJECTS:
            self.silences = {i: s for i, s in self.silences.items() if s.ends_ms > at_ms}
        return len(self._all(kind)) < MAX_OBJECTS

    def _all(self, kind: str) -> Mapping[str, object]:
        found: dict[str, Mapping[str, object]] = {
            "rule": self.own_rules, "silence": self.silences, "maintenance": self.maintenance.entries, "schedule": self.schedules,
            "escalation": self.escalations, "inhibition": self.inhibitions, "budget": self.budgets, "channel": self.channels,
        }  # fmt: skip
        return found.get(kind, {})

    def _put(self, kind: str, id_: str, made: Any) -> None:
        if kind == "route":
            self.route = made or Route()
        elif kind == "maintenance":
            self.maintenance.put(id_, made)
        elif made is None:
            self._all(kind).pop(id_, None)  # type: ignore[attr-defined]  # every mapping of _all is a dict of ours
        else:
            self._all(kind)[id_] = made  # type: ignore[index]  # as above
