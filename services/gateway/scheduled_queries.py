"""Asks the scheduled queries of every tenant and publishes their rows as samples, so that alerting itself never needs the store.

A lane a tenant: its queries are asked one after another with the limits of a person's query, and its next turn starts when its last is
done, so that slow queries hold up nobody else's. Over all tenants a few are asked at once, in the order in which they came.

Every replica asks; the samples of a turn carry the turn's time, so the second ones are repeats. A turn that was missed is not made up for.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from kizashi.clock import Clock
from kizashi.contracts import topics
from kizashi.errors import ConfigurationError, InvalidMessage, KizashiError, Recoverable
from kizashi.observe.logs import logger
from kizashi.observe.metrics import SCHEDULED_QUERIES
from kizashi.stream.config import ConfigObject, ConfigState
from services.gateway.problems import Problem
from services.gateway.queries import Statement
from services.gateway.query_samples import KIND, MOST_ROWS, SHORTEST_S, Reach, ScheduledQuery, admitted, query_from, samples_of, turn_of

LOOK_EVERY_S = 1.0
AT_ONCE = 4
"""Questions to the store over all tenants: half of its threads stay for people."""
REPEAT_ERROR_MS = 600_000
"""The same reason of the same query is logged again after ten minutes."""


class Asks(Protocol):
    """The door to the store: ``services.gateway.answers.Answers``."""

    async def raw(self, tenant: str, statement: Statement, values: None, form: str, asker: str = "") -> bytes: ...


class Sends(Protocol):
    """The door to the bus: ``kizashi.stream.loop_producer.LoopProducer``."""

    async def send(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int: ...


@dataclass(frozen=True)
class Turn:
    """What the last turn of a query gave. ``outcome`` is published, empty, refused, failed or unavailable; ``problem`` says why not."""

    at_ms: int
    outcome: str
    samples: int = 0
    took_ms: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Reading:
    """A version of a query's SQL as it is sent, or why it is not."""

    version: int
    sql: str
    sent: str
    problem: str = ""


Key = tuple[str, str]
"""Tenant and id."""


@dataclass
class ScheduledQueries:
    """``reach`` says what each tenant may read; samples go to the tenant's own topic."""

    config: ConfigState
    answers: Asks
    producer: Sends
    clock: Clock
    reach: Reach
    partitions: int
    last: dict[Key, Turn] = field(default_factory=dict)
    """Of each query that has had its turn on this replica, the last one."""
    _turns: dict[Key, int] = field(default_factory=dict)
    _logged: dict[Key, tuple[str, int]] = field(default_factory=dict)
    _read: dict[Key, Reading] = field(default_factory=dict)
    _lanes: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """By tenant, while its queries are being asked."""
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def run(self) -> None:
        """For ever. Nothing that a query does ends it."""
        try:
            while True:
                self.begin()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            lanes = list(self._lanes.values())
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    def begin(self) -> list[asyncio.Task[None]]:
        """Start a lane for every tenant that has none running: those lanes. A query seen for the first time waits for its next turn."""
        standing = {(o.tenant, o.id): o for o in self.config.living(KIND)}
        kept: dict[Key, Any]
        for kept in (self.last, self._turns, self._logged, self._read):
            for gone in [key for key in kept if key not in standing]:
                del kept[gone]
        for tenant in [tenant for tenant, lane in self._lanes.items() if lane.done()]:
            self._lanes.pop(tenant).result()  # a bug is told loudly
        own: dict[str, list[ConfigObject]] = {}
        for (tenant, _), one in standing.items():
            if tenant not in self._lanes:
                own.setdefault(tenant, []).append(one)
        started = {tenant: asyncio.create_task(self._lane(queries), name=f"queries of {tenant}") for tenant, queries in own.items()}
        self._lanes.update(started)
        return list(started.values())

    async def _lane(self, queries: list[ConfigObject]) -> None:
        """Ask every query of a tenant whose turn has come."""
        for one in queries:
            began, key = self.clock.monotonic_s(), (one.tenant, one.id)
            outcome, samples, why = await self._outcome(one)
            if outcome:
                took_ms = round((self.clock.monotonic_s() - began) * 1_000)
                self._tell(key, Turn(self._turns.get(key, 0), outcome, samples, took_ms, why))

    async def _outcome(self, one: ConfigObject) -> tuple[str, int, str]:
        """Outcome, samples and reason; an empty outcome when it is not its turn."""
        try:
            samples = await self._due(one)
        except ConfigurationError as x:
            return "refused", 0, str(x)
        except (InvalidMessage, Problem) as x:
            return "refused", 0, x.detail if isinstance(x, Problem) else str(x)
        except Recoverable as x:
            return "unavailable", 0, str(x)
        except KizashiError as x:
            return "failed", 0, str(x)
        except Exception as x:
            logger().exception("scheduled_query.bug", query=one.id, tenant=one.tenant)
            return "failed", 0, repr(x)
        return ("" if samples is None else "published" if samples else "empty"), samples or 0, ""

    async def _due(self, one: ConfigObject) -> int | None:
        """Ask it when its turn has come: the number of samples; None when not. Raises KizashiError, Problem."""
        every_s = (one.body or {}).get("every_s", 60)
        every_s = every_s if isinstance(every_s, int) and every_s >= SHORTEST_S else 60  # what cannot be taken is told once a minute
        key, at_ms = (one.tenant, one.id), turn_of(self.clock.now_ms(), every_s)
        if at_ms <= self._turns.setdefault(key, at_ms):
            return None
        self._turns[key] = at_ms
        query = query_from(one.body or {})
        if not query.enabled:
            return None
        sql = await self._sql(one, query)
        async with self._places:
            data = await self.answers.raw(
                one.tenant, Statement("queries.scheduled", sql, MOST_ROWS), None, "JSONCompact", f"query {one.id}"
            )
        samples = samples_of(query, data, at_ms)
        if samples:
            own = one.tenant == self.reach.house
            topic = topics.METRICS.name if own else f"{topics.METRICS.name}.{one.tenant}"
            partition = zlib.crc32(one.id.encode()) % self.partitions
            await self.producer.send(topic, partition, one.id.encode(), msgspec.json.encode(samples))
        return len(samples)

    async def _sql(self, one: ConfigObject, query: ScheduledQuery) -> str:
        """What is sent for a query, read once a version: reading takes milliseconds, of the loop's if it were not in a thread."""
        key = (one.tenant, one.id)
        read = self._read.get(key)
        if read is None or (read.version, read.sql) != (one.version, query.sql):
            try:
                read = Reading(one.version, query.sql, await asyncio.to_thread(admitted, query, self.reach, one.tenant))
            except ConfigurationError as x:
                read = Reading(one.version, query.sql, "", str(x))
            self._read[key] = read
        if read.problem:
            raise ConfigurationError(read.problem)
        return read.sent

    def _tell(self, key: Key, turn: Turn) -> None:
        SCHEDULED_QUERIES.labels(turn.outcome).inc()
        self.last[key] = turn
        if not turn.problem:
            self._logged.pop(key, None)
            return
        last, at_ms = self._logged.get(key, ("", 0))
        if turn.problem != last or self.clock.now_ms() - at_ms >= REPEAT_ERROR_MS:
            self._logged[key] = (turn.problem, self.clock.now_ms())
            logger().warning("scheduled_query.failed", query=key[1], tenant=key[0], outcome=turn.outcome, error=turn.problem[:500])
