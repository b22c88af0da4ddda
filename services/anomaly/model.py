"""One partition's model, without Kafka: samples messages in, scores, rollups, episodes and patterns out, state as bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import F32, UNSCORED, RollupBatch, SamplesBatch, ScoresBatch, SeriesInfo
from kizashi.contracts.findings import Episode, Pattern, Source
from kizashi.contracts.topics import SAMPLES
from kizashi.errors import Damaged
from services.anomaly.bank import DEFAULT_TENANT, MODEL, Bank, Scored
from services.anomaly.bank import warm_up as compile_bank
from services.anomaly.config import ModelConfig
from services.anomaly.controls import Controls, Standing
from services.anomaly.episodes import change_episode, episode_of
from services.anomaly.pattern_reader import PatternReader
from services.anomaly.rollup import Rollups


@dataclass(frozen=True)
class Drained:
    """What has come of the messages since the last drain; ``scores`` is None when there were none."""

    scores: ScoresBatch | None
    rollups: list[RollupBatch] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    patterns: list[Pattern] = field(default_factory=list)


class _Saved(msgspec.Struct, array_like=True):
    topic_id: str
    partition: int
    next_offset: int
    now_ms: int
    bank: bytes
    rollups: bytes
    announce: list[SeriesInfo] = []
    reader: tuple[int, int] = (0, 0)
    standing: list[Standing] = []


class PartitionModel:
    """Scores one samples partition in offset order. Knows neither Faust nor the clock.

    Drain before ``dump``: a snapshot holds the model, not the answers that were not yet taken.
    """

    def __init__(self, topic_id: str, partition: int, config: ModelConfig | None = None, key: bytes = b"") -> None:
        self.topic_id, self.partition = topic_id, partition
        self.config = config or ModelConfig()
        self.bank = Bank(self.config)
        self.controls = Controls(key)
        self.rollups = Rollups(topic_id, partition)
        self.reader = PatternReader()
        self.next_offset = 0
        self.now_ms = 0
        self._tenants: list[str] = [DEFAULT_TENANT]
        self._tenant_of_row: NDArray[np.int32] = np.zeros(0, np.int32)
        self._announce: list[SeriesInfo] = []
        self._clear()

    def score(self, offset: int, batch: SamplesBatch) -> None:
        """Score one samples message (a time tick has no rows); the answers wait for ``drain``."""
        for info in batch.series:
            self.bank.register(info)
            self.controls.announce(info, self.bank)
            self._announce.append(info)
        scored = self.bank.score(batch.ids, batch.ts, batch.values, batch.flags, batch.now_ms)
        self._tell(scored.events, offset)
        self.now_ms = max(self.now_ms, batch.now_ms)
        if batch.now_ms > 0:
            self._tell(self.bank.advance(self.now_ms), offset)
            self.controls.keep_quiet(self.now_ms, self.bank)
            self._patterns += self.reader.read(self.bank, self.now_ms)
            self._tell_changes(offset)
        self.rollups.add(offset, self.now_ms, self.bank.rows_used, scored, batch.ts, batch.values)
        self._rollups += self._announced(self.rollups.due(offset, self.now_ms, self.bank.states["id"], *self._tenancy()))
        self._keep(offset, batch, scored)

    def skip(self, offset: int, batch: SamplesBatch | None) -> None:
        """A message that could not be processed: its rows, if they could be read, are sent on unscored, so the log has no hole."""
        if batch is None:
            none = np.zeros(0)
            batch = SamplesBatch(self.now_ms, none.astype(np.uint64), none.astype(np.int64), none, none.astype(np.uint8))
        n = len(batch.ids)
        zero = np.zeros(n, np.float32)
        flags = (batch.flags | UNSCORED).astype(np.uint8)
        events = self.bank.no_events()
        self._keep(offset, batch, Scored(np.zeros(n, np.int32), zero, zero, zero, zero, zero, zero, flags, events))

    def drain(self) -> Drained:
        """All answers since the last drain, in offset order."""
        scores = self._scores() if self._offsets else None
        out = Drained(scores, self._rollups, self._episodes, self._patterns)
        self._clear()
        return out

    def dump(self) -> bytes:
        """State after the message before ``next_offset``."""
        return msgspec.msgpack.encode(
            _Saved(
                self.topic_id,
                self.partition,
                self.next_offset,
                self.now_ms,
                self.bank.dump(),
                self.rollups.dump(),
                self._announce,
                self.reader.state(),
                self.controls.standing(),
            )
        )

    @classmethod
    def load(cls, data: bytes, config: ModelConfig | None = None, key: bytes = b"") -> PartitionModel:
        """Inverse of ``dump``, continues bit for bit; raises Damaged."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
            model = cls(saved.topic_id, saved.partition, config, key)
            model.bank = Bank.load(saved.bank, config)
            model.controls = Controls(key, saved.standing)
            model.controls.set_calendars(model.bank)
            model.rollups.restore(saved.rollups)
            model.reader = PatternReader(*saved.reader)
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as x:
            raise Damaged(f"anomaly state is not readable: {x}; it will be rebuilt from the samples") from x
        model.next_offset, model.now_ms, model._announce = saved.next_offset, saved.now_ms, saved.announce
        return model

    def _announced(self, rollups: list[RollupBatch]) -> list[RollupBatch]:
        """The rollups, the first of each tenant with the series that its readers have not been told of."""
        for k, rollup in enumerate(rollups if self._announce else []):
            told = [i for i in self._announce if i.tenant == rollup.tenant]
            self._announce = [i for i in self._announce if i.tenant != rollup.tenant]
            rollups[k] = replace(rollup, series=told)
        return rollups

    def _clear(self) -> None:
        self._offsets: list[int] = []
        self._batches: list[SamplesBatch] = []
        self._scored: list[Scored] = []
        self._rollups: list[RollupBatch] = []
        self._episodes: list[Episode] = []
        self._patterns: list[Pattern] = []

    def _keep(self, offset: int, batch: SamplesBatch, scored: Scored) -> None:
        self._offsets.append(offset)
        self._batches.append(batch)
        self._scored.append(scored)
        self.next_offset = offset + 1

    def _tell(self, events: NDArray[np.void], offset: int) -> None:
        """Episodes of the turns of one message."""
        for event in events:
            series = int(self.bank.states[event["row"]]["id"])
            info = self.bank.info(series)
            source = Source(SAMPLES.name, self.partition, offset)
            self._episodes.append(episode_of(event, info, source, f"{MODEL}:{self.bank.state_hash(series)}"))

    def _tell_changes(self, offset: int) -> None:
        """Seasons and trends that became others are change points."""
        for change in self.reader.changes:
            model = f"{MODEL}:{self.bank.state_hash(change.series)}"
            source = Source(SAMPLES.name, self.partition, offset)
            self._episodes.append(change_episode(change, self.bank.info(change.series), source, model))
        self.reader.changes.clear()

    def _tenancy(self) -> tuple[NDArray[np.int32], list[str]]:
        """Tenant number of each row, and the names behind the numbers."""
        used = self.bank.rows_used
        if self.bank.changed or len(self._tenant_of_row) < used:
            number = {name: k for k, name in enumerate(self._tenants)}
            self._tenant_of_row = np.zeros(len(self.bank.states), np.int32)
            for row, series in enumerate(self.bank.states["id"][:used].tolist()):
                name = self.bank.info(series).tenant
                if name not in number:
                    number[name] = len(self._tenants)
                    self._tenants.append(name)
                self._tenant_of_row[row] = number[name]
            self.bank.changed = False
        return self._tenant_of_row, self._tenants

    def _scores(self) -> ScoresBatch:
        def column(name: str) -> F32:
            return np.concatenate([getattr(s, name) for s in self._scored])

        batches = self._batches
        return ScoresBatch(
            self.topic_id,
            self.partition,
            self.now_ms,
            np.array(self._offsets, np.int64),
            np.array([len(b.ids) for b in batches], np.uint32),
            np.concatenate([b.ids for b in batches]),
            np.concatenate([b.ts for b in batches]),
            np.concatenate([b.values for b in batches]),
            column("score"),
            column("expected"),
            column("lower"),
            column("upper"),
            np.concatenate([s.flags for s in self._scored]),
            column("point"),
            column("novelty"),
        )


def warm_up() -> None:
    """Compile or load every kernel that a partition can meet, before a group is joined: a step must never wait for a compiler."""
    compile_bank()
    model = PartitionModel("warm-up", 0)
    one, flags = np.ones(1, np.uint64), np.zeros(1, np.uint8)
    for k in range(3):
        ts = np.full(1, (k + 1) * 20_000, np.int64)
        model.score(k, SamplesBatch(int(ts[0]), one, ts, np.ones(1), flags))
    model.drain()
    PartitionModel.load(model.dump())
