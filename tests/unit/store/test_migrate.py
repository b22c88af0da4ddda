"""Rendering of the canonical text for one node and for a cluster; files that were edited, left out or are newer."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import sqlglot

from kizashi.errors import ConfigurationError
from kizashi.store.migrate import LEDGER, read_migrations, render, statements


def test_files_are_numbered_and_the_views_come_last() -> None:
    found = read_migrations()
    assert [m.number for m in found[:-1]] == list(range(1, len(found)))
    assert found[-1].name == "views"


def test_one_node_text_is_the_canonical_text() -> None:
    (text,) = render("CREATE TABLE IF NOT EXISTS t\n(a UInt8)\nENGINE = MergeTree\nORDER BY a\n/* shard: a */", "k")
    assert text == "CREATE TABLE IF NOT EXISTS t\n(a UInt8)\nENGINE = MergeTree\nORDER BY a"


def every_statement() -> list[str]:
    return [s for m in read_migrations() for s in statements(m.text)] + [LEDGER]


@pytest.mark.parametrize("statement", every_statement(), ids=lambda s: " ".join(s.split()[:6]))
def test_every_statement_renders_for_a_cluster(statement: str) -> None:
    """A one-node machine cannot run cluster SQL: it is rendered and parsed, not executed."""
    for text in render(statement, "k", "prod"):
        assert "ON CLUSTER 'prod'" in text
        assert "{database}" not in text.replace("{database}.", "k.")
        if text.startswith("CREATE TABLE"):
            sqlglot.parse_one(text, dialect="clickhouse")
            assert re.search(
                r"ENGINE = (Replicated\w+\('/clickhouse/tables/\{shard\}/k/\w+', '\{replica\}'|Distributed\('prod', 'k')", text
            )


def test_replicated_tables_keep_their_version_column() -> None:
    local, front = render(
        "CREATE TABLE IF NOT EXISTS t\n(a UInt8, v UInt8)\nENGINE = ReplacingMergeTree(v)\nORDER BY a\n/* shard: cityHash64(a) */", "k", "c"
    )
    assert "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/k/t', '{replica}', v)" in local
    assert front == "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'c' AS t_local\nENGINE = Distributed('c', 'k', 't_local', cityHash64(a))"


def test_an_alter_reaches_both_tables() -> None:
    assert render("ALTER TABLE t ADD COLUMN c UInt8", "k", "c") == [
        "ALTER TABLE t_local ON CLUSTER 'c' ADD COLUMN c UInt8",
        "ALTER TABLE t ON CLUSTER 'c' ADD COLUMN c UInt8",
    ]


@pytest.mark.parametrize("statement", ["CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = MergeTree ORDER BY a", "OPTIMIZE TABLE t"])
def test_what_has_no_cluster_form_is_refused(statement: str) -> None:
    with pytest.raises(ConfigurationError):
        render(statement, "k", "c")


def test_statements_leave_comments_out() -> None:
    assert list(statements("-- one; two;\nSELECT ';'\n  -- x\n;\nSELECT 2;\n")) == ["SELECT ';'", "SELECT 2"]


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "0003_b.sql"):
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(ConfigurationError, match="not numbered"):
        read_migrations(tmp_path)


def test_line_ends_do_not_change_the_checksum() -> None:
    first = read_migrations()[0]
    assert dataclasses.replace(first, text=first.text.replace("\n", "\r\n")).checksum == first.checksum
    assert dataclasses.replace(first, text=first.text + " ").checksum != first.checksum
