"""What people and other systems send: native samples and events."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class SampleIn(msgspec.Struct):
    """One sample as producers write it in JSON.

    ``ts`` is RFC 3339 text, or a number since the epoch in s, ms, µs or ns, told apart by its size; without it the
    time of arrival counts. ``tenant`` never comes from the message: it comes from the topic or the credential.
    """

    metric: str
    value: float
    ts: float | str | None = None
    labels: dict[str, str] = {}
    unit: str = ""
    kind: Literal["gauge", "counter"] = "gauge"


EventType = Literal["incident", "change", "maintenance", "topology", "ticket", "annotation", "past_ticket"]


class Event(msgspec.Struct, omit_defaults=True):
    """Something that happened to an entity (a service, host, queue), said by a person or another system.

    ``past_ticket`` is a ticket event of long ago: learned from, never judged.

    ``type`` incident or ticket: ``attributes`` may hold priority, queue, opened_ms, acknowledged_ms, resolved_ms, reopen_count, state.
    change: kind (deploy, config, flag), version, author. maintenance: until_ms. topology: ``edges`` as [caller, callee] pairs with
    optional weight, kind (hard, soft) and rate in ``attributes``.
    """

    type: EventType
    entity: str
    ts_ms: int
    id: str
    tenant: str = "default"
    title: str = ""
    text: str = ""
    source: str = ""
    attributes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
