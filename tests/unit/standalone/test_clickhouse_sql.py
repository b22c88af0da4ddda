"""Where a statement ends and its data begin."""

from __future__ import annotations

import pytest

from kizashi.errors import Refused
from kizashi.standalone.clickhouse_sql import HEAD_BYTES, parse


@pytest.mark.parametrize(
    ("raw", "sql", "fmt", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2\n", "INSERT INTO t ", "CSV", b"1,2\n"),
        (b"INSERT INTO t (a) FORMAT Native \n\x00\xff", "INSERT INTO t (a) ", "Native", b"\x00\xff"),
        (b"insert into t settings x = 1 format TSV\n\na", "insert into t settings x = 1 ", "TSV", b"\na"),
        (b"INSERT INTO t FORMAT JSONEachRow {}", "INSERT INTO t ", "JSONEachRow", b"{}"),
        (b"INSERT INTO t FORMAT CSV", "INSERT INTO t ", "CSV", b""),
    ],
)
def test_data_behind_an_insert(raw: bytes, sql: str, fmt: str, data: bytes) -> None:
    statement = parse(raw)
    assert (statement.sql, statement.format) == (sql, fmt)
    assert statement.data_at is not None
    assert raw[statement.data_at :] == data


@pytest.mark.parametrize(
    ("raw", "fmt"),
    [
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 FORMAT JSON;", "JSON"),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
        (b"SELECT format FROM t", ""),
        (b"SELECT 'FORMAT JSON'", ""),
        (b"INSERT INTO t SELECT format FROM u", ""),
    ],
)
def test_format_of_a_query(raw: bytes, fmt: str) -> None:
    assert parse(raw).format == fmt
    assert parse(raw).data_at is None


def test_verb_looks_through_parentheses_and_comments() -> None:
    assert parse(b"/* x */ -- y\n ((select 1))").verb == "SELECT"


def test_long_statements_are_refused() -> None:
    with pytest.raises(Refused, match="bytes"):
        parse(b"SELECT " + b"1 + " * HEAD_BYTES + b"1")


def test_damaged_text_is_refused() -> None:
    with pytest.raises(Refused, match="UTF-8"):
        parse(b"SELECT '\xff'")


def test_a_statement_that_comes_again_is_taken_apart_once_and_data_never_kept() -> None:
    asked = b"SELECT value FROM samples WHERE series_id IN {ids:Array(UInt64)} FORMAT Native"
    assert parse(asked) is parse(bytes(bytearray(asked)))
    data = b"insert into t format TSV\n1"
    assert parse(data) == parse(bytes(bytearray(data))) and parse(data) is not parse(data)
    for _ in range(2):
        with pytest.raises(Refused):
            parse(b"SELECT 1; SELECT 2")
