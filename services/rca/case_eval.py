"""``kizashi eval rca IN OUT``: the ranking on recorded cases. Reads no labels; one configuration for every case."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np

from kizashi.errors import Refused
from kizashi.online.dependencies import DependencyMap
from services.rca.ranking import Alarm, Ranking, rank
from services.rca.storm_eval import read_graph
from services.rca.window import F64, Window


def read_table(path: Path) -> tuple[list[str], F64]:
    """Header and numbers of a CSV, empty or odd cells as NaN: (names, (rows, names))."""
    with path.open(newline="") as f:
        rows = list(csv.reader(f))
    if not rows or len(rows[0]) < 2:
        raise Refused(f"{path} needs a header 'time,service:metric,…'")
    names = rows[0]
    table = np.array([[_number(x) for x in r] for r in rows[1:] if len(r) == len(names)], np.float64).reshape(-1, len(names))
    return names, table


def _number(text: str) -> float:
    try:
        x = float(text)
    except ValueError:
        return np.nan
    return x if np.isfinite(x) else np.nan


def read_case(folder: Path) -> tuple[Window, DependencyMap, Alarm]:
    """Window, map and alarm of a case folder; raises Refused when a file is missing or odd."""
    try:
        names, normal = read_table(folder / "normal.csv")
        names_during, during = read_table(folder / "abnormal.csv")
    except OSError as x:
        raise Refused(f"{folder}: {x}; a case needs normal.csv and abnormal.csv") from x
    if not len(during):
        raise Refused(f"{folder}/abnormal.csv has no rows")
    columns = [c for c in names[1:] if c in names_during[1:]]
    at = [names.index(c) for c in columns]
    at_during = [names_during.index(c) for c in columns]
    times = np.concatenate([np.diff(t[:, 0]) for t in (normal, during) if len(t) > 1] or [np.ones(1)])
    step_s = float(np.median(times))
    split = [c.partition(":")[::2] for c in columns]
    window = Window(
        tuple(s for s, _m in split), tuple(m for _s, m in split), tuple(columns),
        normal[:, at], during[:, at_during], step_s if step_s > 0 else 1.0,
    )  # fmt: skip
    graph = read_graph(folder / "edges.csv") if (folder / "edges.csv").exists() else DependencyMap()
    target = (folder / "target.txt").read_text().strip() if (folder / "target.txt").exists() else ""
    service, _, metric = target.partition(":")
    return window, graph, Alarm(service, metric)


def answer(r: Ranking) -> dict[str, object]:
    """The answer as section 6 of the interface has it."""
    return {
        "verdict": r.verdict,
        "reason": r.reason,
        "services": [{"name": c.entity, "score": c.score, "terms": c.terms} for c in r.causes],
        "indicators": [{"name": i.name, "score": i.score, "before": i.before, "during": i.during, "terms": i.terms} for i in r.indicators],
    }


def eval_rca(inp: Path, out: Path) -> None:
    """One folder a case in, one JSON a case out."""
    if not inp.is_dir():
        raise Refused(f"{inp} is no folder of cases")
    out.mkdir(parents=True, exist_ok=True)
    for folder in sorted(p for p in inp.iterdir() if p.is_dir()):
        window, graph, alarm = read_case(folder)
        (out / f"{folder.name}.json").write_bytes(msgspec.json.encode(answer(rank(window, graph, alarm, {}))))
