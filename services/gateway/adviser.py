"""Advice that was measured: a scratch database gets the tables of the house and a sample of their rows, and every candidate is tried there.

Nothing of the house is touched until somebody applies a candidate; what was applied carries a prefix and can be taken back.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kizashi.errors import Backpressure, KizashiError
from kizashi.observe.logs import logger
from kizashi.settings import StoreSettings
from kizashi.store.client import Cost, Store, connect
from kizashi.store.migrate import migrate
from services.gateway.advice import Candidate, candidates, reading
from services.gateway.queries import log as q

SAMPLE_ROWS = 1_000_000
RUNS = 3
WORTH = 0.7
"""A candidate is offered when it reads or takes at most this share of before."""
LEAST_ROWS = 10_000
"""A query that reads no more than a granule or two needs no help."""
LEAST_MS = 1.0
"""Below this, a saving of time is noise."""
LIMITS: dict[str, str | int] = {
    "max_execution_time": 20, "max_memory_usage": 1 << 30, "max_rows_to_read": 100_000_000, "use_query_condition_cache": 0,
}  # fmt: skip
"""The engine remembers which granules a condition met: with that a second run reads less whatever was added."""


class Adviser:
    """Measures one query at a time; calls block, so they run in a thread."""

    def __init__(self, settings: StoreSettings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._turn = threading.Lock()

    def advise(self, sql: str) -> dict[str, Any]:
        """Cost of a query that passed the gate, on the sample, and with each candidate. Raises Backpressure while another is measured."""
        if not self._turn.acquire(blocking=False):
            raise Backpressure("another query is being measured")
        try:
            found = reading(sql)
            with self._scratch() as scratch:
                shares = {table: self._fill(scratch, table) for table in found.tables}
                columns, keys = self._shape(scratch, found.tables)
                before = self._cost(scratch, sql)
                tried = [self._try(scratch, sql, candidate, before) for candidate in candidates(found, columns, keys)]
        finally:
            self._turn.release()
        return {
            "sample_share": shares,
            "before": _shown(before),
            "candidates": [t for t in tried if t],
            "advice": [t for t in tried if t and t["worth"]],
        }

    def apply(self, candidate: Candidate) -> None:
        """Add it to the table of the house, also for the rows that are there (in the background)."""
        for statement in candidate.apply:
            self._store.command(statement)
        logger().info("advice.applied", table=candidate.table, name=candidate.name)

    def undo(self, candidate: Candidate) -> None:
        """Take it away again."""
        self._store.command(candidate.undo)
        logger().info("advice.undone", table=candidate.table, name=candidate.name)

    def _try(self, scratch: Store, sql: str, candidate: Candidate, before: Cost) -> dict[str, Any] | None:
        add, build = candidate.apply
        try:
            scratch.command(add)
            scratch.command(build, settings={"mutations_sync": 2})
            after = self._cost(scratch, sql)
            scratch.command(candidate.undo, settings={"mutations_sync": 2})
        except KizashiError as x:  # this table cannot have it: no advice
            logger().debug("advice.impossible", table=candidate.table, name=candidate.name, error=str(x))
            return None
        fewer = after.read_rows <= WORTH * before.read_rows
        faster = after.elapsed_ms <= WORTH * before.elapsed_ms and before.elapsed_ms - after.elapsed_ms >= LEAST_MS
        worth = before.read_rows >= LEAST_ROWS and (fewer or (faster and after.read_rows <= before.read_rows))
        return {
            "table": candidate.table, "kind": candidate.kind, "column": candidate.column, "apply": list(candidate.apply),
            "undo": candidate.undo, "after": _shown(after), "worth": worth,
        }  # fmt: skip

    @contextmanager
    def _scratch(self) -> Iterator[Store]:
        name = f"advice_{secrets.token_hex(6)}"
        settings = self._settings.model_copy(update={"database": name, "cluster": ""})
        migrate(settings)
        store = connect(settings, asker="gateway/advice")
        try:
            yield store
        finally:
            store.close()
            self._store.command(f"DROP DATABASE IF EXISTS {name} SYNC")

    def _fill(self, scratch: Store, table: str) -> float:
        """Copy a sample of a table: whole series where it has them. The share of its rows."""
        source = f"`{self._settings.database}`.`{table}`"
        total = int(self._store.query(f"SELECT count() FROM {source}").rows[0][0])  # noqa: S608  # names of our own tables
        parts = max(1, -(-total // SAMPLE_ROWS))
        by_series = any(row[0] == "series_id" for row in self._store.query(f"DESCRIBE TABLE {source}").rows)
        pick = f"WHERE cityHash64(series_id) % {parts} = 0" if by_series and parts > 1 else f"LIMIT {SAMPLE_ROWS}"
        if table != "series":
            scratch.command(f"INSERT INTO series SELECT * FROM `{self._settings.database}`.series")  # noqa: S608
        scratch.command(f"INSERT INTO {table} SELECT * FROM {source} {pick}")  # noqa: S608
        scratch.command(f"OPTIMIZE TABLE {table} FINAL")
        return round(1 / parts, 4) if by_series else round(min(1.0, SAMPLE_ROWS / max(1, total)), 4)

    def _shape(self, scratch: Store, tables: tuple[str, ...]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        columns: dict[str, dict[str, str]] = {}
        keys: dict[str, list[str]] = {}
        for row in scratch.query(q.COLUMNS, {"database": scratch.database, "tables": list(tables)}).dicts():
            columns.setdefault(row["table"], {})[row["name"]] = row["type"]
            keys[row["table"]] = [part.strip() for part in row["sorting_key"].split(",")]
        return columns, keys

    def _cost(self, scratch: Store, sql: str) -> Cost:
        costs = [scratch.measure(sql, LIMITS) for _ in range(RUNS)]
        return min(costs, key=lambda c: c.elapsed_ms)


def _shown(cost: Cost) -> dict[str, float]:
    return {"read_rows": cost.read_rows, "read_bytes": cost.read_bytes, "elapsed_ms": round(cost.elapsed_ms, 2)}
