"""From an event loop into the lane and back: the answer comes when Kafka has acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from kizashi.errors import BusUnavailable
from services.ingest.decode import Sample
from services.ingest.intake import Taken
from services.ingest.lane import Lane, Submission


@dataclass(frozen=True)
class LaneDoor:
    """What receivers need of the lane."""

    lane: Lane
    acknowledge_s: float

    async def store(self, tenant: str, samples: Sequence[Sample], via: str, history: bool = False) -> Taken:
        """Register and send; returns what was refused once the rest is acknowledged.

        Raises Backpressure when too many requests wait and BusUnavailable when Kafka does not acknowledge in time; the
        samples may then still arrive, and a retry of the same samples is recognised as a duplicate.
        """
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        taken: list[Taken] = []

        def settle() -> None:
            if not stored.done():
                stored.set_result(None)

        def on_stored() -> None:
            loop.call_soon_threadsafe(settle)

        self.lane.submit(Submission(tenant, samples, via, taken.append, on_stored, history))
        try:
            await asyncio.wait_for(stored, self.acknowledge_s)
        except TimeoutError as x:
            raise BusUnavailable(f"Kafka did not acknowledge within {self.acknowledge_s:g} s") from x
        return taken[0]
