"""Carries records of the samples log into the forecast model, and forecasts and capacity risks out."""

from __future__ import annotations

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import decode_samples
from kizashi.contracts.ids import tenant_partition
from kizashi.stream.records import Emit, Record
from services.forecast.config import ForecastConfig
from services.forecast.model import PartitionModel


class ForecastProcessor:
    """One samples partition; see kizashi.stream.records.Processor."""

    def __init__(self, model: PartitionModel, partition: int, partitions: int) -> None:
        self.model, self._partition, self._partitions = model, partition, partitions

    def process(self, record: Record) -> None:
        self.model.learn(record.offset, decode_samples(record.value))

    def skip(self, record: Record) -> None:
        self.model.skip(record.offset)

    def control(self, record: Record) -> None:
        """No control concerns forecasts yet."""

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
        return self.model.dump()


class ForecastFactory:
    """Makes the processor of a samples partition."""

    def __init__(self, partitions: int, config: ForecastConfig) -> None:
        self._partitions, self._config = partitions, config

    def new(self, partition: int) -> ForecastProcessor:
        return ForecastProcessor(PartitionModel(self._config), partition, self._partitions)

    def load(self, partition: int, data: bytes) -> ForecastProcessor:
        return ForecastProcessor(PartitionModel.load(data, self._config), partition, self._partitions)
