"""``kizashi eval alerts IN OUT``: the grouping on recorded storms, in order of arrival. Reads no labels, looks at nothing ahead."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from kizashi.errors import Refused
from kizashi.online.blast import PREDICT_FROM, reach
from kizashi.online.dependencies import DependencyMap, EdgeState
from services.rca.grouping import CauseForest

PREDICT_AFTER_MS = 60_000


def read_graph(path: Path) -> DependencyMap:
    """Declared map from ``caller,callee[,probability]``."""
    graph = DependencyMap()
    with path.open(newline="") as f:
        for row in csv.DictReader(f):
            edge = EdgeState(row["caller"], row["callee"], "declared", 1.0, 0, 0)
            if row.get("probability"):
                edge.spread = float(row["probability"])
            graph.observe(edge)
    return graph


def predict(forest: CauseForest, key: int, now_ms: int) -> list[str]:
    """Entities that the group of a hit reaches, as foreseen now."""
    members = forest.members(forest.hits[key].group)
    silent = {h.entity: ((now_ms - h.first_ms) / 1000, len(h.refs)) for h in members}
    p = reach(forest.graph, {h.entity: 1.0 for h in members}, silent)
    return sorted(e for e, v in p.items() if v >= PREDICT_FROM)


def storm(folder: Path) -> dict[str, object]:
    """Groups, roots and blast radius of one recorded storm."""
    forest = CauseForest(read_graph(folder / "graph.csv"))
    keys: list[int] = []
    due: list[tuple[int, int]] = []
    said: dict[int, list[str]] = {}
    with (folder / "alerts.csv").open(newline="") as f:
        rows = [(round(1000 * float(r["time"])), r["service"], r["kind"]) for r in csv.DictReader(f)]
    for i, (at_ms, service, _kind) in enumerate(rows):
        while due and due[0][0] < at_ms:
            when, key = due.pop(0)
            said[key] = predict(forest, key, when)
        before = len(forest.hits)
        hit = forest.add(service, at_ms, str(i))
        assert hit is not None
        keys.append(hit.key)
        if len(forest.hits) > before:
            due.append((at_ms + PREDICT_AFTER_MS, hit.key))
    for when, key in due:
        said[key] = predict(forest, key, when)
    groups = [str(forest.hits[k].group) for k in keys]
    live = sorted(forest.groups)
    return {
        "groups": groups,
        "roots": {str(g): forest.cause(g) for g in live},
        "blast": {str(g): said[forest.members(g)[0].key] for g in live},
    }


def eval_alerts(inp: Path, out: Path) -> None:
    """One folder a storm in, one JSON a storm out."""
    if not inp.is_dir():
        raise Refused(f"{inp} is no folder of storms")
    out.mkdir(parents=True, exist_ok=True)
    for folder in sorted(p for p in inp.iterdir() if p.is_dir()):
        (out / f"{folder.name}.json").write_text(json.dumps(storm(folder)))
