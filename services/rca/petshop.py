"""The truth of the PetShop cases, for scoring only: which case folder is which issue, and what its root cause was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec


class _Root(msgspec.Struct):
    node: str


class _Target(msgspec.Struct):
    root_cause: _Root


@dataclass(frozen=True)
class Issue:
    """One recorded failure: folder that the scorer wrote for it, scenario, name, and the entity that caused it."""

    folder: str
    scenario: str
    name: str
    cause: str


def issues(data: Path) -> list[Issue]:
    """Issues below ``data`` in the scorer's order: scenarios by name, then parts and issues by name; without quiet table: left out."""
    found: list[Issue] = []
    for graph in sorted((data / "dataset").glob("*/graph.csv")):
        base = graph.parent
        if not (base / "noissue" / "metrics.csv").exists():
            continue
        targets = [p for part in ("test", "train") for p in (base / part).glob("issue_*/target.json")]
        for path in sorted(targets, key=str):
            cause = msgspec.json.decode(path.read_bytes(), type=_Target).root_cause.node
            name = "/".join(path.relative_to(base).parts[:2])
            found.append(Issue(f"case{len(found):04d}", base.name, name, cause.replace(":", "_")))
    return found
