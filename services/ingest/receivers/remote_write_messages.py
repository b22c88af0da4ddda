"""Prometheus remote write's protobuf messages, 1.0 and 2.0, built from a table instead of generated files.

Field numbers from prometheus/prometheus ``prompb/types.proto``, ``prompb/remote.proto`` and
``prompb/io/prometheus/write/v2/types.proto``. Fields that are not read (exemplars, native buckets) are left out: protobuf
skips what it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_F = descriptor_pb2.FieldDescriptorProto
DOUBLE, INT64, UINT64, UINT32, STRING, MESSAGE, ENUM_AS_INT = (
    _F.TYPE_DOUBLE, _F.TYPE_INT64, _F.TYPE_UINT64, _F.TYPE_UINT32, _F.TYPE_STRING, _F.TYPE_MESSAGE, _F.TYPE_INT32,
)  # fmt: skip
COUNTER_V1, COUNTER_V2 = 1, 1
"""MetricType COUNTER in both versions' metadata."""

_HISTOGRAM = [
    ("count_int", 1, UINT64, ""), ("count_float", 2, DOUBLE, ""), ("sum", 3, DOUBLE, ""), ("timestamp", 15, INT64, ""),
]  # fmt: skip
_SAMPLE = [("value", 1, DOUBLE, ""), ("timestamp", 2, INT64, "")]
_V1: dict[str, list[tuple[str, int, int, str]]] = {
    "Label": [("name", 1, STRING, ""), ("value", 2, STRING, "")],
    "Sample": _SAMPLE,
    "Histogram": _HISTOGRAM,
    "TimeSeries": [("labels", 1, MESSAGE, "Label"), ("samples", 2, MESSAGE, "Sample"), ("histograms", 4, MESSAGE, "Histogram")],
    "MetricMetadata": [("type", 1, ENUM_AS_INT, ""), ("metric_family_name", 2, STRING, ""), ("unit", 5, STRING, "")],
    "WriteRequest": [("timeseries", 1, MESSAGE, "TimeSeries"), ("metadata", 3, MESSAGE, "MetricMetadata")],
}
_V2: dict[str, list[tuple[str, int, int, str]]] = {
    "Sample": _SAMPLE,
    "Histogram": _HISTOGRAM,
    "Metadata": [("type", 1, ENUM_AS_INT, ""), ("help_ref", 3, UINT32, ""), ("unit_ref", 4, UINT32, "")],
    "TimeSeries": [
        ("labels_refs", 1, UINT32, "*"), ("samples", 2, MESSAGE, "Sample"), ("histograms", 3, MESSAGE, "Histogram"),
        ("metadata", 5, MESSAGE, "=Metadata"),
    ],
    "Request": [("symbols", 4, STRING, "*"), ("timeseries", 5, MESSAGE, "TimeSeries")],
}  # fmt: skip


@dataclass(frozen=True)
class Messages:
    """Message classes of both versions."""

    v1: Any
    v2: Any


@cache
def messages() -> Messages:
    """``WriteRequest`` (1.0) and ``Request`` (2.0) classes."""
    return Messages(_build("kizashi.prw1", _V1, "WriteRequest"), _build("kizashi.prw2", _V2, "Request"))


def _build(package: str, table: dict[str, list[tuple[str, int, int, str]]], root: str) -> Any:
    """A field's last entry: a message's name (repeated), ``=Name`` (one of it), ``*`` (repeated scalar), empty (one scalar)."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for field, number, kind, of in fields:
            label = _F.LABEL_OPTIONAL if of == "" or of.startswith("=") else _F.LABEL_REPEATED
            made = message.field.add(name=field, number=number, type=kind, label=label)
            if kind == MESSAGE:
                made.type_name = f".{package}.{of.lstrip('=')}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{root}"))
