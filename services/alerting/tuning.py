"""Where should a rule's number lie? The curve of pages a day against reported incidents caught, and the number with the fewest pages that
catches as many as any. The rule runs alone, through the whole chain, on the same recording once a number."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kizashi.contracts.batches import RollupBatch
from kizashi.contracts.findings import Episode, Risk
from kizashi.errors import Refused
from services.alerting.configuration import RunningSet
from services.alerting.replay import Recorded, Truth, play
from services.alerting.rules import AnomalyRule, AnyRule, ForecastRule, ProbabilityRule, ThresholdRule

QUANTILES = (0.0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.995)
HOURS = (1.0, 4.0, 12.0, 24.0, 48.0, 96.0, 168.0)
PROBABILITIES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class Point(msgspec.Struct, frozen=True):
    """One number tried."""

    value: float
    pages_a_day: float
    caught: int
    missed: int
    precision: float | None
    """Share of pages near a reported incident of the same entity; None without pages or without reported incidents."""


class Tuned(msgspec.Struct, frozen=True):
    """The curve, in rising order of the number, and what follows from it."""

    rule: str
    field: str
    now: float
    points: list[Point]
    suggested: float | None
    evidence: str


def field_of(rule: AnyRule) -> str:
    """The number of a rule that is tuned. Raises Refused for kinds that have none."""
    if isinstance(rule, ThresholdRule):
        return "above" if rule.above is not None else "below"
    names = {AnomalyRule: "min_score", ForecastRule: "within_s", ProbabilityRule: "at_least"}
    found = names.get(type(rule))
    if found is None:
        raise Refused("rules of this kind have no number to tune: their severity and their for-duration are what can be changed")
    return found


def tune(
    tenant: str, rule_id: str, rule: AnyRule, running: RunningSet, recording: Sequence[Recorded], truths: Sequence[Truth], from_ms: int,
    to_ms: int,
) -> Tuned:  # fmt: skip
    """Try the numbers that the recording suggests. Raises Refused when nothing in it concerns the rule."""
    field = field_of(rule)
    now = float(getattr(rule, field))
    values = sorted({*candidates(rule, recording), now})
    points = []
    for value in values:
        changed: dict[str, float | None] = {field: value, "clear": None} if field in ("above", "below") and value != now else {field: value}
        if field == "at_least" and value != now:
            changed["clear_below"] = None
        alone = RunningSet({rule_id: msgspec.structs.replace(rule, enabled=True, **changed)})
        alone.route = running.route
        played, _ = play(tenant, alone, recording, truths, from_ms, to_ms)
        precision = None
        if played.pages and truths:
            near = {c["incident"] for c in played.caught}
            entities = {x.entity for x in truths if x.id in near}
            precision = sum(bool(entities & set(p.entities)) for p in played.pages_list) / len(played.pages_list)
        points.append(Point(value, played.pages_a_day, len(played.caught), len(played.missed), precision))
    return _suggest(rule_id, field, now, points)


def candidates(rule: AnyRule, recording: Sequence[Recorded]) -> list[float]:
    """Numbers worth trying: quantiles of what the recording holds, or the usual ones."""
    if isinstance(rule, ForecastRule):
        return [h * 3_600.0 for h in HOURS]
    if isinstance(rule, ProbabilityRule):
        found = any(isinstance(r.what, Risk) and r.what.kind == rule.of for r in recording)
        return list(PROBABILITIES) if found else []
    if isinstance(rule, AnomalyRule):
        peaks = sorted(r.what.peak_score for r in recording if isinstance(r.what, Episode) and r.what.kind in rule.kinds)
        return sorted({max(1.0, round(_at(peaks, q), 2)) for q in QUANTILES}) if peaks else []
    if isinstance(rule, ThresholdRule):
        up = rule.above is not None
        values = sorted(float(x) for r in recording if isinstance(r.what, RollupBatch) for x in (r.what.high if up else r.what.low))
        shares = QUANTILES[1:] if up else [1.0 - q for q in QUANTILES[1:]]
        return [float(f"{_at(values, q):.4g}") for q in shares] if values else []
    return []


def _at(ordered: Sequence[float], q: float) -> float:
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def _suggest(rule_id: str, field: str, now: float, points: list[Point]) -> Tuned:
    if len(points) < 2:
        raise Refused("the recorded window holds nothing that concerns this rule: choose a longer one")
    standing = next(p for p in points if p.value == now)
    most = max(p.caught for p in points)
    if most == 0:
        text = f"no reported incident of the window was caught at any number; at {now:g} it would page {standing.pages_a_day:g} times a day"
        return Tuned(rule_id, field, now, points, None, text)
    best = min((p for p in points if p.caught == most), key=lambda p: (p.pages_a_day, abs(p.value - now)))
    text = (
        f"{best.value:g} catches {best.caught} of {best.caught + best.missed} reported incidents with {best.pages_a_day:g} pages a day; "
        f"{now:g} catches {standing.caught} with {standing.pages_a_day:g}"
    )
    return Tuned(rule_id, field, now, points, best.value, text)
