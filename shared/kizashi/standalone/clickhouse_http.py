"""ClickHouse's HTTP interface over the embedded engine: what ``clickhouse-connect``, Grafana and ``curl`` expect of a server.

Queries run in threads; an answer that is sent in pieces holds no thread while its reader is slow. Long bodies are bounded before
they are read, unpacked bodies while they are unpacked.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from aiohttp import web

from kizashi.errors import Refused
from kizashi.observe.logs import logger
from kizashi.standalone.clickhouse_blocks import Blocks, unpack_blocks
from kizashi.standalone.clickhouse_codecs import Packer, TooLarge, choose, packer, unpack
from kizashi.standalone.clickhouse_engine import NAMED_BY, Answer, Engine, EngineError, Handle, too_large
from kizashi.standalone.clickhouse_gate import admit
from kizashi.standalone.clickhouse_native import CUSTOM_SERIALIZATION, reframe
from kizashi.standalone.clickhouse_request import Account, Ask, Denied, authenticate, flag, understand
from kizashi.standalone.clickhouse_sql import Statement

T = TypeVar("T")
ACCESS_DENIED, NOT_IMPLEMENTED, AUTHENTICATION_FAILED, TOO_MANY_QUERIES, TOO_LARGE = 497, 48, 516, 202, 210
STATUS = {
    36: 400, 42: 400, 43: 400, 47: 404, 53: 400, 60: 404, 62: 400, 72: 400, 81: 404, 115: 404, 158: 413, 159: 408, 164: 500, 202: 503,
    210: 413, 241: 500, 396: 413, 456: 400, 457: 400, 497: 403, 516: 403, 48: 501,
}  # fmt: skip
"""HTTP status by ClickHouse error code, as the server gives them; 500 for all others."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one server; sizes in bytes."""

    body: int = 64 << 20
    unpacked: int = 256 << 20
    at_once: int = 64
    reads: int = 8
    writes: int = 4
    send_timeout_s: float = 60.0
    query_timeout_s: int = 300
    result: int = 256 << 20


class Front:
    """The HTTP application. ``accounts`` by name."""

    def __init__(self, engine: Engine, accounts: Mapping[str, Account], limits: Limits | None = None) -> None:
        self.engine = engine
        self.accounts = accounts
        self.limits = limits or Limits()
        self._reads = ThreadPoolExecutor(self.limits.reads, "query")
        self._writes = ThreadPoolExecutor(self.limits.writes, "insert")
        self._sessions: dict[str, list[str]] = {}
        self._running = 0
        self._admit = lru_cache(2048)(self._judge)

    def application(self) -> web.Application:
        """Routes of the interface."""
        app = web.Application(client_max_size=self.limits.body)
        app.router.add_get("/ping", _ok)
        app.router.add_get("/replicas_status", _ok)
        app.router.add_route("*", "/", self.answer)
        return app

    def _judge(self, statement: Statement, reader: bool) -> None:
        admit(statement, self.engine.table_functions, reader)

    def close(self) -> None:
        """Wait for running queries; nothing new is taken."""
        self._reads.shutdown(wait=True, cancel_futures=True)
        self._writes.shutdown(wait=True, cancel_futures=True)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Any request to ``/``."""
        if request.method in ("GET", "HEAD") and "query" not in request.query:
            return await _ok(request)
        query_id = request.query.get("query_id", "")
        try:
            ask = await self._ask(request)
            query_id = ask.query_id
            self._admit(_Key(ask.statement), ask.account.reader)
            if self._running >= self.limits.at_once:
                raise EngineError(
                    f"Code: 202. DB::Exception: more than {self.limits.at_once} queries at once",
                    TOO_MANY_QUERIES,
                    "TOO_MANY_SIMULTANEOUS_QUERIES",
                )
            self._running += 1
            try:
                return await self._carry_out(request, ask)
            finally:
                self._running -= 1
        except Denied as x:
            return self._failure(str(x), AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", query_id)
        except (TooLarge, web.HTTPRequestEntityTooLarge) as x:
            return self._failure(f"{x}; send smaller blocks", TOO_LARGE, "NETWORK_ERROR", query_id)
        except Refused as x:
            return self._failure(str(x), ACCESS_DENIED, "ACCESS_DENIED", query_id)
        except EngineError as x:
            return self._failure(str(x), x.code, x.name, query_id)

    async def _ask(self, request: web.Request) -> Ask:
        account = authenticate(request.headers, request.query, self.accounts)
        query = dict(request.query)
        if request.content_type == "multipart/form-data":
            body = b""
            for name, value in (await request.post()).items():
                if not isinstance(value, str):
                    raise Refused("external tables are not spoken here: insert into a table first")
                query[name] = value
        else:
            raw = await request.read()
            body = raw
            if encoding := request.headers.get("Content-Encoding"):
                body = await self._in(self._writes, lambda: unpack(raw, encoding, self.limits.unpacked))
            if flag(query, "decompress"):
                blocks = body
                body = await self._in(self._writes, lambda: unpack_blocks(blocks, self.limits.unpacked))
        return understand(query, request.headers, request.method, body, account)

    async def _carry_out(self, request: web.Request, ask: Ask) -> web.StreamResponse:
        # Packed in blocks already, an answer is packed once more only for who says so.
        wants_packing = request.query.get("enable_http_compression", "0" if ask.blocks else "1") not in ("0", "false")
        encoding = choose(request.headers.get("Accept-Encoding", "")) if wants_packing else ""
        if ask.statement.verb == "INSERT":
            return self._done(await self._in(self._writes, lambda: self._run(ask)), ask, "")
        if ask.statement.verb in ("SET", "USE") and ask.session:
            await self._in(self._reads, lambda: self._run(ask))
            self._remember(ask)
            return self._done(Answer(b""), ask, "")
        framed = ask.format.lower() == "native" and _revision(request) >= CUSTOM_SERIALIZATION
        if ask.pieces and not ask.whole and not framed:
            return await self._stream(request, ask, encoding)
        try:
            answer = await self._in(self._reads, lambda: self._run(ask))
            if framed:
                answer = replace(answer, body=await self._in(self._reads, lambda: reframe(answer.body)))
            return self._done(answer, ask, encoding)
        except asyncio.CancelledError:  # the client is gone: so is the reason to compute
            self._writes.submit(self.engine.kill, ask.query_id)
            raise

    def _remember(self, ask: Ask) -> None:
        """A session is the list of its SET and USE statements, said again for each of its requests."""
        if len(self._sessions) >= 1000:
            self._sessions.pop(next(iter(self._sessions)))
        self._sessions.setdefault(ask.session, []).append(ask.statement.sql)

    def _prepared(self, ask: Ask) -> Handle:
        """A handle with the database, session and settings of the request. In a thread; the caller closes it."""
        handle = self.engine.open()
        try:
            if ask.database != "default" and not ask.statement.sql.upper().lstrip().startswith("CREATE DATABASE"):
                handle.use(ask.database)
            for said in self._sessions.get(ask.session, ()) if ask.session else ():
                handle.run(said)
            bounds = {"max_execution_time": str(self.limits.query_timeout_s), "max_threads": "2"}
            bounds["max_memory_usage"] = str(self.engine.query_bytes)
            bounds["log_comment"] = ask.agent  # the engine knows no client: without a comment of its own, who asked is what it calls itself
            handle.set({**bounds, **ask.settings, NAMED_BY: ask.query_id})
            if ask.read_only:
                handle.set({"readonly": "2"})
        except BaseException:
            handle.close()
            raise
        return handle

    def _run(self, ask: Ask) -> Answer:
        """The whole request in one go, in a thread."""
        handle = self._prepared(ask)
        try:
            if ask.statement.data_at is not None:
                return handle.insert(ask.statement.sql, ask.statement.format, ask.data)
            if ask.pieces:
                return handle.collect(ask.statement.sql, ask.format, self.limits.result)
            answer = handle.run(ask.statement.sql, ask.format)
            if len(answer.body) > self.limits.result:
                raise too_large(self.limits.result)
            return answer
        finally:
            handle.close()

    async def _stream(self, request: web.Request, ask: Ask, encoding: str) -> web.StreamResponse:
        def begin() -> tuple[Handle, Any, bytes | None]:
            handle = self._prepared(ask)
            try:
                stream = handle.start(ask.statement.sql, ask.format)
                return handle, stream, handle.next_chunk(stream)
            except BaseException:
                handle.close()
                raise

        handle, stream, piece = await self._in(self._reads, begin)
        tag = secrets.token_hex(8)
        response = web.StreamResponse(headers=self._headers(ask, encoding) | {"X-ClickHouse-Exception-Tag": tag})
        finished = False
        try:
            await response.prepare(request)
            pack = _packer(ask, encoding)
            try:
                while piece is not None:
                    await self._send(response, piece, pack)
                    piece = await self._in(self._reads, lambda: handle.next_chunk(stream))
                finished = True
            except EngineError as x:
                finished = True
                await self._send(response, _torn(str(x), tag), pack)
            if pack is not None:
                await asyncio.wait_for(response.write(pack.end()), self.limits.send_timeout_s)
            await response.write_eof()
        except (TimeoutError, ConnectionError):
            logger().info("store.reader_gone", query_id=ask.query_id)
        finally:
            await asyncio.shield(self._in(self._reads, lambda: _drop(handle, stream, finished)))
        return response

    async def _send(self, response: web.StreamResponse, piece: bytes, pack: Packer | None) -> None:
        out = await self._in(self._reads, lambda: pack.feed(piece)) if pack is not None else piece
        await asyncio.wait_for(response.write(out), self.limits.send_timeout_s)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _headers(self, ask: Ask, encoding: str) -> dict[str, str]:
        headers = {
            "Content-Type": ask.content_type,
            "X-ClickHouse-Query-Id": ask.query_id,
            "X-ClickHouse-Format": ask.format,
            "X-ClickHouse-Timezone": self.engine.timezone,
            "X-ClickHouse-Server-Display-Name": "kizashi",
        }
        return headers | {"Content-Encoding": encoding} if encoding else headers

    def _done(self, answer: Answer, ask: Ask, encoding: str) -> web.Response:
        body = answer.body
        if (pack := _packer(ask, encoding)) is not None:
            body = pack.feed(body) + pack.end()
        summary = {
            "read_rows": str(answer.read_rows), "read_bytes": str(answer.read_bytes),
            "written_rows": str(answer.written_rows), "written_bytes": str(answer.written_bytes),
            "total_rows_to_read": "0", "result_rows": str(answer.written_rows), "result_bytes": str(len(answer.body)), "elapsed_ns": "0",
        }  # fmt: skip
        return web.Response(body=body, headers=self._headers(ask, encoding) | {"X-ClickHouse-Summary": json.dumps(summary)})

    def _failure(self, text: str, code: int, name: str, query_id: str) -> web.Response:
        said = text if text.startswith("Code:") else f"Code: {code}. DB::Exception: {text} ({name})"
        headers = {
            "X-ClickHouse-Exception-Code": str(code),
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": self.engine.timezone,
        }
        return web.Response(status=STATUS.get(code, 500), text=f"{said} (version {self.engine.version})\n", headers=headers)


def _packer(ask: Ask, encoding: str) -> Packer | None:
    """What an answer goes through on its way out: blocks, a content encoding, both in that order, or neither."""
    outer = packer(encoding) if encoding else None
    return Blocks(outer) if ask.blocks else outer


def _revision(request: web.Request) -> int:
    """The protocol version that the client reads answers with; 0 when it names none."""
    named = request.query.get("client_protocol_version", "")
    return int(named) if named.isdecimal() and len(named) < 9 else 0


class _Key(Statement):
    """A statement that hashes by its SQL: judging a repeated statement costs a look-up."""

    def __init__(self, statement: Statement) -> None:
        super().__init__(statement.tokens, statement.sql, statement.format, None)

    def __hash__(self) -> int:
        return hash((self.sql, self.format))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and (self.sql, self.format) == (other.sql, other.format)


def _drop(handle: Handle, stream: Any, finished: bool) -> None:
    try:
        if not finished:
            handle.cancel(stream)
    finally:
        handle.close()


def _torn(text: str, tag: str) -> bytes:
    """How ClickHouse says, behind data already sent, that the query failed."""
    message = f"{text}\n".encode()
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (tag.encode(), message, len(message), tag.encode())


async def _ok(_request: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")
