"""Dependencies that people write into a file, as topology events."""

from __future__ import annotations

import yaml

from kizashi.contracts.ids import finding_id
from kizashi.contracts.inputs import Event
from kizashi.errors import ConfigurationError


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
