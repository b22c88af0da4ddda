"""The thin Faust shell around partition states: take, score, send, confirm; snapshot, then commit what the snapshot covers.

Every line that looks odd answers a fault that was met: see docs/decisions/0003-stateful-streams.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.types import TP

from kizashi.clock import SystemClock
from kizashi.errors import InvalidMessage
from kizashi.observe.health import Health
from kizashi.observe.logs import logger
from kizashi.observe.metrics import BATCH, DEAD_LETTERED, SNAPSHOT
from kizashi.settings import KafkaSettings
from kizashi.stream import dead_letters
from kizashi.stream.admin import BusAdmin
from kizashi.stream.broadcast import BroadcastReader, read_partitions
from kizashi.stream.client_config import GATHER_BYTES
from kizashi.stream.faust_app import make_app
from kizashi.stream.kafka_client import COMPRESSION, aiokafka_arguments
from kizashi.stream.partition_state import Hole, PartitionState
from kizashi.stream.records import Emit, ProcessorFactory, Record
from kizashi.stream.snapshots import encode_marker, encode_snapshot, read_snapshot
from kizashi.stream.watchdog import Watchdog

EXIT_UNCONFIRMED = 70
EXIT_HOLE = 71
TAKE = 100
TAKE_WITHIN_S = 0.02
TURN_EVERY_S = 0.05
RESEEK_S = 1.0
HOLE_PATIENCE_S = 10.0
"""A hole that reading again does not fill within this time is a real one: restart from the snapshot."""
REVOKE_SNAPSHOT_S = 8.0
"""Below the session timeout: a snapshot on revoke must not cost us the group."""


@dataclass(frozen=True)
class Duty:
    """What a stateful service reads and keeps. The first of ``inputs`` is the topic that controls are tied to.

    ``within_s`` is how long records wait for others before they are taken together. Faust looks that often, whether or not anything came,
    at 0.2 ms a look: who is in no hurry leaves a core to the others. Before that the broker may keep records back for ``gather_s``, until
    GATHER_BYTES have come; 0 has every record answered at once.
    """

    name: str
    inputs: tuple[str, ...]
    state: str
    controls: tuple[str, ...] = ()
    snapshot_every_s: float = 10.0
    ticks: bool = False
    within_s: float = TAKE_WITHIN_S
    gather_s: float = 0.0
    part: str = "model"
    """Its name in the process's readiness report."""


class FaustWorker:
    """Runs a duty until stopped. One to many of these share the partitions through the Kafka group ``kizashi.<name>``."""

    def __init__(self, duty: Duty, factory: ProcessorFactory, kafka: KafkaSettings, home: Path, health: Health) -> None:
        self._duty, self._factory, self._kafka, self._health = duty, factory, kafka, health
        self._group = f"kizashi.{duty.name}"
        self.app: faust.App = make_app(self._group, kafka, home)
        self._states: dict[int, PartitionState] = {}
        self._committed: dict[int, dict[str, int]] = {}
        self._told: set[int] = set()
        """Partitions that sent something since their last snapshot: what a tick made them tell moves no offset."""
        self._busy = asyncio.Lock()
        self._controls: list[Record] = []
        self._seen: list[Record] = []
        self._holes: dict[TP, tuple[float, float]] = {}
        self._reader = BroadcastReader(kafka, list(duty.controls), self._controls.append) if duty.controls else None
        self._admin = BusAdmin(kafka)
        self._watchdog = Watchdog(self._positions, lambda: self._admin.end_offsets(duty.inputs))
        self._clock = SystemClock()
        self._tasks: list[asyncio.Task[None]] = []
        self._log = logger().bind(group=self._group)
        self._declare()

    async def run(self, stop: asyncio.Event) -> None:
        """Start, serve until ``stop`` is set, take a last snapshot and leave the group."""
        self._producer = AIOKafkaProducer(
            **aiokafka_arguments(self._kafka), acks="all", enable_idempotence=True, linger_ms=1, compression_type=COMPRESSION,
            max_request_size=7 << 20, request_timeout_ms=30_000,
        )  # fmt: skip
        await self._producer.start()
        if self._reader:
            await self._reader.start()
        self.app.finalize()
        await self.app.start()
        if self._duty.gather_s:
            self._gather()
        self._watchdog.start()
        self._tasks = [asyncio.create_task(self._snapshots()), asyncio.create_task(self._turn())]
        self._health.mark("bus", True)
        try:
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({stopping, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in (t for t in self._tasks if t.done()):
                task.result()
        finally:
            self._watchdog.stop()
            for task in self._tasks:
                task.cancel()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.app.stop(), 9.0)
            if self._reader:
                await self._reader.stop()
            await self._producer.stop()

    def _gather(self) -> None:
        """Faust has no setting for it, and its own 1.5 s is only how long a fetch of silent topics hangs (tests/pipeline pins it)."""
        fetcher = self._consumer._thread._consumer._fetcher
        fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms = GATHER_BYTES, round(self._duty.gather_s * 1_000)

    def _declare(self) -> None:
        topic = self.app.topic(*self._duty.inputs, key_serializer="raw", value_serializer="raw", acks=False, internal=False)

        @self.app.agent(topic, name=self._duty.name, concurrency=1)
        async def agent(stream: Any) -> None:  # faust.StreamT does not declare noack_take
            async for events in stream.noack_take(TAKE, within=self._duty.within_s):
                await self._guarded_step([e.message for e in events])

        self.app.on_rebalance_complete.connect(self._on_rebalance_complete)
        self.app.on_partitions_revoked.connect(self._on_revoked)
        self.app.on_before_shutdown.connect(self._on_shutdown)

    async def _guarded_step(self, messages: Sequence[Any]) -> None:
        try:
            with BATCH.labels(self._duty.name).time():
                async with self._busy:
                    await self._step(messages)
        except Exception:
            self._log.exception("worker.failed")  # a bug or an unconfirmed send: never skip silently, restart from the snapshot
            os._exit(EXIT_UNCONFIRMED)

    async def _step(self, messages: Sequence[Any]) -> None:
        self._health.turn()
        await self._take_controls()
        rejected: list[tuple[Record, InvalidMessage]] = []
        turned = self._clock.monotonic_s()
        for m in messages:
            if self._clock.monotonic_s() - turned > TURN_EVERY_S:
                await asyncio.sleep(0)  # heavy records must not keep the loop from its other work
                turned = self._clock.monotonic_s()
                self._health.turn()
            state = self._states.get(m.partition)
            if state is None or m.generation_id != self.app.consumer_generation_id:
                continue  # fetched before a rebalance; its owner will fetch it again
            headers = m.headers.items() if isinstance(m.headers, dict) else m.headers or ()
            record = Record(m.topic, m.partition, m.offset, m.value or b"", m.key, int((m.timestamp or 0) * 1000), tuple(headers))
            try:
                invalid = state.offer(record)
            except Hole as x:
                await self._go_back(record, state, x)
                continue
            self._holes.pop(TP(record.topic, record.partition), None)
            if invalid is not None:
                rejected.append((record, invalid))
        await self._send([*self._drained(), *(self._dead_letter(r, x) for r, x in rejected)])

    async def _go_back(self, record: Record, state: PartitionState, hole: Hole) -> None:
        """Read again from the record we expect. Faust can lose some after a rebalance: what was in flight moves its read offset on."""
        now, tp = self._clock.monotonic_s(), TP(record.topic, record.partition)
        since, asked = self._holes.get(tp, (now, -RESEEK_S))
        if now - since > HOLE_PATIENCE_S:
            self._log.error("worker.hole", error=str(hole))
            os._exit(EXIT_HOLE)
        if now - asked >= RESEEK_S:
            self._log.warning("worker.went_back", error=str(hole))
            await self._consumer.seek(tp, state.next[record.topic])
            asked = now
        self._holes[tp] = (since, asked)

    def _drained(self) -> list[Emit]:
        drained = {p: state.drain() for p, state in self._states.items()}
        self._told.update(p for p, emits in drained.items() if emits)
        return [emit for emits in drained.values() for emit in emits]

    def _dead_letter(self, record: Record, x: InvalidMessage) -> Emit:
        letter = dead_letters.dead_letter(record.topic, record.partition, record.offset, x, self._clock.now_ms())
        DEAD_LETTERED.labels(record.topic, x.reason).inc()
        self._log.warning("worker.dead_letter", topic=record.topic, partition=record.partition, offset=record.offset, error=str(x))
        headers = tuple((k, v.encode() if isinstance(v, str) else v or b"") for k, v in dead_letters.headers(letter))
        return Emit(dead_letters.dead_letter_topic(record.topic), 0, record.value, record.key, headers)

    async def _send(self, emits: Sequence[Emit]) -> None:
        sent = []
        for e in emits:
            sent.append(await self._producer.send(e.topic, e.value, e.key, e.partition, headers=list(e.headers)))
        await asyncio.gather(*sent)

    async def _take_controls(self) -> None:
        controls, self._controls[:] = self._controls[:], []
        for control in controls:
            marked = [(s, m) for s in self._states.values() if (m := s.mark(control)) is not None]
            await self._send([encode_marker(m).emit(self._duty.state, s.partition) for s, m in marked])
            for state, marker in marked:
                state.accept(marker)
        self._seen.extend(controls)

    async def _on_rebalance_complete(self, *_: object, **__: object) -> None:
        async with self._busy:
            await self._restore()
        self._health.mark(self._duty.part, True, f"{len(self._states)} partitions")

    async def _restore(self) -> None:
        """Match the states to the assignment; the committed offset may be ahead of a state that was frozen past its session."""
        assigned = self._consumer.assignment()
        mine = {tp.partition for tp in assigned if tp.topic in self._duty.inputs}
        committed = await self._consumer.seek_to_committed()
        for p in [p for p, s in self._states.items() if p not in mine or self._behind(s, committed)]:
            del self._states[p]
        missing = sorted(mine - self._states.keys())
        found = await read_partitions(self._kafka, self._duty.state, missing) if missing else {}
        for p in missing:
            state = PartitionState.restore(p, self._duty.inputs[0], self._factory, read_snapshot(found[p]))
            if state.rebuilt:
                self._log.error("worker.state_rebuilt", partition=p, reason=state.rebuilt)
            self._start_at_log_start(state)
            self._states[p] = state.begin()
            self._committed[p] = dict(state.next)
            seek = {TP(t, p): o for t, o in state.next.items() if committed.get(TP(t, p)) != o and TP(t, p) in assigned}
            if seek:
                await self._consumer._commit(seek)
        if missing:
            self._controls[:0] = self._seen  # a new state has not seen them; the others skip what they have
            self._seen.clear()
        at = {f"{t}[{p}]": o for p in missing for t, o in self._states[p].next.items()}
        self._log.info("worker.assigned", partitions=sorted(mine), restored=at)

    def _behind(self, state: PartitionState, committed: dict[TP, int]) -> bool:
        return any((committed.get(TP(t, state.partition)) or 0) > o for t, o in state.next.items())

    def _start_at_log_start(self, state: PartitionState) -> None:
        """Retention may have removed what a very old snapshot expects next: go on where the log begins, and say so."""
        starts = self._admin.begin_offsets(self._duty.inputs)
        for topic in self._duty.inputs:
            start = starts[topic, state.partition]
            if start > state.next.setdefault(topic, start):
                self._log.error("worker.log_trimmed", topic=topic, partition=state.partition, lost=start - state.next[topic])
                state.next[topic] = start

    async def _on_revoked(self, *_: object, **__: object) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._snapshot_all(), REVOKE_SNAPSHOT_S)

    async def _on_shutdown(self, *_: object, **__: object) -> None:
        await self._on_revoked()

    async def _snapshot_all(self) -> None:
        for p in list(self._states):
            async with self._busy:
                await self._snapshot(p)

    async def _snapshots(self) -> None:
        """Each partition once an interval, one after the other, so that no pause is long."""
        while True:
            partitions = sorted(self._states) or [-1]
            for p in partitions:
                await asyncio.sleep(self._duty.snapshot_every_s / len(partitions))
                async with self._busy:
                    await self._snapshot(p)

    async def _snapshot(self, p: int) -> None:
        state = self._states.get(p)
        if state is None:
            return
        if p not in self._told and all(o <= self._committed.get(p, {}).get(t, -1) for t, o in state.next.items()):
            return
        try:
            with SNAPSHOT.labels(self._duty.name).time():
                data, manifest = state.snapshot()
                await self._send([kv.emit(self._duty.state, p) for kv in encode_snapshot(data, manifest)])
                self._told.discard(p)
                if await self._consumer._commit({TP(t, p): o for t, o in manifest.positions.items()}):
                    self._committed[p] = dict(manifest.positions)
        except KafkaError:
            self._log.exception("worker.snapshot_failed", partition=p)
            os._exit(EXIT_UNCONFIRMED)

    async def _turn(self) -> None:
        """Once a second: the loop turns, controls are taken even when no record comes, and clocks advance where inputs carry none."""
        while True:
            await asyncio.sleep(1.0)
            self._health.turn()
            async with self._busy:
                await self._take_controls()
                if self._duty.ticks and not self.app.rebalancing:
                    for state in self._states.values():
                        state.processor.tick(self._clock.now_ms())
                await self._send(self._drained())

    @property
    def _consumer(self) -> Any:
        """Faust's aiokafka consumer; ``_commit`` is private but the one way to commit what we say (tests/pipeline pins it)."""
        return self.app.consumer

    def _positions(self) -> dict[tuple[str, int], int]:
        return {(t, p): o for p, s in list(self._states.items()) for t, o in list(s.next.items())}
