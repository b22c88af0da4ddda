"""Landscape and machine as native JSON messages."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kizashi.contracts import codec
from kizashi.contracts.ids import tenant_partition
from kizashi.contracts.inputs import Event, SampleIn
from kizashi.contracts.topics import EVENTS, METRICS
from kizashi.stream.producer import Record
from services.demo.landscape import METRICS as COLUMNS
from services.demo.landscape import SERVICES, Landscape
from services.demo.machine import Reading

HISTORY_HEADER = ("kizashi-history", "1")
KEY = b"demo"
"""One key, one partition: history and live values of a series stay in order."""
_encoder = msgspec.json.Encoder()


def landscape_samples(landscape: Landscape, ts_ms: int, env: str = "demo") -> list[SampleIn]:
    """One value a service and metric; ``env`` tells landscapes apart."""
    values = landscape.values(ts_ms).tolist()
    return [
        SampleIn(metric, round(value, 6), ts_ms, {"service": service.name, "env": env}, unit)
        for service, row in zip(SERVICES, values, strict=True)
        for (metric, unit), value in zip(COLUMNS, row, strict=True)
    ]


def machine_samples(readings: Iterable[Reading], ts_ms: int) -> list[SampleIn]:
    """Readings of this machine as samples."""
    return [SampleIn(metric, value, ts_ms, labels, unit) for metric, value, labels, unit in readings]


def samples_record(samples: list[SampleIn], history: bool = False) -> Record:
    """A list of samples as one message."""
    return Record(METRICS.name, _encoder.encode(samples), KEY, headers=[HISTORY_HEADER] if history else None)


def event_record(event: Event, partitions: int) -> Record:
    """An event where its tenant's events are."""
    return Record(EVENTS.name, codec.encode(event), event.entity.encode(), tenant_partition(event.tenant, partitions))
