"""``kizashi eval slo``: probability of missing an objective by the window's end, as it is known hour by hour."""

from __future__ import annotations

import csv
from pathlib import Path

from kizashi.errors import Refused
from services.forecast.outlook import BudgetOutlook

EVERY_HOURS = 12


def evaluate(source: Path, target: Path, objective: float, hours: int) -> int:
    """Judge every window in ``source``; returns the number of files written. Raises Refused for input that cannot be used.

    IN ``NAME.csv`` has ``hour,total,bad``, one window a file. OUT ``NAME.csv`` has ``hour,probability``, one
    row an hour, known after it; it is worked out anew every twelfth hour and stands in between.
    """
    paths = sorted(source.rglob("*.csv"))
    if not paths:
        raise Refused(f"no .csv in {source}")
    for path in paths:
        rows = _outlooks(_read(path), objective, hours)
        out = target / path.relative_to(source)
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", newline="") as f:
            writer = csv.writer(f)
            writer.writerow(["hour", "probability"])
            writer.writerows(rows)
    return len(paths)


def _outlooks(window: list[tuple[float, float]], objective: float, hours: int) -> list[tuple[int, float]]:
    outlook, rows = BudgetOutlook(objective), list[tuple[int, float]]()
    seen = failed = known = 0.0
    for hour, (total, bad) in enumerate(window[:hours]):
        outlook.learn_hour(total, bad)
        seen += total
        failed += bad
        if hour == 0 or (hour + 1) % EVERY_HOURS == 0 or hour == hours - 1:
            known = outlook.exhaustion(seen, failed, hours - hour - 1).probability
        rows.append((hour, known))
    return rows


def _read(path: Path) -> list[tuple[float, float]]:
    """Total and bad by hour; an hour without a row had no traffic."""
    with path.open(newline="") as f:
        reader = csv.DictReader(f)
        if not {"hour", "total", "bad"} <= set(reader.fieldnames or ()):
            raise Refused(f"{path} needs the columns hour, total and bad")
        try:
            by_hour = {int(row["hour"]): (float(row["total"]), float(row["bad"])) for row in reader}
        except (ValueError, TypeError) as x:
            raise Refused(f"{path}: {x}") from x
    if any(h < 0 or total < 0 or not 0 <= bad <= total for h, (total, bad) in by_hour.items()):
        raise Refused(f"{path}: hours and counts are not negative, and bad is not more than total")
    return [by_hour.get(h, (0.0, 0.0)) for h in range(max(by_hour, default=-1) + 1)]
