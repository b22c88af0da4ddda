"""What Kizashi finds: episodes, patterns, forecasts, risks, incidents, alerts. JSON on the wire; times are milliseconds since the epoch.

Every finding has a deterministic ``id`` and a ``version`` that grows by one with each change, so a replay writes the same rows
and a reader keeps the highest version. ``tenant`` decides the partition.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Severity = Literal["info", "warning", "critical"]


class Source(msgspec.Struct, frozen=True):
    """Where in the log a finding comes from."""

    topic: str
    partition: int
    offset: int


class Episode(msgspec.Struct, omit_defaults=True):
    """A stretch of one series that is not as expected; opened, grown and closed by new versions under one id."""

    id: str
    version: int
    tenant: str
    series_id: str
    """Sixteen hexadecimal digits."""
    metric: str
    labels: dict[str, str]
    kind: Literal["anomaly", "step", "trend", "variance", "season", "missing"]
    state: Literal["open", "closed"]
    opened_ms: int
    updated_ms: int
    closed_ms: int | None = None
    direction: Literal["up", "down", "both"] = "up"
    severity: Severity = "warning"
    peak_score: float = 0.0
    peak_ms: int = 0
    peak_value: float = 0.0
    value: float = 0.0
    expected: float = 0.0
    lower: float = 0.0
    upper: float = 0.0
    area: float = 0.0
    """Sum over the episode of (score - 1) in boundary units times seconds."""
    samples: int = 0
    head: str = ""
    """Part of the model that spoke: point, novelty, change_point, missing."""
    flapping: bool = False
    p_value: float | None = None
    model: str = ""
    """Model version and state hash, ``point+novelty/1:9f2c…``."""
    source: Source | None = None


class Pattern(msgspec.Struct, omit_defaults=True):
    """What is regular about a series: season, trend and recurring shapes; the newest version replaces the older."""

    series_id: str
    version: int
    tenant: str
    updated_ms: int
    season_s: float = 0.0
    season_strength: float = 0.0
    profile: list[float] = []
    trend: Literal["steady", "rising", "falling", "broke", "learning"] = "learning"
    level: float = 0.0
    slope_per_day: float = 0.0
    slope_low: float = 0.0
    slope_high: float = 0.0
    broke_at_ms: int | None = None
    shapes: list[str] = []
    """Sentences such as "every Monday 06:00 for 40 min"."""


class Forecast(msgspec.Struct, omit_defaults=True):
    """Steps 1…H ahead of ``made_at_ms``; ``quantiles[k]`` belongs to ``levels[k]`` and has one value a step."""

    tenant: str
    series_id: str
    made_at_ms: int
    step_ms: int
    mean: list[float]
    levels: list[float]
    quantiles: list[list[float]]
    reliable: bool = True
    reason: str = ""
    weights: dict[str, float] = {}
    scored: list[tuple[int, float, float, float]] = []
    """For an older forecast whose times have come: (time, actual, mean, inside the 95 % interval as 0 or 1)."""
    pinball: list[float] = []
    """Mean pinball loss over the levels 2.5, 50 and 97.5 %, one for each row of ``scored``."""
    scored_made: list[int] = []
    """When the forecast of each row of ``scored`` was made, ms."""
    track: dict[str, list[float]] = {}
    """Mean absolute error lately of the forecast (``panel``) and of each member: up to 6, 24 and more steps ahead."""


class Factor(msgspec.Struct, frozen=True):
    """One reason behind a number: its name, its contribution (unit said by the name) and a sentence."""

    name: str
    contribution: float
    text: str = ""


class Risk(msgspec.Struct, omit_defaults=True):
    """A promise that may be missed: capacity, SLO, ticket SLA or incident, as a probability or a date band."""

    id: str
    version: int
    tenant: str
    entity: str
    kind: Literal["capacity", "slo", "ticket", "incident"]
    made_at_ms: int
    title: str = ""
    horizon_s: int = 0
    probability: float | None = None
    """None: the model abstains, ``reason`` says why."""
    reason: str = ""
    eta_ms: int | None = None
    eta_low_ms: int | None = None
    eta_high_ms: int | None = None
    eta_inner_low_ms: int | None = None
    """``eta_low_ms`` … ``eta_high_ms`` hold with 80 %, the inner band with 50 %; None beyond the farthest look-ahead."""
    eta_inner_high_ms: int | None = None
    value: float | None = None
    threshold: float | None = None
    direction: Literal["up", "down", ""] = ""
    """Which way the value meets the threshold; empty where that is not a question, and in what was told before the field was there."""
    burn: dict[str, float] = {}
    budget_left: float | None = None
    firing: bool = False
    severity: Severity = "info"
    factors: list[Factor] = []
    series_id: str = ""


class Indicator(msgspec.Struct, omit_defaults=True):
    """A metric under a suspect, with the numbers that made it one."""

    series_id: str
    name: str
    score: float
    before: float = 0.0
    during: float = 0.0
    terms: dict[str, float] = {}


class Cause(msgspec.Struct, omit_defaults=True):
    """A suspect: an entity or a change, its score and every term of it."""

    entity: str
    score: float
    terms: dict[str, float]
    indicators: list[Indicator] = []
    change_id: str = ""
    text: str = ""
    change_title: str = ""


class Affected(msgspec.Struct, omit_defaults=True):
    """An entity in the blast radius."""

    entity: str
    meaning: Literal["structural", "live"]
    probability: float
    hops: int = 0
    eta_s: float | None = None
    path: list[str] = []


class Impact(msgspec.Struct, omit_defaults=True):
    """How much of a tenant is inside a blast radius; a share is None where nothing of the kind is known."""

    users: float | None = None
    """Expected share (0-1) of the requests at the entry points of the map."""
    slos: list[str] = []
    slo_share: float | None = None
    tickets: list[str] = []
    ticket_share: float | None = None


class TimelineEntry(msgspec.Struct, omit_defaults=True):
    """One line of an incident's timeline."""

    at_ms: int
    what: str
    text: str
    ref: str = ""


class Incident(msgspec.Struct, omit_defaults=True):
    """Episodes, risks and reported incidents that share a cause."""

    id: str
    version: int
    tenant: str
    state: Literal["open", "closed", "merged"]
    title: str
    severity: Severity
    opened_ms: int
    updated_ms: int
    closed_ms: int | None = None
    merged_into: str = ""
    verdict: Literal["cause", "inconclusive"] = "inconclusive"
    entities: list[str] = []
    episodes: list[str] = []
    causes: list[Cause] = []
    blast: list[Affected] = []
    changes: list[str] = []
    timeline: list[TimelineEntry] = []
    similar: list[str] = []
    impact: Impact | None = None
    said: list[str] = []
    """Suspects (a change's id, else the entity) as ranked before anybody judged them, best first; empty when inconclusive."""
    change_titles: dict[str, str] = {}
    """What each of ``changes`` did, in words."""


class Alert(msgspec.Struct, omit_defaults=True):
    """What on-call is told."""

    id: str
    version: int
    tenant: str
    state: Literal["pending", "firing", "acknowledged", "resolved"]
    rule: str
    severity: Severity
    title: str
    started_ms: int
    updated_ms: int
    ended_ms: int | None = None
    group: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    value: float | None = None
    flapping: bool = False
    held_back_by: str = ""
    """The gate that kept it from paging: silence, inhibition, maintenance, budget; empty when it paged."""
    acknowledged_by: str = ""
    refs: list[str] = []


class Delivery(msgspec.Struct, omit_defaults=True):
    """One attempt to tell somebody."""

    id: str
    alert_id: str
    tenant: str
    channel: str
    at_ms: int
    state: Literal["sent", "retry", "failed", "fallback"]
    attempt: int = 1
    dedup_key: str = ""
    text: str = ""


class Edge(msgspec.Struct, omit_defaults=True):
    """A dependency as rca knows it."""

    tenant: str
    caller: str
    callee: str
    source: Literal["declared", "traced", "learned"]
    confidence: float
    first_ms: int
    last_ms: int
    rate: float = 0.0
    hard: bool = True
    directed: bool = True


class ConfigChange(msgspec.Struct, omit_defaults=True):
    """A change of one configuration object. It names the version it was made on; the first one wins."""

    kind: str
    id: str
    based_on: int
    """0 makes the object; the new version is ``based_on + 1``."""
    body: dict[str, Any] | None
    """None deletes it."""
    author: str
    made_at_ms: int
    change_id: str
    tenant: str = "default"
    signature: str = ""


class Feedback(msgspec.Struct, omit_defaults=True):
    """A person's verdict on an episode, alert or cause; ``undo`` takes an earlier one back."""

    id: str
    tenant: str
    target: str
    verdict: Literal["true", "false", "expected", "duplicate", "cause", "not_cause", "acknowledge", "note"]
    author: str
    made_at_ms: int
    series_id: str = ""
    note: str = ""
    undo: bool = False
