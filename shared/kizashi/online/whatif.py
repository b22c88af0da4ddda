"""What if X fails or is restarted: asked of published edges, by the command line and the gateway, with rca's arithmetic. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from kizashi.contracts.findings import Affected, Edge
from kizashi.errors import NotFound
from kizashi.online import blast
from kizashi.online.dependencies import SPREAD_HARD, SPREAD_LEARNED, SPREAD_SOFT, DependencyMap, EdgeState


def map_of(edges: Iterable[Edge], now_ms: int) -> DependencyMap:
    """Dependency map of published edges, as faded as it is at ``now_ms``."""
    graph = DependencyMap()
    for e in edges:
        spread = SPREAD_LEARNED if e.source == "learned" else SPREAD_HARD if e.hard else SPREAD_SOFT
        graph.observe(EdgeState(e.caller, e.callee, e.source, e.confidence, e.first_ms, e.last_ms, e.rate, e.hard, e.directed, spread))
    graph.fade(now_ms)
    return graph


def what_if(edges: Iterable[Edge], entity: str, event: Literal["fails", "restart"], now_ms: int) -> list[Affected]:
    """Who would be hit if the entity failed, or were restarted, likeliest first; raises NotFound for an entity that is not on the map."""
    graph = map_of(edges, now_ms)
    if entity not in graph.entities():
        raise NotFound(f"{entity} is not on the dependency map: send a topology event, or traces that contain it")
    return blast.what_if(graph, entity, event)
