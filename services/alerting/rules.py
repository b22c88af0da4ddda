"""What may fire: rules as data, one struct a kind, decoded strictly. A rule that cannot be taken is refused with the place and the reason.

Durations are seconds. ``severity`` "found" takes the finding's own. A ClickHouse query on a schedule is no kind of its own: the gateway
runs it and publishes the result as samples, so it is a threshold on that metric, and alerting never needs the store.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

from kizashi.contracts.checked import converted
from kizashi.contracts.findings import Severity
from kizashi.errors import ConfigurationError
from services.alerting.matchers import matchers

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
EpisodeKind = Literal["anomaly", "step", "trend", "variance", "season", "missing"]
YEAR_S = 366 * 86_400.0
LONGEST_TEXT = 2_000


def rank(severity: str) -> int:
    """0 info, 1 warning, 2 critical.

    >>> rank("critical") > rank("warning")
    True
    """
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """What every rule has."""

    title: str = ""
    """Template of the alert's title: ``{metric}``, ``{entity}``, ``{value}``, ``{title}``, label names in braces; empty: the kind's own."""
    reason: str = ""
    """Why the rule exists: shown beside it."""
    enabled: bool = True
    match: list[str] = []
    """Matchers on the finding's labels; beside its own it has ``metric``, ``entity`` and ``kind``."""
    severity: Severity | Literal["found"] = "found"
    labels: dict[str, str] = {}
    """Added to the alert's labels."""
    runbook: str = ""
    owner: str = ""
    for_s: float = 0.0
    """The condition must hold so long before it fires."""
    keep_s: float = 0.0
    """It must be gone so long before it resolves."""
    parent: bool = True
    """Whether it is held back while people were told of its incident, or of what its entity depends on."""


class AnomalyRule(Rule, tag="anomaly"):
    """Episodes of anomaly, change point, trend, spread, season, silence."""

    min_score: float = 1.0
    """Least peak score; 1.0 is the boundary between normal and odd."""
    kinds: tuple[EpisodeKind, ...] = ("anomaly", "step")
    min_severity: Severity = "info"
    direction: Literal["up", "down", "both"] = "both"


class ThresholdRule(Rule, tag="threshold"):
    """A series' ten-second value beyond a number, back beyond ``clear`` (hysteresis; the threshold itself when not said)."""

    metric: str
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    of: Literal["mean", "low", "high"] = "mean"


class AbsenceRule(Rule, tag="absence"):
    """A series that had values and has none for ``after_s``; ``forget_s`` later it counts as taken away on purpose."""

    metric: str
    after_s: float = 300.0
    forget_s: float = 86_400.0


class ForecastRule(Rule, tag="forecast"):
    """A capacity limit that the forecast reaches within ``within_s``; resolves when it moved beyond 1.2 times that."""

    within_s: float = 86_400.0
    quantile: Literal["likely", "early"] = "likely"
    """``likely``: the middle of the date band; ``early``: its early end (10 %)."""


class BurnRule(Rule, tag="burn"):
    """An error budget that burns too fast (the multi-window rules of the forecast service), or is nearly gone."""

    min_severity: Severity = "warning"
    budget_left_below: float | None = None
    """Fire as well when less than this share of the budget is left."""


class ProbabilityRule(Rule, tag="risk"):
    """A breach of a ticket promise, an SLO or a capacity limit, or an incident, that became likely."""

    of: Literal["ticket", "incident", "slo", "capacity"]
    at_least: float = 0.8
    clear_below: float | None = None
    """Resolve below this; nine tenths of ``at_least`` when not said. A model that abstains never fires."""


class IncidentRule(Rule, tag="incident"):
    """Grouped incidents with their cause."""

    min_severity: Severity = "warning"
    min_findings: int = 1


class OutcomeRule(Rule, tag="outcome"):
    """A change (deploy, configuration, flag) that is suspected or confirmed to have broken something."""

    outcomes: tuple[Literal["suspected", "confirmed"], ...] = ("confirmed", "suspected")
    hold_s: float = 3_600.0
    """Resolves by itself after so long, or when the change is cleared."""


AnyRule = AnomalyRule | ThresholdRule | AbsenceRule | ForecastRule | BurnRule | ProbabilityRule | IncidentRule | OutcomeRule


SYMPTOMS = (AnomalyRule, ThresholdRule, AbsenceRule)
"""Rules whose alerts say that something is wrong with a series now: these, and incidents, explain what depends on it, and are explained."""


def rule_from(body: dict[str, Any]) -> AnyRule:
    """A checked rule. Raises ConfigurationError with the field and the reason; the field is written as a path, ``$.above``."""
    rule: AnyRule = converted(body, AnyRule)  # type: ignore[arg-type]  # a union is no class for mypy, but one kind for msgspec
    _check(rule)
    return rule


def _refuse(field: str, why: str) -> None:
    raise ConfigurationError(f"{why} - at `$.{field}`")


def _check(rule: AnyRule) -> None:
    for k, text in enumerate(rule.match):
        try:
            matchers([text])
        except ConfigurationError as x:
            _refuse(f"match[{k}]", str(x))
    for name in ("title", "reason", "runbook", "owner"):
        if len(getattr(rule, name)) > LONGEST_TEXT:
            _refuse(name, f"longer than {LONGEST_TEXT} characters")
    for name in rule.__struct_fields__:
        value = getattr(rule, name)
        if isinstance(value, float) and not math.isfinite(value):
            _refuse(name, f"{value} is not a finite number")
        if name.endswith("_s") and not 0.0 <= value <= YEAR_S:
            _refuse(name, f"{value:g} s is not between 0 and a year")
    _check_kind(rule)


def _check_kind(rule: AnyRule) -> None:
    if isinstance(rule, ThresholdRule):
        _check_threshold(rule)
    elif isinstance(rule, AbsenceRule):
        if rule.after_s < 20.0:
            _refuse("after_s", "silence is seen in steps of ten seconds, so less than 20 s cannot be told apart from one late step")
    elif isinstance(rule, ProbabilityRule):
        if not 0.0 < rule.at_least <= 1.0:
            _refuse("at_least", f"a probability is above 0 and at most 1, not {rule.at_least:g}")
        if rule.clear_below is not None and not 0.0 <= rule.clear_below <= rule.at_least:
            _refuse("clear_below", "must be between 0 and at_least")
    elif isinstance(rule, AnomalyRule):
        if rule.min_score < 1.0:
            _refuse("min_score", "an episode has a score of at least 1.0, less would change nothing")
        if not rule.kinds:
            _refuse("kinds", "name at least one kind of episode")


def _check_threshold(rule: ThresholdRule) -> None:
    if (rule.above is None) == (rule.below is None):
        _refuse("above", "a threshold has either 'above' or 'below'")
    if not rule.metric:
        _refuse("metric", "name the metric")
    if rule.clear is not None and rule.above is not None and rule.clear > rule.above:
        _refuse("clear", f"'clear' {rule.clear:g} must not be beyond 'above' {rule.above:g}: it would resolve while it fires")
    if rule.clear is not None and rule.below is not None and rule.clear < rule.below:
        _refuse("clear", f"'clear' {rule.clear:g} must not be beyond 'below' {rule.below:g}: it would resolve while it fires")
