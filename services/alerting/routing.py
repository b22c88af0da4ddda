"""Whose alert it is: a tree of matchers, walked from the root; what a node does not say it has from its parent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kizashi.contracts.checked import converted
from kizashi.contracts.civil_time import Hours
from kizashi.contracts.ids import finding_id
from kizashi.errors import ConfigurationError
from services.alerting.matchers import all_match, matchers

BUILT_IN = "topic"
"""The channel that is always there: the alert topic and the screens. Nothing leaves the machine."""
MAX_NODES = 500
DEEPEST = 8


class Route(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename={"go_on": "continue"}):
    """A node. None and empty take the parent's value; the root's are the defaults of ``Plan``."""

    match: list[str] = []
    team: str = ""
    channels: list[str] = []
    escalation: str = ""
    group_by: list[str] | None = None
    """Label names; ``["..."]`` groups by all labels, an empty list puts everything of the node into one group."""
    group_wait_s: float | None = None
    critical_wait_s: float | None = None
    group_interval_s: float | None = None
    repeat_interval_s: float | None = None
    quiet: list[Hours] = []
    """Below critical nothing is said in these hours; it is said after them, if it still holds."""
    business: list[Hours] = []
    """Below critical something is said in these hours only."""
    go_on: bool = False
    """Look at the following siblings too."""
    routes: list[Route] = []


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an alert goes: a node with everything filled in. ``path`` names the node in the tree."""

    path: str = "root"
    team: str = ""
    channels: tuple[str, ...] = (BUILT_IN,)
    escalation: str = ""
    group_by: tuple[str, ...] = ("alertname", "entity")
    group_wait_s: float = 30.0
    critical_wait_s: float = 0.0
    """A critical alert does not wait for company: what joins within ``group_interval_s`` comes in the next message."""
    group_interval_s: float = 300.0
    repeat_interval_s: float = 14_400.0
    quiet: tuple[Hours, ...] = ()
    business: tuple[Hours, ...] = ()

    def muted(self, at_ms: int) -> bool:
        """Whether the hours hold back what is not critical."""
        return any(h.holds(at_ms) for h in self.quiet) or bool(self.business and not any(h.holds(at_ms) for h in self.business))

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels that alerts of one group share."""
        names = sorted(labels) if self.group_by == ("...",) else self.group_by
        return {n: labels[n] for n in names if n in labels}

    def group_id(self, tenant: str, labels: Mapping[str, str]) -> str:
        """Stable name of the group of an alert."""
        return finding_id("group", tenant, self.path, *(f"{k}={v}" for k, v in sorted(self.group_labels(labels).items())))


def route_from(body: dict[str, Any]) -> Route:
    """A checked tree. Raises ConfigurationError with the field and the reason."""
    root = converted(body, Route)
    if root.match:
        raise ConfigurationError("the root takes everything: it has no matchers - at `$.match`")
    if _check(root, "$", 0) > MAX_NODES:
        raise ConfigurationError(f"a tree has at most {MAX_NODES} nodes - at `$.routes`")
    return root


def _check(node: Route, path: str, depth: int) -> int:
    if depth > DEEPEST:
        raise ConfigurationError(f"deeper than {DEEPEST} levels - at `{path}`")
    try:
        matchers(node.match)
    except ConfigurationError as x:
        raise ConfigurationError(f"{x} - at `{path}.match`") from x
    for name, hours in (("quiet", node.quiet), ("business", node.business)):
        for k, h in enumerate(hours):
            h.check(f"{path}.{name}[{k}].".removeprefix("$."))
    for name in ("group_wait_s", "critical_wait_s", "group_interval_s", "repeat_interval_s"):
        value = getattr(node, name)
        if value is not None and not 0.0 <= value <= 30 * 86_400.0:
            raise ConfigurationError(f"between 0 and 30 days - at `{path}.{name}`")
    if node.group_interval_s is not None and node.group_interval_s < 1.0:
        raise ConfigurationError(f"at least a second, or a storm becomes a storm of messages - at `{path}.group_interval_s`")
    return 1 + sum(_check(child, f"{path}.routes[{k}]", depth + 1) for k, child in enumerate(node.routes))


def plans(root: Route, labels: Mapping[str, str]) -> list[Plan]:
    """Every node that takes an alert with these labels, as Alertmanager walks the tree: the deepest match, siblings after ``continue``."""
    return _walk(root, _filled(root, Plan(), "root"), labels)


def _walk(node: Route, plan: Plan, labels: Mapping[str, str]) -> list[Plan]:
    found: list[Plan] = []
    for k, child in enumerate(node.routes):
        if not all_match(child.match, labels):
            continue
        found += _walk(child, _filled(child, plan, f"{plan.path}/{k}"), labels)
        if not child.go_on:
            break
    return found or [plan]


def _filled(node: Route, parent: Plan, path: str) -> Plan:
    def own(value: float | None, inherited: float) -> float:
        return inherited if value is None else value

    return Plan(
        path,
        node.team or parent.team,
        tuple(node.channels) or parent.channels,
        node.escalation or parent.escalation,
        parent.group_by if node.group_by is None else tuple(node.group_by),
        own(node.group_wait_s, parent.group_wait_s),
        own(node.critical_wait_s, parent.critical_wait_s),
        own(node.group_interval_s, parent.group_interval_s),
        own(node.repeat_interval_s, parent.repeat_interval_s),
        tuple(node.quiet) or parent.quiet,
        tuple(node.business) or parent.business,
    )
