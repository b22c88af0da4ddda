"""Topology events as edges: declared by people, a file or the command line, or traced from spans."""

from __future__ import annotations

import yaml

from kizashi.contracts.ids import finding_id
from kizashi.contracts.inputs import Event
from kizashi.errors import ConfigurationError
from kizashi.online.dependencies import SPREAD_HARD, SPREAD_LEARNED, SPREAD_SOFT, EdgeSource, EdgeState

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


def read_file(text: str, now_ms: int, tenant: str = "default") -> list[Event]:
    """Topology events of a YAML file, for ``kizashi topology apply``; raises ConfigurationError that names the line's place.

    ::

        dependencies:
          shop: [cart, search]                    # hard
          search: [{to: ads, kind: soft}]         # the page comes without it
    """
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as x:
        raise ConfigurationError(f"the topology file is no YAML: {x}") from x
    declared = body.get("dependencies") if isinstance(body, dict) else None
    if not isinstance(declared, dict):
        raise ConfigurationError("a topology file needs a mapping 'dependencies:' of caller to a list of callees")
    edges: dict[str, list[tuple[str, str]]] = {"hard": [], "soft": []}
    for caller, callees in declared.items():
        for callee, kind in _callees(str(caller), callees):
            edges[kind].append((str(caller), callee))
    return [
        Event("topology", "map", now_ms, finding_id("topology", tenant, kind, now_ms), tenant, attributes={"kind": kind}, edges=pairs)
        for kind, pairs in edges.items()
        if pairs
    ]


def _callees(caller: str, callees: object) -> list[tuple[str, str]]:
    if not isinstance(callees, list):
        raise ConfigurationError(f"dependencies of {caller}: expected a list, found {type(callees).__name__}")
    found = []
    for c in callees:
        callee, kind = (c.get("to"), c.get("kind", "hard")) if isinstance(c, dict) else (c, "hard")
        if not isinstance(callee, str) or kind not in ("hard", "soft"):
            raise ConfigurationError(f"dependencies of {caller}: {c!r} is neither a name nor {{to: name, kind: hard|soft}}")
        found.append((callee, kind))
    return found


def _unit(value: object, default: float) -> float:
    """A number in 0-1 as it was said, else the default: a map with one odd weight is still a map."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else default
