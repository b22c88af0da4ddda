"""What every receiver is handed: who sends, where samples and events go, the limits and the clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request

from kizashi.clock import Clock
from kizashi.contracts.inputs import Event
from services.ingest.decode import Sample
from services.ingest.intake import Taken
from services.ingest.keys import Authenticator
from services.ingest.receivers.problems import Problem
from services.ingest.settings import IngestLimits
from services.ingest.tally import Tally

HISTORY_HEADER = "kizashi-history"


class SampleDoor(Protocol):
    """Stores samples; see ``LaneDoor``."""

    async def store(self, tenant: str, samples: Sequence[Sample], via: str, history: bool = False) -> Taken: ...


class EventDoor(Protocol):
    """Publishes events; returns when Kafka acknowledged, raises Backpressure or BusUnavailable."""

    async def publish(self, events: Sequence[Event]) -> None: ...


@dataclass(frozen=True)
class Doors:
    """Handed to every receiver."""

    keys: Authenticator
    samples: SampleDoor
    events: EventDoor
    limits: IngestLimits
    tally: Tally
    clock: Clock

    def tenant(self, request: Request) -> str:
        """Tenant of the request's key; raises Problem 401. Also for local requests: the machine is not the credential."""
        tenant = self.keys.tenant(request.headers.get("authorization", ""), self.clock.now_ms())
        if tenant is None:
            raise Problem(401, "send `Authorization: Bearer KEY` with a key that may ingest; `kizashi token create` makes one")
        return tenant

    async def store(self, tenant: str, samples: Sequence[Sample], via: str, unreadable: Sequence[str], history: bool = False) -> Taken:
        """Store what can be; ``unreadable`` are the reasons of items that could not be read. Everything is counted."""
        if len(samples) + len(unreadable) > self.limits.request_samples:
            raise Problem(413, f"a request has at most {self.limits.request_samples} samples: send smaller batches")
        taken = await self.samples.store(tenant, samples, via, history) if samples else None
        self.tally.receive(via, len(unreadable))
        self.tally.reject(Counter(unreadable))
        if taken is None:
            return Taken.nothing(Counter(unreadable))
        taken.refused.update(unreadable)
        return taken


def is_history(request: Request) -> bool:
    """True when the sender says that this is history, to be learned in time order without episodes."""
    return request.headers.get(HISTORY_HEADER, "") not in ("", "0", "false")
