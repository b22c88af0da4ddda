"""``kizashi eval rca IN OUT``: the ranking on recorded cases. Reads no labels; one configuration for every case."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np

from kizashi.errors import Refused
from kizashi.online.dependencies import DependencyMap
from services.rca.columns import seconds, split_column
from services.rca.ranking import Alarm, Ranking, rank
from services.rca.storm_eval import read_graph
from services.rca.window import F64, Window

TIME = ("time", "timestamp", "ts")


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
        names, normal, names_during, during = _tables(folder)
    except OSError as x:
        raise Refused(f"{folder}: {x}; a case needs normal.csv and abnormal.csv, or data.csv and inject_time.txt") from x
    if not len(during):
        raise Refused(f"{folder}/abnormal.csv has no rows")
    columns = [c for c in dict.fromkeys(names[1:]) if c in names_during[1:]]
    at = [names.index(c, 1) for c in columns]
    at_during = [names_during.index(c, 1) for c in columns]
    steps = np.concatenate([np.diff(t[:, 0]) for t in (normal, during)])
    steps = steps[steps > 0]  # leaves out what is not known, too
    split = [split_column(c) for c in columns]
    window = Window(
        tuple(s for s, _m in split), tuple(m for _s, m in split), tuple(columns),
        normal[:, at], during[:, at_during], float(np.median(steps)) if len(steps) else 1.0,
    )  # fmt: skip
    graph = read_graph(folder / "edges.csv") if (folder / "edges.csv").exists() else DependencyMap()
    target = (folder / "target.txt").read_text().strip() if (folder / "target.txt").exists() else ""
    service, metric = split_column(target) if target in columns or ":" in target else (target, "")
    return window, graph, Alarm(service, metric)


def _tables(folder: Path) -> tuple[list[str], F64, list[str], F64]:
    """Header and rows before and during, by time; time in seconds in the first column. Raises OSError for a file that is not there."""
    whole, moment = folder / "data.csv", folder / "inject_time.txt"
    if not (folder / "normal.csv").exists() and whole.exists():
        names, table = _in_order(*read_table(whole))
        text = moment.read_text().strip()
        began_s = float(seconds(np.array([_number(text)]))[0])
        if np.isnan(began_s):
            raise Refused(f"{moment} needs the time of the fault in seconds, it says {text[:40]!r}")
        before = table[:, 0] < began_s
        return names, table[before], names, table[~before]
    return (*_in_order(*read_table(folder / "normal.csv")), *_in_order(*read_table(folder / "abnormal.csv")))


def _in_order(names: list[str], table: F64) -> tuple[list[str], F64]:
    """Time in the first column, in seconds, rows by time; without any column called so the first one is it."""
    at = next((i for i, n in enumerate(names) if n.strip().lower() in TIME), 0)
    order = [at, *(i for i in range(len(names)) if i != at)]
    table = table[:, order]
    table[:, 0] = seconds(table[:, 0])
    return [names[i] for i in order], table[np.argsort(table[:, 0], kind="stable")]


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
