"""OTLP spans to the few things the service graph reads, and edges to topology events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.proto.trace.v1 import trace_pb2

from kizashi.contracts.ids import finding_id
from kizashi.contracts.inputs import Event
from services.ingest.otlp import any_text, resource_labels
from services.ingest.span_graph import Span

CALLS_OUT = frozenset({trace_pb2.Span.SPAN_KIND_CLIENT, trace_pb2.Span.SPAN_KIND_PRODUCER})
PEERS = ("peer.service", "db.system.name", "db.system", "messaging.system")
"""Attributes that name a callee which sends no spans; the first one there counts."""


def spans(request: Any) -> Iterator[Span]:
    """Spans of an ExportTraceServiceRequest; those of a resource without a service name are left out."""
    for resource_spans in request.resource_spans:
        service = resource_labels(resource_spans.resource.attributes).get("service")
        if not service:
            continue
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                peer = _peer(span) if span.kind in CALLS_OUT else ""
                yield Span(service, span.trace_id + span.span_id, span.trace_id + span.parent_span_id if span.parent_span_id else b"", peer)


def _peer(span: Any) -> str:
    found = {p.key: any_text(p.value) for p in span.attributes if p.key in PEERS}
    return next((found[name] for name in PEERS if found.get(name)), "")


def topology_events(edges: Mapping[tuple[str, str], int], tenant: str, now_ms: int, seconds: float) -> list[Event]:
    """One topology event a caller and callee, with its calls a second."""
    return [
        Event(
            "topology", caller, now_ms, finding_id("event", "traced", tenant, caller, callee, now_ms), tenant, f"{caller} calls {callee}",
            source="traces", attributes={"source": "traced", "rate": round(count / seconds, 3)}, edges=[(caller, callee)],
        )
        for (caller, callee), count in sorted(edges.items())
    ]  # fmt: skip
