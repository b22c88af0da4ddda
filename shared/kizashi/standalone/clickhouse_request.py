"""An HTTP request in ClickHouse's manner, taken apart: who asks, which statement, which settings. Pure but for reading the body."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from kizashi.errors import KizashiError
from kizashi.standalone.clickhouse_sql import Statement, name_set, parse

TRANSPORT = name_set(
    "query user password database default_format query_id session_id session_timeout session_check quota_key compress decompress "
    "wait_end_of_query buffer_size client_protocol_version role stacktrace enable_http_compression send_progress_in_http_headers "
    "http_headers_progress_interval_ms cancel_http_readonly_queries_on_client_close add_http_cors_header "
    "http_zlib_compression_level"
)
"""URL parameters about the transport; every other one is a setting, or a query parameter when it begins with ``param_``."""
LONGEST_AGENT = 200
STREAMED = name_set(
    "native tabseparated tsv tabseparatedraw tsvraw csv jsoneachrow jsonlines ndjson jsoncompacteachrow rowbinary tskv lineasstring"
)
"""Formats without header and footer: their pieces can be sent as they come. The others are sent when they are whole."""
_TYPES = {"json": "application/json; charset=UTF-8", "csv": "text/csv; charset=UTF-8", "tsv": "text/tab-separated-values; charset=UTF-8"}


class Denied(KizashiError):
    """Name or password is wrong."""


@dataclass(frozen=True)
class Account:
    """Who may ask. ``reader`` may only read."""

    name: str
    password: str
    reader: bool = False


@dataclass(frozen=True)
class Ask:
    """One request, understood."""

    statement: Statement
    data: bytes
    account: Account
    database: str
    settings: Mapping[str, str]
    format: str
    query_id: str
    session: str
    whole: bool
    read_only: bool
    blocks: bool = False
    """The answer is packed in ClickHouse's own blocks (``compress=1``)."""
    agent: str = ""
    """What the client says of itself (``User-Agent``)."""

    @property
    def pieces(self) -> bool:
        """True when the answer can be taken from the engine, and sent, in pieces while the query runs."""
        return self.format.lower() in STREAMED and self.statement.verb in ("SELECT", "WITH")

    @property
    def content_type(self) -> str:
        """MIME type of the answer."""
        low = self.format.lower()
        family = next((f for f in ("json", "csv", "tabseparated", "tsv") if low.startswith(f)), "")
        if low in ("jsoneachrow", "ndjson", "jsonlines"):
            return "application/x-ndjson; charset=UTF-8"
        return _TYPES.get({"tabseparated": "tsv"}.get(family, family), "application/octet-stream")


def authenticate(headers: Mapping[str, str], query: Mapping[str, str], accounts: Mapping[str, Account]) -> Account:
    """The account from ``Authorization: Basic``, ``X-ClickHouse-User``/``-Key`` or the URL; raises Denied."""
    basic = headers.get("Authorization", "")
    if basic.lower().startswith("basic "):
        try:
            name, _, password = base64.b64decode(basic[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as x:
            raise Denied("the Authorization header is damaged") from x
    elif "X-ClickHouse-User" in headers:
        name, password = headers["X-ClickHouse-User"], headers.get("X-ClickHouse-Key", "")
    else:
        name, password = query.get("user", ""), query.get("password", "")
    account = accounts.get(name)
    expected = account.password if account else uuid.uuid4().hex  # compare anyway: the time must not tell whether the name exists
    if not hmac.compare_digest(expected.encode(), password.encode()) or account is None:
        raise Denied(f"{name[:40] or 'default'}: Authentication failed: password is incorrect, or there is no user with such name.")
    return account


def understand(query: Mapping[str, str], headers: Mapping[str, str], method: str, body: bytes, account: Account) -> Ask:
    """Statement, data and settings of a request; raises Refused with what is wrong."""
    url = query.get("query", "").encode()
    statement, data = _combine(url, body)
    fmt = statement.format or query.get("default_format") or headers.get("X-ClickHouse-Format") or "TabSeparated"
    settings = {k: v for k, v in query.items() if k not in TRANSPORT}
    return Ask(
        statement=statement,
        data=data,
        account=account,
        database=query.get("database") or headers.get("X-ClickHouse-Database") or "default",
        settings=settings,
        format=fmt,
        query_id=query.get("query_id") or str(uuid.uuid4()),
        session=query.get("session_id", ""),
        whole=query.get("wait_end_of_query", "0") not in ("0", "false"),
        read_only=account.reader or method == "GET",
        blocks=flag(query, "compress"),
        agent=headers.get("User-Agent", "")[:LONGEST_AGENT],
    )


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter of the transport is switched on."""
    return query.get(name, "0") not in ("0", "false", "")


def _combine(url: bytes, body: bytes) -> tuple[Statement, bytes]:
    """The statement is the URL's ``query`` followed by the body, or either alone; data stand behind INSERT … FORMAT."""
    if not url.strip():
        statement = parse(body)
        return statement, body[statement.data_at :] if statement.data_at is not None else b""
    statement = parse(url)
    if statement.data_at is not None:
        return statement, url[statement.data_at :] + body
    if body.strip():
        statement = parse(url + b"\n" + body)
        if statement.data_at is not None:
            return statement, body[statement.data_at - len(url) - 1 :]
    return statement, b""
