"""Carries records of the samples log into the forecast model, and forecasts and capacity risks out."""

from __future__ import annotations

import msgspec

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import decode_samples
from kizashi.contracts.ids import tenant_partition
from kizashi.contracts.promises import Limit
from kizashi.errors import Damaged
from kizashi.stream.records import Emit, Record
from services.forecast.config import ForecastConfig
from services.forecast.model import PartitionModel
from services.forecast.promise_book import PromiseBook

MARK = b"kizashi-forecast-2\n"
"""Before it there was the model alone, without configuration."""
KINDS = frozenset({"limit"})


class _Saved(msgspec.Struct, array_like=True):
    promises: bytes
    model: bytes


class ForecastProcessor:
    """One samples partition; see kizashi.stream.records.Processor."""

    def __init__(self, model: PartitionModel, promises: PromiseBook, partition: int, partitions: int) -> None:
        self.model, self.promises, self._partition, self._partitions = model, promises, partition, partitions

    def process(self, record: Record) -> None:
        self.model.learn(record.offset, decode_samples(record.value))

    def skip(self, record: Record) -> None:
        self.model.skip(record.offset)

    def control(self, record: Record) -> None:
        if record.topic == topics.CONFIG.name and self.promises.take(record.value) is not None:
            self.model.set_limits([found for _, found in sorted(self.promises.in_force.items()) if isinstance(found, Limit)])

    def tick(self, now_ms: int) -> None:
        """Time comes with the samples."""

    def drain(self) -> list[Emit]:
        drained = self.model.drain()
        out = [Emit(topics.FORECASTS.name, self._partition, codec.encode(f), f.series_id.encode()) for f in drained.forecasts]
        for risk in drained.risks:
            where = tenant_partition(risk.tenant, self._partitions)
            out.append(Emit(topics.RISKS.name, where, codec.encode(risk), risk.entity.encode()))
        return out

    def dump(self) -> bytes:
        return MARK + msgspec.msgpack.encode(_Saved(self.promises.dump(), self.model.dump()))


class ForecastFactory:
    """Makes the processor of a samples partition. ``key`` is what configuration is signed with; None: none is taken."""

    def __init__(self, partitions: int, config: ForecastConfig, key: bytes | None = None) -> None:
        self._partitions, self._config, self._key = partitions, config, key

    def new(self, partition: int) -> ForecastProcessor:
        return ForecastProcessor(PartitionModel(self._config), self._promises(), partition, self._partitions)

    def load(self, partition: int, data: bytes) -> ForecastProcessor:
        promises = self._promises()
        if data.startswith(MARK):
            try:
                saved = msgspec.msgpack.decode(data[len(MARK) :], type=_Saved)
            except (msgspec.DecodeError, msgspec.ValidationError) as x:
                raise Damaged(f"forecast state is not readable: {x}") from x
            promises.restore(saved.promises)
            data = saved.model
        return ForecastProcessor(PartitionModel.load(data, self._config), promises, partition, self._partitions)

    def _promises(self) -> PromiseBook:
        return PromiseBook(KINDS, self._key, lambda _tenant: True)
