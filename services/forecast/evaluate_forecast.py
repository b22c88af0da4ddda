"""``kizashi eval forecast``: rolling-origin forecasts of recorded series by the production model."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

from kizashi.errors import Refused
from services.forecast.bank import Outlook, TierBank
from services.forecast.config import LEVELS, Tier


def evaluate(source: Path, target: Path, origins: Path, horizon: int, season: int) -> int:
    """Forecast every series named in ``origins``; returns the number of files written. Raises Refused for input that cannot be used.

    IN ``NAME.csv`` has ``timestamp,value`` and ``origins`` has ``series,origin``: a forecast made when rows 0 … origin-1 have been learned.
    OUT ``NAME.csv`` has ``origin,step,mean,q0.025,q0.1,…,q0.975``. Values are learned one by one, once; a cell that is no number is a gap.
    """
    wanted = _read_origins(origins)
    target.mkdir(parents=True, exist_ok=True)
    tier = Tier(1, season, horizon)
    for name, points in wanted.items():
        path = source / f"{name}.csv"
        if not path.is_file():
            raise Refused(f"{origins} names the series {name!r}, but there is no {path}")
        rows = _forecast_at(_read_values(path), sorted(points), tier, name)
        with (target / f"{name}.csv").open("w", newline="") as f:
            out = csv.writer(f)
            out.writerow(["origin", "step", "mean", *(f"q{p:g}" for p in LEVELS)])
            out.writerows(rows)
    return len(wanted)


def _forecast_at(values: list[float], origins: list[int], tier: Tier, name: str) -> list[list[float]]:
    bank, rows, learned = TierBank(tier, 1), list[list[float]](), 0
    for origin in origins:
        if not 1 <= origin <= len(values):
            raise Refused(f"origin {origin} of {name!r} is not within its {len(values)} rows")
        for i in range(learned, origin):
            if math.isfinite(values[i]):
                bank.learn(0, i, values[i])
        learned = origin
        if bank.records.seen[0] == 0:
            raise Refused(f"{name!r} has no value before origin {origin}")
        rows += _rows(origin, bank.forecast(0))
    return rows


def _rows(origin: int, outlook: Outlook) -> list[list[float]]:
    """One row a step."""
    columns = zip(outlook.mean.tolist(), outlook.quantiles.T.tolist(), strict=True)
    return [[origin, step, mean, *quantiles] for step, (mean, quantiles) in enumerate(columns, 1)]


def _read_values(path: Path) -> list[float]:
    with path.open(newline="") as f:
        return [_number(row.get("value")) for row in csv.DictReader(f)]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _read_origins(path: Path) -> dict[str, set[int]]:
    out: dict[str, set[int]] = defaultdict(set)
    with path.open(newline="") as f:
        reader = csv.DictReader(f)
        if not {"series", "origin"} <= set(reader.fieldnames or ()):
            raise Refused(f"{path} needs the columns series and origin")
        try:
            for row in reader:
                out[row["series"]].add(int(row["origin"]))
        except (ValueError, TypeError) as x:
            raise Refused(f"{path}: an origin is no whole number: {x}") from x
    return out
