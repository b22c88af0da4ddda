"""Carries a tenant partition's rollups, events and episodes into its risks, and configuration into its promises.

Time is the log's: an event moves it to its own time, at most to the moment it was written. Objectives live by the time of rollups
alone, since a silent hour and an hour that is still on its way look alike otherwise. Only a partition that has been still for a minute
takes the time from the wall, so that a ticket runs late also where nothing is measured. Objectives never do: when no rollup has come for
a while, what they counted since they were last judged is judged once, at the time of the newest rollup.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import decode_rollups
from kizashi.contracts.business_calendar import BusinessCalendar
from kizashi.contracts.findings import Episode
from kizashi.contracts.ids import tenant_partition
from kizashi.contracts.inputs import Event
from kizashi.contracts.objective import Objective
from kizashi.contracts.promises import Promise
from kizashi.errors import ConfigurationError, Damaged, InvalidMessage
from kizashi.stream.records import Emit, Record
from services.forecast.promise_book import PromiseBook
from services.forecast.tenant_risks import TenantRisks
from services.forecast.ticket import Desk

FORMAT = "risks/1"
KINDS = frozenset({"slo", "promise", "calendar"})
STILL_TICKS = 60
SETTLE_TICKS = 15
"""Seconds without a rollup after which what was counted is judged: half a step more than the ten seconds between those of a steady flow."""


class _Saved(msgspec.Struct, array_like=True):
    format: str
    promises: bytes
    risks: bytes


class RisksProcessor:
    """One findings partition; see kizashi.stream.records.Processor."""

    def __init__(self, promises: PromiseBook, risks: TenantRisks, partition: int) -> None:
        self.promises, self.risks, self._partition = promises, risks, partition
        self._still = self._without_rollup = 0
        self._readers: dict[str, Callable[[Record], None]] = {
            topics.ROLLUPS.name: lambda r: self.risks.learn_rollup(decode_rollups(r.value)),
            topics.EVENTS.name: lambda r: self.risks.learn_event(codec.decode(r.value, Event), r.timestamp_ms),
            topics.EPISODES.name: lambda r: self.risks.learn_episode(codec.decode(r.value, Episode)),
        }

    def process(self, record: Record) -> None:
        self._still = 0
        if record.topic == topics.ROLLUPS.name:
            self._without_rollup = 0
        self._readers[record.topic](record)

    def skip(self, record: Record) -> None:
        """A message that cannot be read changes nothing."""

    def control(self, record: Record) -> None:
        if record.topic != topics.CONFIG.name:
            return
        place = self.promises.take(record.value)
        if place is None:
            return
        tenant, kind, id_ = place
        if kind == "slo":
            found = self.promises.in_force.get(place)
            self.risks.set_objective(tenant, id_, found if isinstance(found, Objective) else None)
        else:
            self._set_desk(tenant)

    def _set_desk(self, tenant: str) -> None:
        """Promises and calendars as they are now; raises InvalidMessage, and keeps the desk, when a promise names no calendar."""
        promises = [p for _, p in self.promises.of_kind("promise", tenant) if isinstance(p, Promise)]
        calendars = [c for _, c in self.promises.of_kind("calendar", tenant) if isinstance(c, BusinessCalendar)]
        try:
            self.risks.set_desk(tenant, Desk(promises, calendars))
        except ConfigurationError as x:
            raise InvalidMessage(str(x), "configuration") from x

    def tick(self, now_ms: int) -> None:
        self._still += 1
        self._without_rollup += 1
        if self._without_rollup == SETTLE_TICKS:
            self.risks.settle()
        if self._still >= STILL_TICKS:
            self.risks.advance(now_ms)

    def drain(self) -> list[Emit]:
        return [Emit(topics.RISKS.name, self._partition, codec.encode(r), r.entity.encode()) for r in self.risks.drain()]

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(_Saved(FORMAT, self.promises.dump(), self.risks.dump()))


class RisksFactory:
    """Makes the processor of a findings partition. ``key`` is what configuration is signed with; None: none is taken."""

    def __init__(self, partitions: int, key: bytes | None) -> None:
        self._partitions, self._key = partitions, key

    def new(self, partition: int) -> RisksProcessor:
        return RisksProcessor(self._promises(partition), TenantRisks(), partition)

    def load(self, partition: int, data: bytes) -> RisksProcessor:
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"the state of the risks is not readable: {x}") from x
        if saved.format != FORMAT:
            raise Damaged(f"the state of the risks is {saved.format}, this program has {FORMAT}")
        promises = self._promises(partition)
        promises.restore(saved.promises)
        return RisksProcessor(promises, TenantRisks.load(saved.risks), partition)

    def _promises(self, partition: int) -> PromiseBook:
        return PromiseBook(KINDS, self._key, lambda tenant: tenant_partition(tenant, self._partitions) == partition)
