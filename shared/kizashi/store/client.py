"""The door to ClickHouse: the only import of clickhouse_connect. Embedded or a real server, it cannot tell.

A ``Store`` may be used by many threads at once; calls block, so a service calls it from an executor.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

from kizashi.errors import KizashiError, NotFound, Refused, StoreUnavailable
from kizashi.settings import StoreSettings
from kizashi.store.blocks import Block

Parameter = str | int | float | Sequence[str] | Sequence[int] | Sequence[float]
Parameters = Mapping[str, Parameter]
T = TypeVar("T")

BUSY = frozenset({159, 202, 209, 210, 241, 242, 243, 252, 319, 425, 439, 999})
"""Codes that pass with time: timeouts, too many queries or parts, memory, disk, network, Keeper."""
NOBODY = frozenset({516, 497, 193, 194})
"""Codes of refused credentials or rights."""
ABSENT = frozenset({60, 81})
CONNECTIONS = 16
"""Kept open to one server: more threads than that wait."""


class StoreError(KizashiError):
    """ClickHouse refused the statement itself: a bug in it, or a schema other than the program's. ``code`` is ClickHouse's."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Rows:
    """A result: column names and rows of Python values."""

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def dicts(self) -> list[dict[str, Any]]:
        """Rows as dictionaries, as JSON wants them."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Cost:
    """What a query took, as the server counts it."""

    read_rows: int
    read_bytes: int
    elapsed_ms: float


class Store:
    """One database of one ClickHouse server. Made by ``connect``."""

    def __init__(self, client: Client, database: str, asker: str = "") -> None:
        self._client = client
        self.database = database
        self._asked: dict[str, str | int] = {"log_comment": asker} if asker else {}

    def query(self, sql: str, parameters: Parameters | None = None, settings: Mapping[str, str | int] | None = None) -> Rows:
        """Rows of a SELECT; ``{name:Type}`` in the text takes its value from ``parameters`` on the server."""
        r = _said(lambda: self._client.query(sql, parameters=dict(parameters or {}), settings=self._asked | dict(settings or {})))
        return Rows(tuple(r.column_names), [tuple(row) for row in r.result_rows])

    def measure(self, sql: str, settings: Mapping[str, str | int] | None = None) -> Cost:
        """Run a SELECT for what it costs, as the engine counts it at its end; its rows are thrown away."""
        answer = self.query_bytes(sql, "JSON", settings=settings)
        said = json.loads(b"{" + answer[answer.rindex(b'"statistics"') :])["statistics"]
        return Cost(int(said["rows_read"]), int(said["bytes_read"]), float(said["elapsed"]) * 1_000)

    def query_bytes(
        self, sql: str, fmt: str, parameters: Parameters | None = None, settings: Mapping[str, str | int] | None = None
    ) -> bytes:
        """The result of a SELECT in a ClickHouse format, untouched: ``ArrowStream`` or ``Native`` are the cheap ways for many rows."""
        said = self._asked | dict(settings or {})
        return _said(lambda: self._client.raw_query(sql, parameters=dict(parameters or {}), settings=said, fmt=fmt))

    def command(self, sql: str, parameters: Parameters | None = None, settings: Mapping[str, str | int] | None = None) -> str:
        """A statement without rows; its one-line answer as text."""
        return str(_said(lambda: self._client.command(sql, parameters=dict(parameters or {}), settings=self._asked | dict(settings or {}))))

    def insert_block(self, table: str, block: Block, token: str = "") -> int:
        """Insert all rows, atomically when they belong to one storage partition; returns the rows written.

        ``token`` names the block: the same token again, within the table's deduplication window, is written once.
        """
        if block.rows == 0:
            return 0
        settings = {**self._asked, "optimize_on_insert": "0"}  # repeats go at merge: -0.4 s/M rows
        if token:
            settings["insert_deduplication_token"] = token
        columns = ", ".join(f"`{name}`" for name in block.names)
        body = block.encode(f"INSERT INTO {table} ({columns}) FORMAT Native\n".encode())
        summary = _said(lambda: self._client.raw_insert("", None, body, settings=settings, fmt="Native"))
        return int(summary.written_rows or 0)

    def ping(self) -> bool:
        """True when the server answers."""
        return bool(self._client.ping())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def connect(settings: StoreSettings, database: str | None = None, asker: str = "") -> Store:
    """Connect; raises StoreUnavailable when nobody answers and Refused for wrong credentials.

    ``asker`` names the program in the server's log of queries (``log_comment``), for whoever asks what made the load.
    ``database`` other than the setting's is for making it: ``connect(settings, "default").command("CREATE DATABASE …")``.
    """
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # it logs a stack and raises: raising is enough
    name = settings.database if database is None else database
    client = _said(
        lambda: clickhouse_connect.get_client(
            host=settings.host,
            port=settings.port,
            interface="https" if settings.secure else "http",
            username=settings.user,
            password=settings.password.get_secret_value(),
            database=name,
            autogenerate_session_id=False,  # one client serves many threads
            compress=settings.host not in ("127.0.0.1", "::1", "localhost"),  # to oneself packing only costs
            connect_timeout=5,
            send_receive_timeout=120,
            query_retries=0,  # callers know what may be repeated
            client_name=asker or None,  # for what the client asks by itself while it connects
            pool_mgr=get_pool_manager(maxsize=CONNECTIONS, num_pools=4),
        )
    )
    return Store(client, name, asker)


@contextmanager
def _door() -> Iterator[None]:
    try:
        yield
    except DatabaseError as x:
        raise _meaning(x) from x
    except (OperationalError, HTTPError, OSError) as x:
        raise StoreUnavailable(f"ClickHouse did not answer: {x}") from x
    except ClickHouseError as x:
        raise _meaning(x) from x


def _said(work: Callable[[], T]) -> T:
    with _door():
        return work()


def _meaning(x: ClickHouseError) -> KizashiError:
    code = int(getattr(x, "code", None) or 0)
    text = str(x)
    if isinstance(x, OperationalError) or code in BUSY:
        return StoreUnavailable(f"ClickHouse cannot answer now: {text}")
    if code in NOBODY:
        return Refused(f"ClickHouse refused: {text}")
    if code in ABSENT:
        return NotFound(text)
    return StoreError(text, code)
