"""Carries a tenant partition's rollups and episodes into its groups, and their rates out as samples of series about series."""

from __future__ import annotations

import msgspec
import numpy as np

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import SamplesBatch, decode_rollups, encode_samples
from kizashi.contracts.findings import Episode
from kizashi.contracts.ids import format_series_id, series_partition
from kizashi.errors import Damaged
from kizashi.stream.records import Emit, Record
from services.anomaly.groups import Saved, TenantGroups, Told

FORMAT = "groups/1"


class _Saved(msgspec.Struct, array_like=True):
    format: str
    tenants: dict[str, Saved]


class GroupsProcessor:
    """One findings partition; see kizashi.stream.records.Processor."""

    def __init__(self, partitions: int, tenants: dict[str, Saved] | None = None) -> None:
        self._partitions = partitions
        self._tenants = {name: TenantGroups(name, saved) for name, saved in (tenants or {}).items()}
        self._told: list[Told] = []

    def process(self, record: Record) -> None:
        if record.topic == topics.EPISODES.name:
            episode = codec.decode(record.value, Episode)
            self._of(episode.tenant).learn_episode(episode)
        else:
            batch = decode_rollups(record.value)
            self._told += self._of(batch.tenant).learn_rollup(batch, record.timestamp_ms)

    def skip(self, record: Record) -> None:
        """A message that cannot be read changes nothing."""

    def control(self, record: Record) -> None:
        """Nothing is configured."""

    def tick(self, now_ms: int) -> None:
        """Time comes with the rollups."""

    def drain(self) -> list[Emit]:
        """Announcements first, then one samples message a partition and time."""
        told, self._told = self._told, []
        out: list[Emit] = []
        by_place: dict[tuple[int, int], list[Told]] = {}
        for t in told:
            partition = series_partition(t.series.id, self._partitions)
            by_place.setdefault((t.ts_ms, partition), []).append(t)
            if t.new:
                key = format_series_id(t.series.id).encode()
                out.append(Emit(topics.SERIES.name, partition, codec.encode(t.series), key))
        for (ts_ms, partition), some in sorted(by_place.items()):
            ids = np.array([t.series.id for t in some], np.uint64)
            values, flags = np.array([t.value for t in some]), np.zeros(len(some), np.uint8)
            batch = SamplesBatch(ts_ms, ids, np.full(len(some), ts_ms, np.int64), values, flags, [t.series for t in some if t.new])
            out.append(Emit(topics.SAMPLES.name, partition, encode_samples(batch), str(partition).encode()))
        return out

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(_Saved(FORMAT, {name: t.saved() for name, t in sorted(self._tenants.items())}))

    def _of(self, tenant: str) -> TenantGroups:
        found = self._tenants.get(tenant)
        if found is None:
            found = self._tenants[tenant] = TenantGroups(tenant)
        return found


class GroupsFactory:
    """Makes the processor of a findings partition."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def new(self, partition: int) -> GroupsProcessor:
        return GroupsProcessor(self._partitions)

    def load(self, partition: int, data: bytes) -> GroupsProcessor:
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"group state is not readable: {x}; it will be rebuilt from the log") from x
        if saved.format != FORMAT:
            raise Damaged("group state is of another format; it will be rebuilt from the log")
        return GroupsProcessor(self._partitions, saved.tenants)
