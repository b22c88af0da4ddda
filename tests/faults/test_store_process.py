"""The embedded server as a process: kill -9 in mid insert, a clean stop, a second process on the folder, memory at rest."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from kizashi.errors import StoreUnavailable
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


def insert_until_dead(server: StoreProcess, first: int) -> tuple[int, int]:
    """Insert numbered blocks until the server is gone: the next number, and how many were acknowledged."""
    door = connect(server.settings)
    number = first
    try:
        while True:
            door.insert_block("blocks", block(number))
            number += 1
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
        timer = threading.Timer(chance.uniform(0.2, 1.0), server.kill)
        timer.start()
        first = number
        number, count = insert_until_dead(server, first)
        timer.join()
        assert count > 0
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
