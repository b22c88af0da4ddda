"""Carries records of the samples log into the partition model, and its findings out as messages."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import SamplesBatch, decode_samples, encode_rollups, encode_scores
from kizashi.contracts.findings import Feedback
from kizashi.contracts.ids import parse_series_id, series_partition, tenant_partition
from kizashi.errors import InvalidMessage, NotFound
from kizashi.observe.metrics import DUPLICATES, EPISODES, SCORED
from kizashi.stream.records import Emit, Record
from services.anomaly.config import ModelConfig
from services.anomaly.model import PartitionModel

ROWS_A_MESSAGE = 40_000
"""Scores in one message, 2 MB: after a pause a step takes millions of samples, and Kafka takes messages of 8 MB."""
FEEDBACK_VERDICTS = frozenset({"true", "false", "expected", "duplicate"})


class AnomalyProcessor:
    """One samples partition; see kizashi.stream.records.Processor."""

    def __init__(self, model: PartitionModel, partitions: int) -> None:
        self.model, self._partitions = model, partitions
        self._rows = 0
        self._out: list[Emit] = []

    def process(self, record: Record) -> None:
        batch = decode_samples(record.value)
        self.model.score(record.offset, batch)
        SCORED.inc(len(batch.ids))
        self._rows += len(batch.ids)
        if self._rows >= ROWS_A_MESSAGE:
            self._out += self._findings()

    def skip(self, record: Record) -> None:
        self.model.skip(record.offset, self._readable(record))

    def control(self, record: Record) -> None:
        if record.topic == topics.CONFIG.name:
            self.model.controls.take(record.value, self.model.bank)
            return
        if record.topic != topics.FEEDBACK.name:
            return
        feedback = codec.decode(record.value, Feedback)
        if feedback.verdict not in FEEDBACK_VERDICTS or not feedback.series_id:
            return
        series = _series_of(feedback)
        if self.model.bank.info(series).tenant == feedback.tenant and series_partition(series, self._partitions) == self.model.partition:
            try:
                self.model.bank.apply_feedback(series, feedback.verdict, feedback.undo, feedback.target)
            except NotFound as x:
                raise InvalidMessage(str(x), "unknown_series") from x

    def tick(self, now_ms: int) -> None:
        """Time comes with the samples."""

    def drain(self) -> list[Emit]:
        out, self._out = [*self._out, *self._findings()], []
        return out

    def _findings(self) -> list[Emit]:
        self._rows = 0
        drained = self.model.drain()
        partition = self.model.partition
        out: list[Emit] = []
        if drained.scores is not None:
            DUPLICATES.labels("anomaly").inc(int((drained.scores.flags & 8 > 0).sum()))
            out.append(Emit(topics.SCORES.name, partition, encode_scores(drained.scores), str(partition).encode()))
        for rollup in drained.rollups:
            where = tenant_partition(rollup.tenant, self._partitions)
            out.append(Emit(topics.ROLLUPS.name, where, encode_rollups(rollup), rollup.tenant.encode()))
        for e in drained.episodes:
            if e.version == 1:
                EPISODES.labels(e.kind).inc()
            out.append(Emit(topics.EPISODES.name, tenant_partition(e.tenant, self._partitions), codec.encode(e), e.id.encode()))
        out.extend(self._patterns(drained.patterns))
        return out

    def dump(self) -> bytes:
        return self.model.dump()

    def _patterns(self, patterns: Sequence[msgspec.Struct]) -> list[Emit]:
        return [
            Emit(topics.PATTERNS.name, self.model.partition, codec.encode(p), str(getattr(p, "series_id", "")).encode()) for p in patterns
        ]

    def _readable(self, record: Record) -> SamplesBatch | None:
        try:
            return decode_samples(record.value)
        except InvalidMessage:
            return None


class AnomalyFactory:
    """Makes the processor of a partition; ``topic_id`` names the samples topic in every score, ``key`` checks configuration."""

    def __init__(self, topic_id: str, partitions: int, config: ModelConfig, key: bytes = b"") -> None:
        self._topic_id, self._partitions, self._config, self._key = topic_id, partitions, config, key

    def new(self, partition: int) -> AnomalyProcessor:
        return AnomalyProcessor(PartitionModel(self._topic_id, partition, self._config, self._key), self._partitions)

    def load(self, partition: int, data: bytes) -> AnomalyProcessor:
        return AnomalyProcessor(PartitionModel.load(data, self._config, self._key), self._partitions)


def _series_of(feedback: Feedback) -> int:
    try:
        return parse_series_id(feedback.series_id)
    except ValueError as x:
        raise InvalidMessage(f"feedback {feedback.id}: {x}", "schema") from x
