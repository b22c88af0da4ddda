"""Asks the scheduled queries of the house and publishes their rows as samples, so that alerting itself never needs the store.

One after another, so that they never take more than one of the store's turns, with the limits of a person's query. Every replica asks;
the samples of a turn carry the turn's time, so the second ones are repeats. A turn that was missed is not made up for.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from kizashi.clock import Clock
from kizashi.contracts import topics
from kizashi.errors import ConfigurationError, InvalidMessage, KizashiError, Recoverable
from kizashi.observe.logs import logger
from kizashi.observe.metrics import SCHEDULED_QUERIES
from kizashi.stream.config import ConfigObject, ConfigState
from services.gateway.problems import Problem
from services.gateway.queries import Statement
from services.gateway.query_samples import KIND, MOST_ROWS, SHORTEST_S, admitted, query_from, samples_of, turn_of

LOOK_EVERY_S = 1.0
REPEAT_ERROR_MS = 600_000
"""The same reason of the same query is logged again after ten minutes."""


class Asks(Protocol):
    """The door to the store: ``services.gateway.answers.Answers``."""

    async def raw(self, tenant: str, statement: Statement, values: None, form: str, asker: str = "") -> bytes: ...


class Sends(Protocol):
    """The door to the bus: ``kizashi.stream.loop_producer.LoopProducer``."""

    async def send(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int: ...


@dataclass
class ScheduledQueries:
    """``tenant`` is the house's own: like the queries screen, queries see every tenant's rows, so nobody else's are asked."""

    tenant: str
    config: ConfigState
    answers: Asks
    producer: Sends
    clock: Clock
    tables: frozenset[str]
    database: str
    partitions: int
    problems: dict[str, str] = field(default_factory=dict)
    """Query → why its last turn gave nothing."""
    _turns: dict[str, int] = field(default_factory=dict)
    _logged: dict[str, tuple[str, int]] = field(default_factory=dict)

    async def run(self) -> None:
        """For ever. Nothing that a query does ends it."""
        while True:
            await self.turn()
            await asyncio.sleep(LOOK_EVERY_S)

    async def turn(self) -> None:
        """Ask every query whose turn has come. A query seen for the first time waits for its next turn."""
        standing = {o.id: o for o in self.config.living(KIND, self.tenant)}
        for kept in (self.problems, self._turns, self._logged):
            for gone in [i for i in kept if i not in standing]:
                del kept[gone]
        for one in standing.values():
            try:
                outcome, why = await self._due(one), ""
            except ConfigurationError as x:
                outcome, why = "refused", str(x)
            except (InvalidMessage, Problem) as x:
                outcome, why = "refused", x.detail if isinstance(x, Problem) else str(x)
            except Recoverable as x:
                outcome, why = "unavailable", str(x)
            except KizashiError as x:
                outcome, why = "failed", str(x)
            except Exception as x:
                logger().exception("scheduled_query.bug", query=one.id)
                outcome, why = "failed", repr(x)
            if outcome:
                self._tell(one.id, outcome, why)

    async def _due(self, one: ConfigObject) -> str:
        """Ask it when its turn has come; empty: it has not. Raises KizashiError, Problem."""
        every_s = (one.body or {}).get("every_s", 60)
        every_s = every_s if isinstance(every_s, int) and every_s >= SHORTEST_S else 60  # what cannot be taken is told once a minute
        at_ms = turn_of(self.clock.now_ms(), every_s)
        if at_ms <= self._turns.setdefault(one.id, at_ms):
            return ""
        self._turns[one.id] = at_ms
        query = query_from(one.body or {})
        if not query.enabled:
            return ""
        sql = admitted(query, self.tables, self.database)
        data = await self.answers.raw(self.tenant, Statement("queries.scheduled", sql, MOST_ROWS), None, "JSONCompact", f"query {one.id}")
        samples = samples_of(query, data, at_ms)
        if samples:
            partition = zlib.crc32(one.id.encode()) % self.partitions
            await self.producer.send(topics.METRICS.name, partition, one.id.encode(), msgspec.json.encode(samples))
        return "published" if samples else "empty"

    def _tell(self, id_: str, outcome: str, why: str) -> None:
        SCHEDULED_QUERIES.labels(outcome).inc()
        if not why:
            self.problems.pop(id_, None)
            self._logged.pop(id_, None)
            return
        self.problems[id_] = why
        last, at_ms = self._logged.get(id_, ("", 0))
        if why != last or self.clock.now_ms() - at_ms >= REPEAT_ERROR_MS:
            self._logged[id_] = (why, self.clock.now_ms())
            logger().warning("scheduled_query.failed", query=id_, outcome=outcome, error=why[:500])
