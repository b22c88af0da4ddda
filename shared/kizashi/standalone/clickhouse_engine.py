"""The ClickHouse engine (chDB) inside this process: the only import of chdb.

One process owns a data folder. Every request gets a handle of its own (0.1 ms): settings and parameters are set on the handle, so
requests cannot see one another's, and handles run in parallel in the engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from kizashi.errors import KizashiError, Refused

_CODE = re.compile(r"Code: (\d+)\. ?DB::Exception: (.*)", re.DOTALL)
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
KEPT = "_default_kept"
"""Where tables of the ``default`` database wait while it is made again, see ``Engine._seal``."""


class EngineError(KizashiError):
    """The engine's own exception: ``code`` and ``name`` are ClickHouse's."""

    def __init__(self, text: str, code: int, name: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.name = name


@dataclass(frozen=True)
class Answer:
    """Result bytes and what it cost."""

    body: bytes
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


@dataclass(frozen=True)
class Memory:
    """Bounds of the engine, MiB. The defaults keep an idle server small on a shared machine."""

    server_mib: int = 2048
    query_mib: int = 1024
    mark_cache_mib: int = 64
    background_threads: int = 2


def configuration(path: Path, memory: Memory) -> str:
    """The engine's XML configuration: small caches and pools, a query log of three days, no other system logs, no users."""
    mib = 1 << 20
    values = {
        "max_server_memory_usage": memory.server_mib * mib,
        "mark_cache_size": memory.mark_cache_mib * mib,
        "index_mark_cache_size": 16 * mib,
        "uncompressed_cache_size": 0,
        "index_uncompressed_cache_size": 0,
        "mmap_cache_size": 64,
        "compiled_expression_cache_size": 8 * mib,
        "query_condition_cache_size": 8 * mib,
        "vector_similarity_index_cache_size": 0,
        "background_pool_size": memory.background_threads,
        "background_merges_mutations_concurrency_ratio": 2,
        "background_schedule_pool_size": 4,
        "background_common_pool_size": 2,
        "background_fetches_pool_size": 1,
        "background_move_pool_size": 1,
        "background_message_broker_schedule_pool_size": 1,
        "background_distributed_schedule_pool_size": 1,
        "background_buffer_flush_schedule_pool_size": 1,
        "tables_loader_foreground_pool_size": 1,
        "tables_loader_background_pool_size": 1,
        "max_thread_pool_size": 400,
        "max_thread_pool_free_size": 16,
        "max_concurrent_queries": 100,
        "async_insert_threads": 1,
        "os_threads_nice_value_merge_mutate": 10,  # a merge may take its time, a question may not
        "timezone": "UTC",
        "dictionaries_lazy_load": 1,
    }
    lines = "".join(f"<{name}>{value}</{name}>\n" for name, value in values.items())
    folder = escape(str(path.resolve().parent))
    return f"""<clickhouse>
{lines}<query_log><database>system</database><table>query_log</table><flush_interval_milliseconds>5000</flush_interval_milliseconds>
<ttl>event_date + INTERVAL 3 DAY DELETE</ttl></query_log>
<merge_tree><old_parts_lifetime>60</old_parts_lifetime><auto_statistics_types></auto_statistics_types><number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge><number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation><number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition></merge_tree>
<storage_configuration><disks><backups><type>local</type><path>{folder}/store-backups/</path></backups></disks></storage_configuration>
<backups><allowed_disk>backups</allowed_disk><allow_concurrent_backups>false</allow_concurrent_backups></backups>
</clickhouse>
"""


NAMED_BY = "query_cache_tag"
"""The setting that carries the id of a request, for the engine takes no id from us: a label of cached results, of which we keep none.

``log_comment`` would do, but it is for whoever asks, and killing must not depend on what they say.
"""


class Handle:
    """One connection into the engine. Not for two threads at once; used by one after the other."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def set(self, assignments: Mapping[str, str]) -> None:
        """Settings, or query parameters as ``param_name``; raises EngineError for unknown names."""
        if not assignments:
            return
        for name in assignments:
            if not _SETTING.fullmatch(name):
                raise Refused(f"{name[:40]!r} cannot be the name of a setting")
        self.run("SET " + ", ".join(f"{name} = {literal(value)}" for name, value in assignments.items()))

    def use(self, database: str) -> None:
        """Make ``database`` the one that unqualified names mean."""
        self.run("USE `" + database.replace("\\", "\\\\").replace("`", "\\`") + "`")

    def run(self, sql: str, fmt: str = "TabSeparated") -> Answer:
        """The whole result; raises EngineError."""
        with _translated():
            r = self._raw.query(sql, fmt)
            return Answer(r.bytes(), r.storage_rows_read(), r.storage_bytes_read(), r.rows_written(), r.bytes_written())

    def collect(self, sql: str, fmt: str, limit: int) -> Answer:
        """The whole result of a format without header and footer, at most ``limit`` bytes: the engine itself bounds only its memory."""
        stream = self.start(sql, fmt)
        out: list[bytes] = []
        size = rows = read = 0
        while True:
            with _translated():
                piece = self._raw.streaming_fetch_result(stream)
            if piece is None or piece.rows_read() == 0:
                return Answer(b"".join(out), rows, read)
            out.append(piece.bytes())
            size, rows, read = size + len(out[-1]), rows + piece.storage_rows_read(), read + piece.storage_bytes_read()
            if size > limit:
                self.cancel(stream)
                raise too_large(limit)

    def start(self, sql: str, fmt: str) -> Any:
        """Begin a streamed result; read it with ``next_chunk``."""
        with _translated():
            return self._raw.send_query(sql, fmt)

    def next_chunk(self, stream: Any) -> bytes | None:
        """The next piece of a streamed result, None at the end; raises EngineError."""
        with _translated():
            piece = self._raw.streaming_fetch_result(stream)
            return None if piece is None or piece.rows_read() == 0 else bytes(piece.bytes())

    def cancel(self, stream: Any) -> None:
        """Stop a streamed result."""
        with _translated():
            self._raw.streaming_cancel_query(stream)

    def insert(self, statement: str, fmt: str, data: bytes) -> Answer:
        """``INSERT INTO t (…)`` with ``data`` in format ``fmt``: all of it lands or, in one storage partition, none; raises EngineError."""
        with _translated():
            sink = self._raw.send_insert(statement, fmt)
            try:
                self._raw.insert_append(sink, data)
                done = self._raw.insert_done(sink)
            except RuntimeError:
                self._raw.insert_cancel(sink)
                raise
            return Answer(b"", written_rows=done.rows_written(), written_bytes=done.bytes_written())

    def close(self) -> None:
        """Give the handle back."""
        self._raw.close()


class Engine:
    """The opened data folder. Raises EngineError when another process owns it or it cannot be read."""

    def __init__(self, path: Path, memory: Memory | None = None) -> None:
        path.mkdir(parents=True, exist_ok=True)
        memory = memory or Memory()
        config = path.parent / f"{path.name}.engine.xml"
        config.write_text(configuration(path, memory))
        from chdb import _chdb  # the import starts an engine and takes a second: only the process that serves pays it

        self.query_bytes = memory.query_mib << 20
        self._connect = _chdb.connect  # type: ignore[attr-defined]  # a compiled module without stubs
        self._address = f"{path.resolve()}?config-file={config.resolve()}"
        with _translated(f"{path} cannot be opened: is another Kizashi running on it?"):
            self._keeper = Handle(self._connect(self._address))  # while it is open the engine stays up between requests
        self._seal()
        self.version = self._keeper.run("SELECT version()").body.decode().strip()
        self.timezone = self._keeper.run("SELECT timezone()").body.decode().strip()
        names = self._keeper.run("SELECT lower(name) FROM system.table_functions").body.decode().split()
        self.table_functions = frozenset(names)

    @contextmanager
    def handle(self) -> Iterator[Handle]:
        """A fresh handle, closed afterwards."""
        handle = self.open()
        try:
            yield handle
        finally:
            handle.close()

    def open(self) -> Handle:
        """A fresh handle; the caller closes it."""
        with _translated():
            return Handle(self._connect(self._address))

    def kill(self, query_id: str) -> None:
        """Stop queries that were named so; returns before they have ended."""
        with self.handle() as handle:
            handle.run(f"KILL QUERY WHERE Settings['{NAMED_BY}'] = {literal(query_id)} ASYNC")

    def close(self) -> None:
        """Close the data folder. Requests must have ended."""
        self._keeper.close()

    def _seal(self) -> None:
        """Make ``default`` a plain database: as chDB starts, it is an overlay that reads any file on the machine as a table.

        Tables in it are carried over; a crash in between leaves them in ``KEPT`` and the next start brings them back.
        """
        run = self._keeper.run
        if run("SELECT engine FROM system.databases WHERE name = 'default'").body.strip() != b"Atomic":
            run(f"CREATE DATABASE IF NOT EXISTS {KEPT} ENGINE = Atomic")
            self._move("default", KEPT)
            run("DROP DATABASE IF EXISTS default SYNC")
            run("CREATE DATABASE default ENGINE = Atomic")
        waiting = run(f"SELECT count() FROM system.databases WHERE name = {literal(KEPT)}")  # noqa: S608  # our own constant
        if waiting.body.strip() == b"1":
            self._move(KEPT, "default")
            run(f"DROP DATABASE {KEPT}")

    def _move(self, source: str, target: str) -> None:
        listing = f"SELECT name FROM system.tables WHERE database = {literal(source)}"  # noqa: S608  # one of two constants
        names = self._keeper.run(listing, "TSVRaw").body.decode().splitlines()
        for name in names:
            quoted = name.replace("`", "\\`")
            self._keeper.run(f"RENAME TABLE {source}.`{quoted}` TO {target}.`{quoted}`")


def too_large(limit: int) -> EngineError:
    """What ClickHouse says to a result beyond ``max_result_bytes``."""
    text = f"Code: 396. DB::Exception: Limit for result exceeded, max bytes: {limit}; stream it, or ask for less (TOO_MANY_ROWS_OR_BYTES)"
    return EngineError(text, 396, "TOO_MANY_ROWS_OR_BYTES")


def literal(text: str) -> str:
    """``text`` as a ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@contextmanager
def _translated(context: str = "") -> Iterator[None]:
    """chDB raises RuntimeError with ClickHouse's text: make code and name of it."""
    try:
        yield
    except RuntimeError as x:
        text = str(x)
        m = _CODE.search(text)
        names = _NAME.findall(text)
        said = f"Code: {m.group(1)}. DB::Exception: {m.group(2)}" if m else text
        raise EngineError(f"{context} ({said})" if context else said, int(m.group(1)) if m else 1002, names[-1] if names else "") from x
