"""Spans to a service graph: who calls whom, how often. Bounded memory; spans of one call may come in any order."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

REMEMBERED_SPANS = 200_000
"""About 40 MB; at 2,000 spans a second, the parent may arrive 100 s before its child."""
REMEMBERED_EDGES = 10_000


@dataclass(frozen=True)
class Span:
    """What is read of a span. ``peer`` is the called system that a client span names, when that sends no spans itself."""

    service: str
    span_id: bytes
    parent_id: bytes
    peer: str = ""


class SpanGraph:
    """Edges between services since the last ``drain``.

    >>> graph = SpanGraph()
    >>> graph.take([Span("cart", b"2", b"1"), Span("web", b"1", b"")])
    >>> graph.drain()
    {('web', 'cart'): 1}
    """

    def __init__(self, remembered: int = REMEMBERED_SPANS) -> None:
        self._remembered = remembered
        self._service: OrderedDict[bytes, str] = OrderedDict()
        self._orphans: OrderedDict[bytes, Counter[str]] = OrderedDict()
        self._edges: Counter[tuple[str, str]] = Counter()

    def take(self, spans: Iterable[Span]) -> None:
        """Learn spans; a child whose parent is not known yet waits for it."""
        for span in spans:
            self._service[span.span_id] = span.service
            if span.parent_id:
                self._child(span)
            if span.peer and span.peer != span.service:
                self._edge(span.service, span.peer)
            for callee, count in self._orphans.pop(span.span_id, Counter[str]()).items():
                self._edge(span.service, callee, count)
        while len(self._service) > self._remembered:
            self._service.popitem(last=False)
        while len(self._orphans) > self._remembered:
            self._orphans.popitem(last=False)

    def drain(self) -> dict[tuple[str, str], int]:
        """Calls by (caller, callee) since the last time."""
        edges, self._edges = dict(self._edges), Counter()
        return edges

    def _child(self, span: Span) -> None:
        caller = self._service.get(span.parent_id)
        if caller is None:
            self._orphans.setdefault(span.parent_id, Counter())[span.service] += 1
        else:
            self._edge(caller, span.service)

    def _edge(self, caller: str, callee: str, count: int = 1) -> None:
        if caller != callee and (len(self._edges) < REMEMBERED_EDGES or (caller, callee) in self._edges):
            self._edges[caller, callee] += count
