"""The production model offline, on files: how accuracy is measured. It never sees a label.

Every file is one series and streams through a ``Bank`` in messages of ``MESSAGE`` rows, as it would from the log.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from kizashi.contracts.batches import ANOMALOUS, F64, I64, LEARNING
from kizashi.errors import KizashiError, Refused
from services.anomaly.bank import Bank, Scored
from services.anomaly.config import ModelConfig

MESSAGE = 500
COLUMNS = ("timestamp", "value", "anomaly_score", "point_score", "novelty_score", "expected", "lower", "upper", "state")


def evaluate(source: Path, target: Path, config: ModelConfig | None = None) -> int:
    """Score every CSV (``timestamp,value``) and .npz (``timestamp`` in s, ``value``) under ``source``; the number of files.

    Each gives a CSV of ``COLUMNS`` at the same relative path under ``target``. Raises Refused when there is nothing to read.
    """
    paths = sorted(p for p in source.rglob("*") if p.suffix in (".csv", ".npz"))
    if not paths:
        raise Refused(f"{source}: no .csv or .npz file in it; name the folder that holds the series")
    for path in paths:
        stamps, ts, values = read_series(path)
        out = (target / path.relative_to(source)).with_suffix(".csv")
        out.parent.mkdir(parents=True, exist_ok=True)
        write_scores(out, stamps, values, score_series(ts, values, config))
    return len(paths)


def score_series(ts_ms: I64, values: F64, config: ModelConfig | None = None) -> list[Scored]:
    """Scores of one series (n,), message by message."""
    bank = Bank(config)
    out = []
    for start in range(0, len(ts_ms), MESSAGE):
        part = slice(start, start + MESSAGE)
        n = len(ts_ms[part])
        out.append(bank.score(np.ones(n, np.uint64), ts_ms[part], values[part], np.zeros(n, np.uint8)))
    return out


def read_series(path: Path) -> tuple[Sequence[str], I64, F64]:
    """Timestamps as written, as milliseconds (n,), and values (n,); raises Refused with the line and the reason."""
    if path.suffix == ".npz":
        with np.load(path) as z:
            seconds, values = z["timestamp"], np.asarray(z["value"], float)
        return [str(s) for s in seconds.tolist()], np.round(np.asarray(seconds, float) * 1000).astype(np.int64), values
    stamps, times, numbers = [], [], []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if not {"timestamp", "value"} <= set(reader.fieldnames or ()):
            raise Refused(f"{path}: its first line must name the columns timestamp and value")
        for row in reader:
            try:
                times.append(milliseconds(row["timestamp"]))
                numbers.append(float(row["value"] or "nan"))
            except ValueError as x:
                raise Refused(f"{path}, line {reader.line_num}: {x}") from x
            stamps.append(row["timestamp"])
    return stamps, np.array(times, np.int64), np.array(numbers, float)


def milliseconds(text: str) -> int:
    """Milliseconds since the epoch of ISO 8601 text (UTC unless it says otherwise) or of seconds as a number."""
    try:
        return round(float(text) * 1000)
    except ValueError:
        at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def write_scores(path: Path, stamps: Sequence[str], values: F64, scored: list[Scored]) -> None:
    """One row for each input row, in order."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        start = 0
        for s in scored:
            part = slice(start, start + len(s.score))
            writer.writerows(zip(stamps[part], values[part].tolist(), *_texts(s), strict=True))
            start = part.stop


def _texts(s: Scored) -> Iterator[list[str]]:
    for column in (s.score, s.point, s.novelty, s.expected, s.lower, s.upper):
        yield [f"{x:.7g}" for x in column.tolist()]
    yield ["learning" if f & LEARNING else "anomalous" if f & ANOMALOUS else "ok" for f in s.flags.tolist()]


def main(arguments: Sequence[str]) -> int:
    """``python -m services.anomaly.evaluate IN OUT``: 0, or a message and 2."""
    try:
        evaluate(Path(arguments[0]), Path(arguments[1]))
    except (KizashiError, OSError, IndexError) as x:
        sys.stderr.write(f"eval anomaly: {x}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
