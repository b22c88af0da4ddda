"""OTLP metrics, traces and logs to samples and edges. Works on OpenTelemetry's own protobuf messages.

Resource attributes that name where something runs become short labels; the others stay behind, since an SDK sends dozens
that never differ. Attributes of a point are all labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from opentelemetry.proto.metrics.v1 import metrics_pb2

from services.ingest.decode import Sample

RESOURCE_LABELS = {
    "service.name": "service",
    "service.namespace": "namespace",
    "service.instance.id": "instance",
    "host.name": "host",
    "deployment.environment": "env",
    "deployment.environment.name": "env",
    "k8s.cluster.name": "cluster",
    "k8s.namespace.name": "k8s_namespace",
    "k8s.deployment.name": "deployment",
    "k8s.pod.name": "pod",
    "k8s.node.name": "node",
    "container.name": "container",
    "cloud.region": "region",
    "device.id": "device",
}
CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
NO_VALUE = metrics_pb2.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
Kind = Literal["gauge", "counter"]


@dataclass
class Points:
    """Samples with the number of data points they came from, and what was left out for which reason."""

    samples: list[Sample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def metrics(request: Any) -> Points:
    """Samples of an ExportMetricsServiceRequest.

    A gauge or sum point is one sample (a cumulative monotonic sum is a counter); a histogram or summary gives ``.count`` and
    ``.sum``, ``.min`` and ``.max`` where it has them, and a summary its quantiles.
    """
    out = Points()
    for resource_metrics in request.resource_metrics:
        base = resource_labels(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                _metric(out, metric, base)
    return out


def _metric(out: Points, metric: Any, base: dict[str, str]) -> None:
    shape = metric.WhichOneof("data")
    if shape is None:
        out.left_out["schema"] += 1
        return
    data = getattr(metric, shape)
    for point in data.data_points:
        if point.flags & NO_VALUE:
            out.left_out["stale"] += 1
            continue
        labels = {**base, **attributes(point.attributes)}
        ts = _seconds(point.time_unix_nano)
        if shape in ("gauge", "sum"):
            _number(out, metric, point, labels, ts, "counter" if shape == "sum" and _grows(data) else "gauge")
        else:
            out.samples += _distribution(metric, point, labels, ts, shape, "gauge" if _is_delta(data) else "counter")


def _grows(data: Any) -> bool:
    return bool(data.is_monotonic) and data.aggregation_temporality == CUMULATIVE


def _is_delta(data: Any) -> bool:
    """Summaries have no temporality: they are cumulative."""
    return getattr(data, "aggregation_temporality", CUMULATIVE) != CUMULATIVE


def _number(out: Points, metric: Any, point: Any, labels: dict[str, str], ts: float | None, kind: Kind) -> None:
    which = point.WhichOneof("value")
    if which is None:
        out.left_out["schema"] += 1
        return
    out.samples.append(Sample(metric.name, float(getattr(point, which)), ts, _raw(labels), metric.unit, kind))


def _distribution(metric: Any, point: Any, labels: dict[str, str], ts: float | None, shape: str, kind: Kind) -> Iterator[Sample]:
    raw = _raw(labels)
    yield Sample(f"{metric.name}.count", float(point.count), ts, raw, "1", kind)
    if shape == "summary" or point.HasField("sum"):
        yield Sample(f"{metric.name}.sum", float(point.sum), ts, raw, metric.unit, kind)
    if shape == "summary":
        for q in point.quantile_values:
            yield Sample(metric.name, q.value, ts, _raw({**labels, "quantile": f"{q.quantile:g}"}), metric.unit)
        return
    for end in ("min", "max"):
        if point.HasField(end):
            yield Sample(f"{metric.name}.{end}", getattr(point, end), ts, raw, metric.unit)


def resource_labels(pairs: Iterable[Any]) -> dict[str, str]:
    """Short labels of a resource."""
    return {RESOURCE_LABELS[p.key]: any_text(p.value) for p in pairs if p.key in RESOURCE_LABELS and any_text(p.value)}


def attributes(pairs: Iterable[Any]) -> dict[str, str]:
    """Attributes of a point as labels; empty values say nothing."""
    found = {p.key: any_text(p.value) for p in pairs}
    return {k: v for k, v in found.items() if v}


def any_text(value: Any) -> str:
    """An AnyValue as text; lists and maps as JSON."""
    which = value.WhichOneof("value")
    if which is None:
        return ""
    if which == "bool_value":
        return "true" if value.bool_value else "false"
    if which in ("string_value", "int_value", "double_value"):
        return str(getattr(value, which))
    if which == "array_value":
        return msgspec.json.encode([any_text(v) for v in value.array_value.values]).decode()
    return ""


def _raw(labels: Mapping[str, str]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(labels, order="deterministic"))


def _seconds(nanos: int) -> float | None:
    """None when the sender has no clock."""
    return nanos / 1e9 if nanos else None


def log_counts(request: Any) -> Counter[tuple[str, str]]:
    """Log records by (service, severity) of an ExportLogsServiceRequest."""
    found: Counter[tuple[str, str]] = Counter()
    for resource_logs in request.resource_logs:
        service = resource_labels(resource_logs.resource.attributes).get("service", "unknown")
        for scope_logs in resource_logs.scope_logs:
            found.update((service, severity(record.severity_number)) for record in scope_logs.log_records)
    return found


def severity(number: int) -> str:
    """OpenTelemetry's severity number as its short name.

    >>> [severity(n) for n in (0, 1, 9, 17, 24)]
    ['unspecified', 'trace', 'info', 'error', 'fatal']
    """
    names = ("trace", "debug", "info", "warn", "error", "fatal")
    return names[(number - 1) // 4] if 1 <= number <= 24 else "unspecified"
