"""Recorded metrics in files: CSV, JSON, NDJSON and NumPy archives as samples with a time each."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kizashi.errors import InvalidMessage, Refused
from services.ingest.decode import Sample, decode
from services.ingest.registry import decode_labels
from services.ingest.times import BAD_TIME, datetime_ms, text_ms, to_ms

TIME_COLUMNS = ("timestamp", "ts", "time", "datetime", "date", "ds")
VALUE_COLUMNS = ("value", "val", "y")
METRIC_COLUMNS = ("metric", "name")
NOT_LABELS = frozenset({"is_anomaly", "anomaly", "changepoint"})
"""Columns of labelled benchmarks that say the answer; as labels they would split a series in two."""
BLANK = frozenset({"", "nan", "null", "none", "na"})


@dataclass(frozen=True)
class FileSample:
    """One sample of a file; ``labels`` as pairs sorted by name."""

    metric: str
    value: float
    ts_ms: int
    labels: tuple[tuple[str, str], ...] = ()


@dataclass
class Findings:
    """What reading a file met: ``blank`` values left out, and the first of ``bad`` places with its reason."""

    blank: int = 0
    bad: int = 0
    first_bad: str = ""

    def refuse(self, where: str, why: object) -> None:
        """Count a place that could not be read."""
        self.bad += 1
        self.first_bad = self.first_bad or f"{where}: {why}"


@dataclass(frozen=True)
class Reading:
    """How to read: ``metric`` for files that name none, ``ignore`` columns that are no labels."""

    metric: str
    ignore: frozenset[str] = NOT_LABELS
    findings: Findings = field(default_factory=Findings)


def read_csv(lines: Iterable[str], how: Reading) -> Iterator[FileSample]:
    """Rows with a time column and a value column; a metric column names the metric, all other columns are labels.

    Raises Refused when the header has no time or value column.
    """
    rows = csv.reader(lines)
    header = [name.strip().lstrip("﻿") for name in next(rows, [])]
    lower = [name.lower() for name in header]
    at, value = _column(lower, TIME_COLUMNS, "time"), _column(lower, VALUE_COLUMNS, "value")
    metric = next((lower.index(c) for c in METRIC_COLUMNS if c in lower), None)
    labels = [(k, name) for k, name in enumerate(header) if k not in (at, value, metric) and lower[k] not in how.ignore and name]
    labels.sort(key=lambda pair: pair[1])
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        try:
            if row[value].strip().lower() in BLANK:
                how.findings.blank += 1
                continue
            name = row[metric] if metric is not None else how.metric
            pairs = tuple((label, row[k]) for k, label in labels if row[k])
            yield FileSample(name or how.metric, _finite(row[value]), text_ms(row[at]), pairs)
        except (ValueError, IndexError, OverflowError) as x:
            how.findings.refuse(f"line {number}", x)


def read_json(data: bytes, how: Reading, now_ms: Callable[[], int], where: str = "item") -> Iterator[FileSample]:
    """One sample, a list, or NDJSON; samples without a time get ``now_ms()``."""
    samples, bad = decode(data)
    for item in bad:
        how.findings.refuse(f"{where} {item.item + 1}" if item.item >= 0 else where, item.error)
    for number, sample in enumerate(samples, 1):
        try:
            yield _from_sample(sample, now_ms())
        except (ValueError, InvalidMessage) as x:
            how.findings.refuse(f"{where} {number}", x)


def read_ndjson(lines: Iterable[str], how: Reading, now_ms: Callable[[], int]) -> Iterator[FileSample]:
    """Line by line, so that a stream may be endless."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield from read_json(line.encode(), how, now_ms, f"line {number}")


def read_npz(path: Path, how: Reading) -> Iterator[FileSample]:
    """Arrays ``timestamp`` and ``value`` of equal length. Raises Refused when they are not there."""
    with np.load(path, allow_pickle=False) as found:
        arrays: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {k.lower(): found[k] for k in found.files}
    at = next((arrays[c] for c in TIME_COLUMNS if c in arrays), None)
    values = next((arrays[c] for c in VALUE_COLUMNS if c in arrays), None)
    if at is None or values is None or at.shape != values.shape or at.ndim != 1:
        raise Refused(f"{path} needs one-dimensional arrays timestamp and value of equal length; it has {', '.join(arrays) or 'none'}")
    stamps = at.astype("datetime64[ms]").astype(np.int64) if at.dtype.kind == "M" else to_ms(at.astype(np.float64))
    for k, (ts_ms, value) in enumerate(zip(stamps.tolist(), values.astype(np.float64).tolist(), strict=True)):
        if not math.isfinite(value):
            how.findings.blank += 1
        elif ts_ms == BAD_TIME:
            how.findings.refuse(f"row {k}", "no time between 1970 and 2100")
        else:
            yield FileSample(how.metric, value, ts_ms)


def _from_sample(sample: Sample, now_ms: int) -> FileSample:
    labels = decode_labels(sample.labels)
    return FileSample(sample.metric, _finite(sample.value), _sample_ms(sample, now_ms), tuple(sorted(labels.items())))


def _sample_ms(sample: Sample, now_ms: int) -> int:
    if sample.ts is None:
        return now_ms
    if not isinstance(sample.ts, int | float):
        return datetime_ms(sample.ts)
    (ms,) = to_ms(np.array([sample.ts])).tolist()
    if ms == BAD_TIME:
        raise ValueError(f"{sample.ts} is no time between 1970 and 2100")
    return int(ms)


def _finite(value: str | float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def _column(header: Sequence[str], names: Sequence[str], what: str) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise Refused(f"no {what} column: the first line must name one of {', '.join(names)}; it names {', '.join(header) or 'nothing'}")
