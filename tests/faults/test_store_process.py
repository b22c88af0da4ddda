"""The embedded server as a process: kill -9 in mid insert, a clean stop, a second process on the folder, memory at rest."""

from __future__ import annotations

import gzip
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from kizashi.errors import StoreUnavailable
from kizashi.standalone.clickhouse_blocks import Blocks, unpack_blocks
from kizashi.store.blocks import Block
from kizashi.store.client import connect
from kizashi.store.migrate import migrate
from tests.store_process import StoreProcess

pytestmark = pytest.mark.faults
ROWS = 5_000
IDLE_MIB = 500
"""The whole one-machine system may rest on 2 GB; this is the store's part of it."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path)
    process.start()
    yield process
    process.stop()


def block(number: int) -> Block:
    return Block(ROWS).constant("block", "UInt64", number).fixed("row", "UInt64", np.arange(ROWS))


def insert_until_dead(server: StoreProcess, first: int, killer: threading.Timer) -> tuple[int, int]:
    """Insert numbered blocks until the server is gone: the next number, and how many were acknowledged.

    The killer is let go when the first is acknowledged: a busy machine may take longer for it than the killer waits.
    """
    door = connect(server.settings)
    number = first
    try:
        while True:
            door.insert_block("blocks", block(number))
            number += 1
            if number == first + 1:
                killer.start()
    except StoreUnavailable:
        return number, number - first
    finally:
        door.close()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_kill_in_mid_insert_loses_no_acknowledged_block(server: StoreProcess, kills: int) -> None:
    seed = 20_261_125
    print(f"seed {seed}")
    chance = random.Random(seed)
    migrate(server.settings)
    door = connect(server.settings)
    door.command("CREATE TABLE blocks (block UInt64, row UInt64) ENGINE = MergeTree ORDER BY (block, row)")
    number, acknowledged = 0, set()
    for _ in range(kills):
        killer = threading.Timer(chance.uniform(0.2, 1.0), server.kill)
        first = number
        number, count = insert_until_dead(server, first, killer)
        assert count > 0
        killer.join()
        acknowledged |= set(range(first, number))
        number += 1  # the last one may have landed without its acknowledgement: never send that number again
        server.start()
        rows = door.query("SELECT block, count() FROM blocks GROUP BY block").rows
        assert acknowledged <= {int(b) for b, _ in rows}
        assert {int(n) for _, n in rows} == {ROWS}  # whole blocks only
    door.close()


def test_stops_cleanly_and_refuses_a_second_owner(server: StoreProcess, tmp_path: Path) -> None:
    second = StoreProcess(tmp_path)  # the same folder
    assert second.port != server.port
    with pytest.raises(AssertionError, match="is another Kizashi running on it"):
        second.start()
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 5
    server.start()


def test_rests_on_little_memory(server: StoreProcess) -> None:
    migrate(server.settings)
    door = connect(server.settings)
    for k in range(20):
        door.insert_block("current", Block(ROWS).fixed("series_id", "UInt64", np.arange(ROWS) + k))
    door.query("SELECT count() FROM v_current")
    door.close()
    resident = psutil.Process(server.pid).memory_info().rss >> 20
    print(f"store at rest: {resident} MiB")
    assert resident <= IDLE_MIB


def test_tables_in_default_survive_the_sealing_of_default(server: StoreProcess) -> None:
    door = connect(server.settings, "default")
    door.command("CREATE TABLE keep (a UInt8) ENGINE = MergeTree ORDER BY a")
    door.command("INSERT INTO keep VALUES (7)")
    for _ in range(2):
        server.kill()
        server.start()
        assert door.query("SELECT a FROM default.keep").rows == [(7,)]
        assert door.query("SELECT engine FROM system.databases WHERE name = 'default'").rows == [("Atomic",)]
    door.close()


def get(
    server: StoreProcess, query: dict[str, str], body: bytes = b"", headers: dict[str, str] | None = None, timeout: float = 20
) -> bytes:
    """One request as curl makes it."""
    url = f"http://127.0.0.1:{server.port}/?{urllib.parse.urlencode(query)}"
    known = {"X-ClickHouse-User": server.settings.user, "X-ClickHouse-Key": server.settings.password.get_secret_value()}
    with urllib.request.urlopen(urllib.request.Request(url, data=body or None, headers=known | (headers or {})), timeout=timeout) as answer:
        return bytes(answer.read())


def refused(server: StoreProcess, query: dict[str, str], body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and ClickHouse code of a request that fails."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(server, query, body, headers)
    with caught.value:
        return caught.value.code, str(caught.value.headers["X-ClickHouse-Exception-Code"])


def test_what_http_clients_may_rely_on(server: StoreProcess) -> None:
    assert get(server, {"query": "SELECT 1 AS a FORMAT JSONEachRow"}) == b'{"a":1}\n'
    assert get(server, {"query": "SELECT {x:String}", "param_x": "a'b"}) == b"a\\'b\n"
    assert get(server, {"default_format": "CSV"}, b"SELECT 1, 'x'") == b'1,"x"\n'
    assert (
        gzip.decompress(get(server, {"query": "SELECT 7", "enable_http_compression": "1"}, headers={"Accept-Encoding": "gzip"})) == b"7\n"
    )
    get(server, {}, b"CREATE TABLE default.c (a UInt8, b String) ENGINE = MergeTree ORDER BY a")
    get(server, {"query": "INSERT INTO default.c FORMAT CSV"}, gzip.compress(b"1,x\n2,y\n"), {"Content-Encoding": "gzip"})
    get(server, {"query": "INSERT INTO default.c VALUES"}, b"(3, 'z')")
    assert get(server, {"query": "SELECT count() FROM default.c"}) == b"3\n"
    for sql, status, code in (
        ("SELECT * FROM nothing", 404, "60"), ("SELECT 1 2 3", 400, "62"), ("SELECT * FROM file('/etc/passwd')", 403, "497"),
        ("SELECT * FROM `/etc/passwd`", 404, "60"), ("SELECT * FROM default.`/etc/passwd`", 404, "60"),
        ("SELECT 1 SETTINGS no_such_setting = 1", 404, "115"),
    ):  # fmt: skip
        assert refused(server, {}, sql.encode()) == (status, code), sql
    assert refused(server, {"query": "DROP TABLE default.c"})[0] in (403, 500)  # GET never writes
    assert get(server, {"query": "SELECT count() FROM default.c"}) == b"3\n"


def test_clickhouse_s_own_blocks_go_both_ways(server: StoreProcess) -> None:
    both = {"compress": "1", "decompress": "1"}
    get(server, {}, b"CREATE TABLE default.d (a UInt64) ENGINE = MergeTree ORDER BY a")
    rows = b"".join(b"%d\n" % n for n in range(200_000))
    assert get(server, {"query": "INSERT INTO default.d FORMAT TSV", **both}, Blocks().feed(rows)) == b""
    for asked in ({}, {"wait_end_of_query": "1"}):  # in pieces, and whole
        answer = get(server, {"query": "SELECT a FROM default.d ORDER BY a", "compress": "1", **asked})
        assert unpack_blocks(answer, 64 << 20) == rows and len(answer) < len(rows)
    assert get(server, {"query": "SELECT a FROM default.d ORDER BY a", "compress": "0"}) == rows
    twice = {"query": "SELECT 7", "compress": "1", "enable_http_compression": "1"}
    assert unpack_blocks(gzip.decompress(get(server, twice, headers={"Accept-Encoding": "gzip"})), 100) == b"7\n"
    damaged = bytearray(Blocks().feed(b"1\n"))
    damaged[3] ^= 1
    assert refused(server, {"query": "INSERT INTO default.d FORMAT TSV", **both}, bytes(damaged))[0] == 403
    assert get(server, {"query": "SELECT count() FROM default.d"}) == b"200000\n"


def test_a_session_remembers_what_was_set(server: StoreProcess) -> None:
    get(server, {"session_id": "s"}, b"SET max_block_size = 4242")
    assert get(server, {"session_id": "s"}, b"SELECT getSetting('max_block_size')") == b"4242\n"
    assert get(server, {"session_id": "t"}, b"SELECT getSetting('max_block_size')") != b"4242\n"


def test_bodies_and_results_are_bounded(server: StoreProcess) -> None:
    bomb = gzip.compress(b"\x00" * (300 << 20), 1)
    assert refused(server, {"query": "INSERT INTO system.one FORMAT RowBinary"}, bomb, {"Content-Encoding": "gzip"}) == (413, "210")
    assert refused(server, {"wait_end_of_query": "1"}, b"SELECT repeat('x', 1000) FROM numbers(1000000)")[1] == "396"
    assert refused(server, {}, b"SELECT groupArray(number) FROM numbers(300000000) FORMAT Null")[1] == "241"


def test_a_query_ends_with_its_reader(server: StoreProcess) -> None:
    with pytest.raises(TimeoutError):
        get(
            server,
            {"query_id": "left-alone", "wait_end_of_query": "1", "log_comment": "mine", "query_cache_tag": "of my own"},
            b"SELECT sum(sipHash64(number)) FROM numbers(100000000000)",
            timeout=1,
        )
    deadline = time.monotonic() + 15
    running = b"?"
    while running != b"0\n" and time.monotonic() < deadline:
        running = get(server, {}, b"SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'mine' AND query LIKE '%sipHash%'")
        time.sleep(0.1)
    assert running == b"0\n"


def test_readers_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "reader").write_text("read-only")
    server = StoreProcess(tmp_path)
    server.start("--reader", "grafana", "--reader-password-file", str(tmp_path / "reader"))
    try:
        who = {"X-ClickHouse-User": "grafana", "X-ClickHouse-Key": "read-only"}
        assert get(server, {}, b"SELECT 1", who) == b"1\n"
        assert get(server, {"max_threads": "1"}, b"SELECT 1", who) == b"1\n"
        for sql in (b"CREATE TABLE t (a UInt8) ENGINE = Memory", b"INSERT INTO t VALUES (1)", b"SET readonly = 0", b"KILL QUERY WHERE 1"):
            assert refused(server, {}, sql, who) == (403, "497"), sql
    finally:
        server.stop()
