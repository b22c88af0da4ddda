"""Topology events as edges: declared by people, a file or the command line, or traced from spans."""

from __future__ import annotations

from kizashi.contracts.inputs import Event
from services.rca.dependencies import SPREAD_HARD, SPREAD_LEARNED, SPREAD_SOFT, EdgeSource, EdgeState

TRACED = ("traces", "otlp", "spans", "traced")
CONFIDENCE: dict[EdgeSource, float] = {"declared": 1.0, "traced": 0.95, "learned": 0.5}


def edges_of(event: Event) -> list[EdgeState]:
    """Edges of a topology event. ``attributes``: ``source`` (declared, traced, learned), ``kind`` (hard, soft), ``rate`` (calls/s),
    ``weight`` (confidence 0-1), ``probability`` (chance that a fault of the callee reaches the caller). One value for all its edges."""
    said = str(event.attributes.get("source", event.source))
    source: EdgeSource = "traced" if said in TRACED else "learned" if said == "learned" else "declared"
    hard = str(event.attributes.get("kind", "hard")) != "soft"
    spread = SPREAD_LEARNED if source == "learned" else SPREAD_HARD if hard else SPREAD_SOFT
    spread = _unit(event.attributes.get("probability"), spread)
    confidence = _unit(event.attributes.get("weight"), CONFIDENCE[source])
    rate = event.attributes.get("rate", 0.0)
    return [
        EdgeState(
            caller, callee, source, confidence, event.ts_ms, event.ts_ms,
            float(rate) if isinstance(rate, int | float) else 0.0, hard, source != "learned", spread,
        )
        for caller, callee in event.edges
    ]  # fmt: skip


def _unit(value: object, default: float) -> float:
    """A number in 0-1 as it was said, else the default: a map with one odd weight is still a map."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else default
