"""The last minutes of every series: what is answered from them is what was sent, or they say that they do not have it."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.clock import ManualClock
from kizashi.contracts.batches import ANOMALOUS, DUPLICATE, HISTORY, LATE, UNSCORED, ScoresBatch
from services.gateway.live import lately as module
from services.gateway.live.hot import AHEAD_MS, BEHIND_MS
from services.gateway.live.lately import BUCKETS, WIDTH_MS, Lately
from services.gateway.range_cache import NEVER
from services.gateway.times import Span

T0 = 1_800_000_000_000
NAN = float("nan")


class Log:
    """One partition with its clock; each message is one slice of the samples log."""

    def __init__(self) -> None:
        self.clock, self.followed, self.offset = ManualClock(T0), True, 0
        self.lately = Lately(self.clock, 1, lambda _: self.followed)

    def send(self, *rows: tuple[int, int, float], flags: int = 0, band: float = 1.0, offset: int | None = None) -> None:
        """Rows (series, time, value) whose score is a hundredth of the value."""
        n, values = len(rows), np.array([r[2] for r in rows], np.float64)
        f32, expected = values.astype(np.float32), np.full(len(rows), band, np.float32)
        self.offset = self.offset + 1 if offset is None else offset
        batch = ScoresBatch(
            "t", 0, self.clock.now_ms(), np.array([self.offset]), np.array([n], np.uint32), np.array([r[0] for r in rows], np.uint64),
            np.array([r[1] for r in rows], np.int64), values, f32 / np.float32(100), expected, expected - 1, expected + 1,
            np.full(n, flags, np.uint8), f32, f32,
        )  # fmt: skip
        self.lately.take(0, batch)

    def run(self, seconds: int, *series: int) -> None:
        """A row of each a second, its value the seconds since the beginning."""
        for _ in range(seconds):
            self.clock.advance(1)
            now_ms = self.clock.now_ms()
            self.send(*((s, now_ms, (now_ms - T0) / 1_000) for s in series))

    def columns(self, series: int, start_ms: int, step: int = WIDTH_MS, wide: bool = False) -> dict[str, list[float]]:
        found = self.lately.buckets([series], Span(start_ms, self.clock.now_ms() + 1), step, wide)
        return {name: column.tolist() for name, column in found.items()}


@pytest.fixture
def log() -> Log:
    return Log()


def test_buckets_hold_what_was_sent(log: Log) -> None:
    log.run(40, 7, 9)
    now_ms = log.clock.now_ms()
    log.send((9, now_ms + 1, 5.0), flags=ANOMALOUS, band=NAN)
    found = log.columns(9, T0 + 20_000)
    assert found["bucket"] == [T0 + 20_000, T0 + 30_000, T0 + 40_000] and found["rows"] == [10, 10, 2]
    assert found["value"] == [24.5, 34.5, 22.5] and found["low"] == [20, 30, 5] and found["high"] == [29, 39, 40]
    assert found["score"] == [0.29, 0.39, 0.4] and found["ts"] == [T0 + 20_000, T0 + 30_000, T0 + 40_000] and found["flags"] == [0, 0, 2]
    assert found["expected"][:2] == [1, 1] and np.isnan(found["expected"][2]), "a bucket of rows has no band when one of them has none"
    wide = log.columns(9, T0, 60_000, wide=True)
    assert wide["rows"] == [41] and wide["expected"] == [1.0] and wide["lower"] == [0.0]
    assert log.columns(8, T0) == {}


def test_it_is_whole_from_a_moment_after_its_partition_was_followed(log: Log) -> None:
    log.followed = False
    log.run(20, 7)
    assert log.lately.since() == NEVER and log.lately.holds([7], T0 + 60_000) == []
    log.followed = True
    log.run(50, 7)
    assert log.lately.since() == T0 + 21_000 + AHEAD_MS + 4_000
    assert log.lately.holds([7, 8], T0 + 30_000) == [7, 8], "of a series without a row, that there is none"
    assert log.lately.holds([7], T0 + 20_000) == []
    log.clock.advance(BEHIND_MS / 1_000 + 1)
    assert log.lately.holds([7], T0 + 30_000) == [] and log.lately.newest([7]) == {}, "quiet, or we are behind"
    log.run(1, 7)
    log.lately.restart()
    log.run(1, 7)
    assert log.lately.holds([7], T0 + 30_000) == [], "rows were missed"


@pytest.mark.parametrize("flags", [LATE, HISTORY, UNSCORED])
def test_a_row_that_may_not_count_ends_it_until_it_is_out_of_reach(log: Log, flags: int) -> None:
    log.run(60, 7, 9)
    log.send((7, T0 + 33_000, 0.0), flags=flags)
    assert log.lately.holds([7, 9], T0 + 30_000) == [9] and log.lately.holds([7, 9], T0 + 40_000) == [7, 9]
    newest = log.lately.newest([7])[7]
    assert newest == {"last_ms": T0 + 60_000, "value": 60, "score": 0.6, "expected": 1, "lower": 0, "upper": 2, "flags": 0}
    log.send((7, T0 + 60_000, 5.0), flags=flags)
    assert log.lately.newest([7, 9]).keys() == {9}, "which of them counts is the store's to say"


def test_a_flagged_repeat_does_not_count(log: Log) -> None:
    log.run(60, 9)
    log.send((9, T0 + 60_000, 5.0), flags=DUPLICATE)
    assert log.lately.holds([9], T0 + 30_000) == [9] and log.lately.newest([9])[9]["value"] == 60
    assert log.columns(9, T0 + 30_000)["rows"] == [10, 10, 10, 1]


def test_a_partition_without_rows_is_alive_while_its_time_is_told(log: Log) -> None:
    log.run(30, 7)
    for _ in range(60):
        log.clock.advance(1)
        log.send()
    assert log.lately.holds([7, 8], T0 + 30_000) == [7, 8] and log.lately.landed(7, {("t", 0): 91}) == T0 + 90_000


def test_a_clock_far_ahead_takes_nobody_elses_place(log: Log) -> None:
    log.run(60, 7, 9)
    log.send((9, log.clock.now_ms() + 300_000, 1.0))
    assert log.lately.holds([7, 9], T0 + 30_000) == [7]
    assert log.columns(7, T0 + 30_000)["rows"] == [10, 10, 10, 1] and log.lately.newest([7, 9]).keys() == {7}


def test_a_scorer_that_begins_again_is_heard_once(log: Log) -> None:
    log.run(30, 7)
    for offset in range(20, 31):
        log.send((7, T0 + offset * 1_000, float(offset)), offset=offset)
    log.run(10, 7)
    assert log.columns(7, T0 + 10_000)["rows"] == [10, 10, 10, 1]


def test_what_had_passed_by_when_the_store_came_so_far(log: Log) -> None:
    log.run(30, 7)
    assert log.lately.landed(7, {}) == 0 and log.lately.landed(7, {("other", 0): 99}) == 0
    assert log.lately.landed(7, {("t", 0): 21}) == T0 + 20_000, "all of messages up to 20 is in the store"
    assert log.lately.landed(7, {("t", 0): 99}) == T0 + 30_000, "what the store has beyond what we saw says nothing"


def test_what_is_out_of_reach_is_forgotten(log: Log) -> None:
    log.run(WIDTH_MS // 1_000 * (BUCKETS + 5), 7)
    now_ms = log.clock.now_ms()
    first_ms = (now_ms // WIDTH_MS + 2 - BUCKETS) * WIDTH_MS
    assert log.lately.since() == first_ms and log.lately.holds([7], first_ms - WIDTH_MS) == []
    assert set(log.columns(7, first_ms)["rows"][:-1]) == {10}
    log.send((7, T0, 5.0), flags=LATE)
    assert log.columns(7, first_ms)["low"][-1] >= 600, "history does not take the place of what is new"


def test_too_many_series_are_not_kept(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SERIES", 3)
    told: list[bool] = []
    log.lately = Lately(log.clock, 1, lambda _: True, lambda: told.append(log.lately.kept))
    log.run(WIDTH_MS // 1_000 * BUCKETS, 7, 9, 11)
    log.run(30, 9, 11, 13)
    assert log.lately.kept and log.lately.holds([13], log.clock.now_ms() // WIDTH_MS * WIDTH_MS) == [13], "one of them had gone"
    log.run(1, 7, 15)
    assert told == [False] and log.lately.since() == NEVER and log.lately.newest([9]) == {}
