"""The coarse tiers on the real store: whole buckets, repeats and late rows counted once."""

from __future__ import annotations

import time

import numpy as np
import pytest

from kizashi.store.blocks import Block
from kizashi.store.client import Store
from services.sink import tiers as module
from services.sink.tiers import SETTLED_S, Tiers

pytestmark = pytest.mark.pipeline
MINUTE_MS = 60_000
START = 1_700_000_040_000
"""The beginning of a minute."""


def insert(store: Store, ts: list[int], values: list[float], stored_s: list[int] | None = None) -> None:
    """Rows of series 1, as the sink writes them; ``stored_s`` stands for the store's clock, which stamps them otherwise."""
    n = len(ts)
    block = Block(n).constant("series_id", "UInt64", 1).fixed("ts", "DateTime64(3, 'UTC')", np.array(ts))
    block.fixed("value", "Float64", np.array(values)).constant("score", "UInt32", 500).constant("version", "UInt64", 1)
    if stored_s is not None:
        block.fixed("stored_at", "DateTime('UTC')", np.array(stored_s))
    store.insert_block("samples", block.constant("landed_at", "DateTime('UTC')", int(time.time())))


def roll(store: Store) -> None:
    """Roll when what was stored has settled: by the store's own clock, which rows are stamped with."""
    deadline = time.monotonic() + SETTLED_S + 15
    settled = f"SELECT count() FROM samples WHERE stored_at > now() - {SETTLED_S}"
    while store.query(settled).rows[0][0] and time.monotonic() < deadline:
        time.sleep(0.2)
    Tiers(store).roll()


def test_buckets_are_whole_and_late_rows_count_once(store: Store) -> None:
    insert(store, [START, START + 1_000, START + MINUTE_MS], [1.0, 3.0, 7.0])
    roll(store)
    minutes = "SELECT samples, mean, low, high, last, worst FROM samples_1m FINAL ORDER BY bucket"
    assert store.query(minutes).rows == [(2, 2.0, 1.0, 3.0, 3.0, 500), (1, 7.0, 7.0, 7.0, 7.0, 500)]
    insert(store, [START, START + 2_000], [1.0, 8.0])  # a repeat and a late row
    roll(store)
    assert store.query(minutes).rows == [(3, 4.0, 1.0, 8.0, 8.0, 500), (1, 7.0, 7.0, 7.0, 7.0, 500)]
    assert Tiers(store).roll() >= 0
    assert store.query(minutes).rows[0][0] == 3


def test_rows_of_many_buckets_at_once_leave_clean_buckets_alone(store: Store) -> None:
    """An import spreads over more buckets than live data: only those with new rows are computed again."""
    day = 86_400_000
    insert(store, [START, START + day], [1.0, 2.0])
    roll(store)
    made = store.query("SELECT bucket, made FROM samples_1m FINAL ORDER BY bucket").rows
    insert(store, [START + 1_000, START + 2 * day], [3.0, 4.0])
    roll(store)
    again = store.query("SELECT bucket, made, samples, mean FROM samples_1m FINAL ORDER BY bucket").rows
    assert [row[2:] for row in again] == [(2, 2.0), (1, 2.0), (1, 4.0)]
    assert again[0][1] > made[0][1] and again[1][1] == made[1][1]


def test_live_rows_of_the_last_minutes_are_rolled_up_once_and_late_ones_never_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sink's turns: rows two seconds after their time, a late one, and a step that is full just where a minute begins."""
    first = int(time.time()) // 60 * 60 - 300
    tiers = Tiers(store)

    def live(begin: int, end: int) -> None:
        """Rows stored in the seconds from ``begin`` to ``end`` after ``first``."""
        stored = [first + s for s in range(begin, end + 1)]
        insert(store, [(s - 2) * 1_000 for s in stored], [1.0] * len(stored), stored)

    def turn(until: int) -> dict[int, tuple[int, object]]:
        """Second of a minute's beginning, after ``first`` -> its samples and when they were counted."""
        tiers.roll(first + until + SETTLED_S)
        rows = store.query("SELECT toUnixTimestamp(bucket), samples, made FROM samples_1m FINAL ORDER BY bucket").rows
        return {int(b) - first: (int(n), made) for b, n, made in rows}

    live(-57, 20)
    one = turn(20)
    assert {b: n for b, (n, _) in one.items()} == {-60: 59}  # the open minute waits
    live(21, 80)
    two = turn(80)
    assert {b: n for b, (n, _) in two.items()} == {-60: 59, 0: 60}
    assert two[-60] == one[-60]  # rows of it that came behind its end were in the first turn
    insert(store, [(first - 10) * 1_000 + 500], [1.0], [first + 90])
    live(81, 140)
    three = turn(140)
    assert {b: n for b, (n, _) in three.items()} == {-60: 60, 0: 60, 60: 60}
    monkeypatch.setattr(module, "ROWS_A_STEP", 60)
    long_ago = first // 60 * 60 - 9 * 86_400
    insert(store, [long_ago * 1_000], [1.0], [first + 181])
    live(141, 200)
    four = turn(200)
    assert {b: n for b, (n, _) in four.items()} == {long_ago - first: 1, -60: 60, 0: 60, 60: 60, 120: 60, 180: 19}
