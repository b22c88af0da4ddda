"""Questions to ClickHouse: named statements, run in threads, a few at once a tenant, each with limits; and answers kept for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from starlette.responses import Response

from kizashi.cache import Cache, MemoryCache
from kizashi.errors import KizashiError, NotFound, Recoverable
from kizashi.observe.logs import logger
from kizashi.observe.metrics import CACHE
from kizashi.store.blocks import Block
from kizashi.store.client import Store, StoreError
from services.gateway.principal import ASKING
from services.gateway.problems import Problem
from services.gateway.queries import Statement
from services.gateway.settings import GatewaySettings

TOO_BIG = frozenset({158, 307, 396})
"""ClickHouse's codes for more rows or bytes, read or returned, than the limits allow."""
Columns = dict[str, list[Any]]
"""Column name → values, one a row."""
Value = str | int | float | list[int] | list[str]


class AbsentTable(KizashiError):
    """The store has no such table: migrations have not run, or the engine has not made its own log yet."""


class Answers:
    """The only way from a route to the store."""

    def __init__(self, store: Store, cache: Cache, near: MemoryCache, limits: GatewaySettings) -> None:
        self._store, self._cache, self._near, self._limits = store, cache, near, limits
        self._shared = cache is not near
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="store")
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def columns(self, tenant: str, statement: Statement, values: Mapping[str, Value] | None = None, asker: str = "") -> Columns:
        """Columns of the result. Raises Problem when the question is too big or too many are being asked."""
        data = await self.raw(tenant, statement, values, "JSONColumns", asker)
        return msgspec.json.decode(data, type=Columns) if data.strip() else {}

    async def rows(
        self, tenant: str, statement: Statement, values: Mapping[str, Value] | None = None, asker: str = ""
    ) -> list[dict[str, Any]]:
        """The result as one object a row."""
        found = await self.columns(tenant, statement, values, asker)
        names = list(found)
        return [dict(zip(names, row, strict=True)) for row in zip(*found.values(), strict=True)]

    async def raw(self, tenant: str, statement: Statement, values: Mapping[str, Value] | None, form: str, asker: str = "") -> bytes:
        """The result in one of ClickHouse's formats. ``asker`` is for the store's log, where it is not the one whose request this is."""
        asker = asker or ASKING.get()
        turn = self._turns.setdefault(tenant, asyncio.Semaphore(self._limits.queries_at_once))
        try:
            async with asyncio.timeout(self._limits.query_wait_s):
                await turn.acquire()
        except TimeoutError as x:
            raise Problem(503, "too many questions at once; try again in a moment", retry_after_s=2) from x
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._ask, tenant, statement, values or {}, form, asker)
        finally:
            turn.release()

    async def insert(self, table: str, block: Block) -> None:
        """Write rows of the gateway's own (kept analyses): telemetry and findings are written by the sink alone."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._store.insert_block, table, block)

    async def command(self, statement: Statement, values: Mapping[str, Value] | None = None) -> str:
        """A statement without rows."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._store.command, statement.sql, dict(values or {}))

    def _ask(self, tenant: str, statement: Statement, values: Mapping[str, Value], form: str, asker: str) -> bytes:
        settings: dict[str, str | int] = {
            # Compiling an expression takes up to 400 ms of a busy machine, in the middle of a question, and saves a tenth of one ms.
            "compile_expressions": 0,
            "compile_aggregate_expressions": 0,
            "compile_sort_description": 0,
            "max_execution_time": self._limits.query_seconds,
            "max_rows_to_read": self._limits.query_rows,
            "max_memory_usage": self._limits.query_bytes,
            "max_result_rows": statement.most_rows or self._limits.rows_per_answer,
            "output_format_json_quote_64bit_integers": 0,
            "output_format_json_quote_denormals": 0,
            "log_comment": f"gateway/{statement.name} {tenant} {asker}".strip(),
        }
        if statement.threads:
            settings["max_threads"] = statement.threads
        try:
            return self._store.query_bytes(statement.sql, form, dict(values), settings)
        except StoreError as x:
            if x.code in TOO_BIG:
                raise Problem(422, "the question is too big: ask for a shorter range, fewer series or fewer points") from x
            raise
        except NotFound as x:  # a table, not a thing that somebody asked for: its text holds the statement, which is nobody's business
            raise AbsentTable(statement.name) from x

    async def remembered(self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], stale_s: float = 0.0) -> bytes:
        """The answer under this key, at most ``ttl_s`` old. Of many who ask at once one computes, the others wait for it.

        With ``stale_s`` an answer up to that much older is given at once while a newer one is computed: nobody waits for what somebody
        else looked at a moment ago.
        """
        near = self._near.peek(key)
        if near is not None and self._near.left_s(key) > stale_s:
            CACHE.labels("memory", "hit").inc()
            return near
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, ttl_s, stale_s, make))
            self._making[key] = task
            task.add_done_callback(lambda done: self._made(key, done))
        if near is not None:
            CACHE.labels("memory", "stale").inc()
            return near
        CACHE.labels("memory", "miss").inc()
        return await asyncio.shield(task)

    def _made(self, key: str, done: asyncio.Task[bytes]) -> None:
        self._making.pop(key, None)
        if (
            not done.cancelled() and (failed := done.exception()) is not None
        ):  # whoever waits gets it; an answer that is stale stays until its end
            logger().debug("answer.failed", key=key, error=repr(failed))

    async def _make(self, key: str, ttl_s: float, stale_s: float, make: Callable[[], Awaitable[bytes]]) -> bytes:
        if self._shared:
            try:
                far = await self._cache.get(f"answer:{key}")
            except Recoverable:  # a cache that is away makes us slower, not wrong
                far = None
            CACHE.labels("redis", "miss" if far is None else "hit").inc()
            if far is not None:
                await self._near.put(key, far, ttl_s / 2 + stale_s)
                return far
        made = bytes(await make())
        await self._near.put(key, made, ttl_s + stale_s)
        if self._shared:
            try:
                await self._cache.put(f"answer:{key}", made, ttl_s)
            except Recoverable:
                CACHE.labels("redis", "error").inc()
        return made

    async def alive(self) -> bool:
        """Whether the store answers now."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._store.ping)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def json_answer(body: object, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """A JSON response. NaN and infinity are written as null. Nothing of a tenant is kept by a browser or proxy."""
    return json_bytes(msgspec.json.encode(body), headers, status)


def json_bytes(body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """As ``json_answer``, of bytes that are JSON already."""
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/json")
