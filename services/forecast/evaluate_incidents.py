"""``kizashi eval incidents``: probability of an incident within each horizon, asked at given times."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path

from kizashi.errors import Refused
from services.forecast.hazard import DAY, Hazard


def evaluate(source: Path, target: Path, questions: Path, horizon_days: list[float]) -> int:
    """Answer every question; returns the number of files written. Raises Refused for input that cannot be used.

    IN ``NAME.csv`` has ``start`` (s); ``questions`` has ``series,now``; only starts ≤ now are used. OUT ``NAME.csv`` has ``now,p_1d,p_7d``;
    an empty cell is an abstention.
    """
    asked = _read_questions(questions)
    target.mkdir(parents=True, exist_ok=True)
    for name, times in asked.items():
        path = source / f"{name}.csv"
        if not path.is_file():
            raise Refused(f"{questions} asks about {name!r}, but there is no {path}")
        rows = _answers(_read_starts(path), sorted(times), horizon_days)
        with (target / f"{name}.csv").open("w", newline="") as f:
            out = csv.writer(f)
            out.writerow(["now", *(f"p_{d:g}d" for d in horizon_days)])
            out.writerows(rows)
    return len(asked)


def _answers(starts: list[float], times: list[float], horizon_days: list[float]) -> list[list[float | str]]:
    models, fed, rows = [Hazard(d * DAY) for d in horizon_days], 0, list[list[float | str]]()
    for now in times:
        known = bisect_right(starts, now)
        for at in starts[fed:known]:
            for model in models:
                model.incident(at)
        fed = known
        answers = [model.ask(now).probability for model in models]
        rows.append([now, *("" if p is None else p for p in answers)])
    return rows


def _read_starts(path: Path) -> list[float]:
    with path.open(newline="") as f:
        reader = csv.DictReader(f)
        if "start" not in (reader.fieldnames or ()):
            raise Refused(f"{path} needs the column start")
        try:
            return sorted(float(row["start"]) for row in reader)
        except (ValueError, TypeError) as x:
            raise Refused(f"{path}: {x}") from x


def _read_questions(path: Path) -> dict[str, list[float]]:
    out: dict[str, list[float]] = defaultdict(list)
    with path.open(newline="") as f:
        reader = csv.DictReader(f)
        if not {"series", "now"} <= set(reader.fieldnames or ()):
            raise Refused(f"{path} needs the columns series and now")
        try:
            for row in reader:
                out[row["series"]].append(float(row["now"]))
        except (ValueError, TypeError) as x:
            raise Refused(f"{path}: {x}") from x
    return out
