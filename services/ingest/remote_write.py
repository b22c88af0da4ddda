"""Prometheus remote write 1.0 and 2.0 messages to samples."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from kizashi.errors import InvalidMessage
from services.ingest.decode import Sample

_STALE_BITS = 0x7FF0000000000002
"""The NaN that Prometheus writes when a series ends; all other NaN are values that are refused."""
COUNTER_ENDINGS = ("_total", "_count", "_sum", "_bucket")
"""1.0 does not say what a series is; these endings are the convention of the exposition format."""
COUNTER_TYPES = frozenset({1})
HISTOGRAM_TYPES = frozenset({3, 5})
"""HISTOGRAM and SUMMARY of 2.0's metadata: their parts only grow."""


@dataclass
class Written:
    """Samples, how many of them came from native histograms, and what was left out for which reason."""

    samples: list[Sample] = field(default_factory=list)
    histograms: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def from_v1(request: Any) -> Written:
    """Samples of a WriteRequest."""
    out = Written()
    counters = {m.metric_family_name for m in request.metadata if m.type in COUNTER_TYPES}
    for series in request.timeseries:
        pairs = [(label.name, label.value) for label in series.labels]
        _series(out, series, pairs, counters, "", known=None)
    return out


def from_v2(request: Any) -> Written:
    """Samples of a 2.0 Request; raises InvalidMessage when the symbol table is wrong."""
    symbols = request.symbols
    if not symbols or symbols[0] != "":
        raise InvalidMessage("the first symbol must be empty", "schema")
    out = Written()
    for series in request.timeseries:
        refs = series.labels_refs
        if len(refs) % 2 or any(r >= len(symbols) for r in refs):
            out.left_out["labels"] += len(series.samples) + len(series.histograms)
            continue
        pairs = [(symbols[refs[k]], symbols[refs[k + 1]]) for k in range(0, len(refs), 2)]
        unit = symbols[series.metadata.unit_ref] if series.metadata.unit_ref < len(symbols) else ""
        _series(out, series, pairs, set(), unit, known=series.metadata.type or None)
    return out


def _series(out: Written, series: Any, pairs: list[tuple[str, str]], counters: set[str], unit: str, known: int | None) -> None:
    labels = dict(pairs)
    metric = labels.pop("__name__", "")
    if not metric or len(labels) + 1 != len(pairs):
        out.left_out["name" if not metric else "labels"] += len(series.samples) + len(series.histograms)
        return
    kind = _kind(metric, counters, known)
    raw = msgspec.Raw(msgspec.json.encode(labels))
    for point in series.samples:
        if point.value != point.value and _is_stale(point.value):
            out.left_out["stale"] += 1
        else:
            out.samples.append(Sample(metric, point.value, float(point.timestamp), raw, unit, kind))
    for histogram in series.histograms:
        out.histograms += 1
        out.samples += _histogram(metric, histogram, raw, unit)


def _histogram(metric: str, h: Any, raw: msgspec.Raw, unit: str) -> Iterable[Sample]:
    """A native histogram as its count and sum, which carry its rate and its mean."""
    count = float(h.count_int) or h.count_float
    yield Sample(f"{metric}_count", count, float(h.timestamp), raw, "", "counter")
    yield Sample(f"{metric}_sum", h.sum, float(h.timestamp), raw, unit, "counter")


def _kind(metric: str, counters: set[str], known: int | None) -> Literal["gauge", "counter"]:
    if known in COUNTER_TYPES or metric in counters:
        return "counter"
    if known is None or known in HISTOGRAM_TYPES:
        return "counter" if metric.endswith(COUNTER_ENDINGS) else "gauge"
    return "gauge"


def _is_stale(value: float) -> bool:
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    return bool(bits == _STALE_BITS)
