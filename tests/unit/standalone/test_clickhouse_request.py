"""Requests in ClickHouse's manner, and content encodings with their bounds."""

from __future__ import annotations

import base64
import gzip
import zlib

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kizashi.errors import Refused
from kizashi.standalone.clickhouse_codecs import PREFERRED, TooLarge, choose, packer, unpack
from kizashi.standalone.clickhouse_request import Account, Denied, authenticate, understand

ADA = Account("ada", "secret")
ACCOUNTS = {"ada": ADA}


def _basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (_basic("ada:secret"), {}),
        ({"X-ClickHouse-User": "ada", "X-ClickHouse-Key": "secret"}, {}),
        ({}, {"user": "ada", "password": "secret"}),
    ],
)
def test_three_ways_to_say_who(headers: dict[str, str], query: dict[str, str]) -> None:
    assert authenticate(headers, query, ACCOUNTS) is ADA


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, {}),
        (_basic("ada:wrong"), {}),
        (_basic("bob:secret"), {}),
        (_basic("ada"), {}),
        ({"Authorization": "Basic !!!"}, {}),
        ({"Authorization": "Bearer secret"}, {}),
        ({"X-ClickHouse-User": "ada"}, {}),
        ({"Authorization": "Basic !", "X-ClickHouse-User": "ada", "X-ClickHouse-Key": "secret"}, {}),
        ({}, {"user": "ada", "password": "secret "}),
    ],
)
def test_everybody_else_is_denied(headers: dict[str, str], query: dict[str, str]) -> None:
    with pytest.raises(Denied):
        authenticate(headers, query, ACCOUNTS)


def test_settings_and_parameters_are_told_from_transport() -> None:
    query = {"query": "SELECT {x:UInt8}", "param_x": "1", "max_threads": "1", "session_id": "s", "database": "k", "wait_end_of_query": "1"}
    ask = understand(query, {}, "POST", b"", ADA)
    assert dict(ask.settings) == {"param_x": "1", "max_threads": "1"}
    assert (ask.database, ask.session, ask.whole, ask.read_only) == ("k", "s", True, False)


@pytest.mark.parametrize(
    ("query", "body", "sql", "data"),
    [
        ({}, b"SELECT 1", "SELECT 1", b""),
        ({"query": "SELECT"}, b"1", "SELECT\n1", b""),
        ({"query": "INSERT INTO t FORMAT CSV"}, b"1,2", "INSERT INTO t ", b"1,2"),
        ({"query": "INSERT INTO t FORMAT CSV\n0,0\n"}, b"1,2", "INSERT INTO t ", b"0,0\n1,2"),
        ({"query": "INSERT INTO t"}, b"FORMAT CSV\n1,2", "INSERT INTO t\n", b"1,2"),
        ({}, b"INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t ", b"1,2"),
        ({"query": "INSERT INTO t VALUES"}, b"(1)", "INSERT INTO t VALUES\n(1)", b""),
    ],
)
def test_statement_and_data(query: dict[str, str], body: bytes, sql: str, data: bytes) -> None:
    ask = understand(query, {}, "POST", body, ADA)
    assert (ask.statement.sql, ask.data) == (sql, data)


def test_get_only_reads() -> None:
    assert understand({"query": "SELECT 1"}, {}, "GET", b"", ADA).read_only


def test_blocks_are_an_answer_s_affair() -> None:
    assert understand({"query": "SELECT 1", "compress": "1"}, {}, "POST", b"", ADA).blocks
    for off in ({}, {"compress": "0"}, {"compress": "false"}, {"decompress": "1"}):
        assert not understand({"query": "SELECT 1", **off}, {}, "POST", b"", ADA).blocks


@pytest.mark.parametrize(("fmt", "kind"), [("JSON", "application/json"), ("JSONEachRow", "x-ndjson"), ("CSV", "csv"), ("Native", "octet")])
def test_content_type(fmt: str, kind: str) -> None:
    assert kind in understand({"query": f"SELECT 1 FORMAT {fmt}"}, {}, "POST", b"", ADA).content_type


@pytest.mark.parametrize("encoding", PREFERRED)
@given(pieces=st.lists(st.binary(max_size=5_000), max_size=5))
def test_packed_and_unpacked(encoding: str, pieces: list[bytes]) -> None:
    pack = packer(encoding)
    packed = b"".join(pack.feed(p) for p in pieces) + pack.end()
    assert unpack(packed, encoding, 1 << 20) == b"".join(pieces)


BOMB = b"\x00" * (8 << 20)
PACKED = {"lz4": lz4.frame.compress(BOMB), "zstd": zstandard.compress(BOMB), "gzip": gzip.compress(BOMB), "deflate": zlib.compress(BOMB)}


@pytest.mark.parametrize("encoding", PREFERRED)
def test_bombs_and_damage(encoding: str) -> None:
    with pytest.raises(TooLarge):
        unpack(PACKED[encoding], encoding, 1 << 20)
    with pytest.raises(Refused):
        unpack(b"not packed at all", encoding, 1 << 20)
    if encoding != "zstd":  # a zstd reader gives what it has; the statement's own format finds the missing end
        with pytest.raises(Refused):
            unpack(PACKED[encoding][:-10], encoding, 16 << 20)


def test_encodings_nobody_knows() -> None:
    with pytest.raises(Refused, match="snappy"):
        unpack(b"", "snappy", 1)
    assert unpack(b"x", "identity", 1) == b"x"
    assert choose("identity, br") == ""
