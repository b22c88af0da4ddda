"""What would be hit if an entity failed: its callers, their callers, and how sure each hop is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SOFT = 0.5
"""A caller with a soft dependency survives half of the time: the prior that rca uses too."""
FAINTEST = 0.05
FARTHEST = 8


def blast_radius(entity: str, edges: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Affected entities by falling probability; ``path`` leads from the entity to the affected one.

    A path's probability is the product of its edges' confidence, halved at each soft one; the likeliest path counts.

    >>> edges = [{"caller": "web", "callee": "db", "confidence": 0.9, "hard": 1}]
    >>> blast_radius("db", edges)[0]["entity"]
    'web'
    """
    callers: dict[str, list[tuple[str, float]]] = {}
    for edge in edges:
        strength = float(edge["confidence"]) * (1.0 if edge["hard"] else SOFT)
        callers.setdefault(edge["callee"], []).append((edge["caller"], min(1.0, strength)))
    best: dict[str, tuple[float, list[str]]] = {entity: (1.0, [entity])}
    front = [entity]
    while front:
        reached: list[str] = []
        for node in front:
            probability, path = best[node]
            if len(path) > FARTHEST:
                continue
            for caller, strength in callers.get(node, ()):
                p = probability * strength
                if p >= FAINTEST and p > best.get(caller, (0.0, []))[0]:
                    best[caller] = (p, [*path, caller])
                    reached.append(caller)
        front = list(dict.fromkeys(reached))
    del best[entity]
    found = [
        {"entity": name, "meaning": "structural", "probability": round(p, 4), "hops": len(path) - 1, "path": path}
        for name, (p, path) in best.items()
    ]
    return sorted(found, key=lambda a: (-a["probability"], a["hops"], a["entity"]))
