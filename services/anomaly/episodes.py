"""From turns of the kernel to episodes as the rest of the house knows them."""

from __future__ import annotations

import math
from typing import Any, Literal

from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.findings import Episode, Severity, Source
from kizashi.contracts.ids import finding_id, format_series_id
from services.anomaly.pattern_reader import PatternChange
from services.anomaly.state import CLOSED, HEADS, KINDS, MISSING

CRITICAL_PEAK = 1.5
"""Half a boundary above the boundary: rarer than alarms themselves by more than an order of magnitude."""
CRITICAL_SAMPLES = 10
"""Or odd for so many samples, which noise is not."""


def severity_of(peak: float, samples: int, kind: str) -> Severity:
    """How loud: info for what is a fact of the series rather than a fault, critical for high or lasting ones."""
    if kind in ("trend", "season", "variance"):
        return "info"
    if peak >= CRITICAL_PEAK or samples >= CRITICAL_SAMPLES:
        return "critical"
    return "warning"


def change_episode(change: PatternChange, info: SeriesInfo, source: Source | None, model: str) -> Episode:
    """A pattern that became another one, as a change point: ``value`` and ``expected`` are period (s) or slope per day, now and before."""
    at, id_ = change.at_ms, finding_id("episode", change.kind, info.id, change.at_ms)
    direction: Literal["up", "down", "both"] = "both" if change.kind == "season" else "up" if change.after > 0.0 else "down"
    return Episode(
        id_, 1, info.tenant, format_series_id(info.id), info.metric, info.labels, change.kind, "closed", at, at, at, direction, "info", 1.0,
        at, change.after, change.after, change.before, head="change_point", p_value=change.p_value, model=model, source=source,
    )  # fmt: skip


def episode_of(event: Any, info: SeriesInfo, source: Source | None, model: str) -> Episode:
    """The episode that a turn describes."""
    kind = KINDS[event["kind"]]
    closed = int(event["what"]) == CLOSED
    ts, opened = int(event["ts"]), int(event["opened_ms"])
    p = float(event["p_value"])
    peak, samples = float(event["peak"]), int(event["samples"])
    return Episode(
        id=finding_id("episode", kind, info.id, opened),
        version=int(event["version"]),
        tenant=info.tenant,
        series_id=format_series_id(info.id),
        metric=info.metric,
        labels=info.labels,
        kind=kind,  # type: ignore[arg-type]  # KINDS holds exactly the names of the Literal
        state="closed" if closed else "open",
        opened_ms=opened,
        updated_ms=ts,
        closed_ms=ts if closed else None,
        direction={1: "up", -1: "down"}.get(int(event["direction"]), "both"),  # type: ignore[arg-type]  # as above
        severity="warning" if event["kind"] == MISSING else severity_of(peak, samples, kind),
        peak_score=peak,
        peak_ms=int(event["peak_ms"]),
        peak_value=float(event["peak_value"]),
        value=float(event["value"]),
        expected=float(event["expected"]),
        lower=float(event["lower"]),
        upper=float(event["upper"]),
        area=float(event["area"]),
        samples=samples,
        head=HEADS[event["head"]],
        flapping=bool(event["flapping"]),
        p_value=None if math.isnan(p) else p,
        model=model,
        source=source,
    )
