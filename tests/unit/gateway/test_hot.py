"""Rows that are followed: what is answered from them is whole, or they say that it is not."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.clock import ManualClock
from kizashi.contracts.batches import DUPLICATE, F32, LATE, ScoresBatch
from services.gateway.live import hot
from services.gateway.live.hot import AHEAD_MS, BEHIND_MS, FORGET_S, KEEP_MS, MOST_ROWS, MOST_SERIES, ORDERLY, TIDY_S, HotRows
from services.gateway.range_cache import NEVER, NEWEST_MS
from services.gateway.times import Span

T0 = 1_800_000_000_000


def batch(now_ms: int, *rows: tuple[int, int, float], flags: int = 0) -> ScoresBatch:
    """Rows (series, time, value) with score value / 100 and a band of one."""
    n = len(rows)
    values = np.array([r[2] for r in rows], np.float64)
    f32 = values.astype(np.float32)
    score: F32 = (f32 / 100).astype(np.float32)
    return ScoresBatch(
        "t", 0, now_ms, np.zeros(1, np.int64), np.array([n], np.uint32), np.array([r[0] for r in rows], np.uint64),
        np.array([r[1] for r in rows], np.int64), values, score, f32, f32 - 1, f32 + 1, np.full(n, flags, np.uint8), f32, f32,
    )  # fmt: skip


class Tail:
    """A reader of two partitions, with its clock."""

    def __init__(self) -> None:
        self.clock, self.followed, self.changes = ManualClock(T0), True, 0
        self.hot = HotRows(self.clock, 2, lambda _: self.followed, self.changed)

    def changed(self) -> None:
        self.changes += 1

    def pass_by(self, seconds: float, *series: int) -> None:
        """A row of each series a second, its value the seconds since the beginning."""
        for _ in range(round(seconds)):
            self.clock.advance(1)
            now_ms = self.clock.now_ms()
            for partition in {s % 2 for s in series}:
                mine = [(s, now_ms, (now_ms - T0) / 1_000) for s in series if s % 2 == partition]
                self.hot.take(partition, batch(now_ms, *mine))

    def values(self, series: int, start_ms: int, step: int = 1_000) -> list[float]:
        found = self.hot.buckets([series], Span(start_ms, self.clock.now_ms() + 1), step)
        return found["value"].tolist() if found else []


@pytest.fixture
def tail() -> Tail:
    return Tail()


def test_a_charted_series_is_whole_from_a_moment_after_it_was_wanted(tail: Tail) -> None:
    assert tail.hot.since(2) == NEVER
    tail.hot.want([2], charted=True)
    assert tail.hot.since(2) == T0 + AHEAD_MS and tail.hot.wanted == {0} and tail.changes == 1
    tail.pass_by(ORDERLY - 1, 2)
    assert tail.hot.since(2) == T0 + AHEAD_MS and not tail.hot.rely(2, T0)
    tail.pass_by(31 - ORDERLY, 2)
    assert tail.hot.holds(2, T0 + 1_000) and not tail.hot.holds(2, T0 + 999) and not tail.hot.holds(4, T0 + AHEAD_MS)
    assert tail.values(2, T0 + 25_000) == [25, 26, 27, 28, 29, 30]


def test_nothing_is_whole_before_the_partition_is_read_up_to_its_end(tail: Tail) -> None:
    tail.followed = False
    tail.hot.want([2], charted=True)
    assert tail.hot.since(2) == NEVER
    tail.pass_by(10, 2)
    tail.followed = True
    assert tail.hot.since(2) == T0 + 10_000 + AHEAD_MS


def test_a_late_row_begins_a_series_anew(tail: Tail) -> None:
    tail.hot.want([2, 4], charted=True)
    assert tail.hot.since(2) == tail.hot.since(4)
    tail.pass_by(40, 2, 4)
    now_ms = tail.clock.now_ms()
    tail.hot.take(0, batch(now_ms, (2, now_ms - NEWEST_MS, 0.0)))
    assert tail.hot.since(2) == T0 + AHEAD_MS, "as late as a chart's newest buckets are young"
    tail.hot.take(0, batch(now_ms, (2, now_ms - NEWEST_MS - 1, 0.0)))
    assert tail.hot.since(2) == now_ms + AHEAD_MS and tail.hot.since(4) == T0 + 1_000


def test_a_row_from_before_what_was_relied_on_is_late_however_young(tail: Tail) -> None:
    tail.hot.want([2, 4], charted=True)
    assert tail.hot.since(2) == tail.hot.since(4)
    tail.pass_by(10, 2, 4)
    now_ms = tail.clock.now_ms()
    assert tail.hot.rely(2, now_ms - 2_000) and tail.hot.rely(4, now_ms - 2_000) and not tail.hot.rely(6, now_ms)
    tail.hot.take(0, batch(now_ms, (2, now_ms - 1_500, 0.0), (4, now_ms - 2_001, 0.0)))
    assert tail.hot.since(2) == T0 + AHEAD_MS, "not in order, but nobody relied on that"
    assert tail.hot.since(4) == now_ms + AHEAD_MS and tail.values(4, T0) == []
    tail.pass_by(10, 2, 4)
    assert not tail.hot.rely(2, now_ms) and not tail.hot.rely(4, now_ms), "never again"


def test_what_was_missed_is_never_taken_for_nothing(tail: Tail) -> None:
    tail.hot.want([2], charted=True)
    tail.hot.since(2)
    tail.pass_by(20, 2)
    tail.hot.restart()
    assert tail.hot.since(2) == T0 + 20_000 + AHEAD_MS and tail.values(2, T0) == []


def test_a_quiet_partition_or_one_that_we_are_behind_in_is_asked_of_the_store(tail: Tail) -> None:
    tail.hot.want([2, 3], charted=True)
    assert tail.hot.since(2) == tail.hot.since(3) == T0 + AHEAD_MS
    tail.pass_by(20, 2)
    start_ms = T0 + 10_000
    assert tail.hot.holds(2, start_ms) and not tail.hot.holds(3, start_ms)
    tail.hot.take(1, batch(tail.clock.now_ms() - BEHIND_MS - 1, (3, tail.clock.now_ms(), 1.0)))
    assert not tail.hot.holds(3, start_ms) and tail.hot.newest([3]) == {}
    tail.clock.advance(BEHIND_MS / 1_000 + 1)
    assert not tail.hot.holds(2, start_ms) and tail.hot.newest([2]) == {}


def test_one_time_counts_once_and_a_repeat_not_at_all(tail: Tail) -> None:
    tail.hot.want([2], charted=True)
    now_ms = tail.clock.now_ms()
    tail.hot.take(0, batch(now_ms, (2, now_ms, 9.0), flags=DUPLICATE))
    tail.hot.take(0, batch(now_ms, (2, now_ms, 1.0), (2, now_ms + 1, 3.0)))
    tail.hot.take(0, batch(now_ms, (2, now_ms, 1.0), (2, now_ms + 1, 3.0)))  # the scorer started again
    found = tail.hot.buckets([2], Span(now_ms, now_ms + 10), 1_000)
    assert found["rows"].tolist() == [2] and found["value"].tolist() == [2.0] and found["flags"].tolist() == [0]
    assert found["ts"].tolist() == [now_ms] and found["low"].tolist() == [1.0] and found["high"].tolist() == [3.0]


def test_rows_older_than_any_question_are_let_go(tail: Tail) -> None:
    tail.hot.want([2], charted=True)
    tail.hot.since(2)
    for _ in range(4):
        tail.hot.want([2], charted=True)
        tail.pass_by(FORGET_S - TIDY_S, 2)
    now_ms = tail.clock.now_ms()
    kept = tail.values(2, 0)
    assert KEEP_MS / 1_000 <= len(kept) <= KEEP_MS / 1_000 + TIDY_S + 1
    assert tail.hot.holds(2, now_ms - KEEP_MS) and not tail.hot.holds(2, now_ms - KEEP_MS - 1)


def test_a_series_that_is_too_fast_is_whole_only_as_far_as_it_is_kept(tail: Tail) -> None:
    tail.hot.want([2], charted=True)
    tail.hot.since(2)
    tail.clock.advance(30)
    now_ms = tail.clock.now_ms()
    tail.hot.take(0, batch(now_ms, *((2, now_ms - MOST_ROWS + n, float(n)) for n in range(MOST_ROWS + 1))))
    kept = tail.values(2, 0, step=1)
    assert kept == [float(n) for n in range((MOST_ROWS + 1) // 2, MOST_ROWS + 1)]
    assert tail.hot.since(2) == now_ms - MOST_ROWS + (MOST_ROWS + 1) // 2


def test_series_that_nobody_asks_about_are_let_go(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    tail.hot.want([2, 3], charted=True)
    tail.pass_by(FORGET_S - 1, 2, 3)
    tail.hot.want([2], charted=True)
    tail.pass_by(TIDY_S + 2, 2, 3)
    assert tail.hot.since(3) == NEVER and tail.hot.since(2) != NEVER and tail.hot.wanted == {0}
    monkeypatch.setattr(hot, "MOST_SERIES", 3)
    tail.hot.want([4, 6], charted=True)
    tail.hot.want([2, 8], charted=True)
    assert [s for s in (2, 4, 6, 8) if tail.hot.since(s) != NEVER] == [2, 6, 8]
    assert MOST_SERIES > 500, "one range may ask for fifty"


def test_the_newest_row_is_the_last_that_is_neither_late_nor_a_repeat(tail: Tail) -> None:
    for charted in (False, True):
        tail.hot.want([2], charted=charted)
        now_ms = tail.clock.now_ms()
        tail.hot.take(0, batch(now_ms, (2, now_ms - 2, 0.1), (2, now_ms - 1, 0.3)))
        tail.hot.take(0, batch(now_ms, (2, now_ms - 3, 7.0), flags=LATE))
        tail.hot.take(0, batch(now_ms, (2, now_ms - 1, 7.0), flags=DUPLICATE))
        found = {"last_ms": now_ms - 1, "value": 0.3, "score": 0.003, "expected": 0.3, "lower": -0.7, "upper": 1.3, "flags": 0}
        assert tail.hot.newest([2, 4]) == {2: found}
        tail.clock.advance(1)
    assert tail.hot.since(4) == NEVER


@pytest.mark.parametrize("charted", [False, True])
def test_a_series_that_begins_to_come_late_is_not_shown_as_it_was(tail: Tail, charted: bool) -> None:
    tail.hot.want([2], charted=charted)
    now_ms = tail.clock.now_ms()
    tail.hot.take(0, batch(now_ms, (2, now_ms - 10_000, 1.0)))
    assert tail.hot.newest([2])[2]["value"] == 1.0
    tail.clock.advance(6)
    tail.hot.take(0, batch(tail.clock.now_ms(), (2, tail.clock.now_ms() - NEWEST_MS - 1, 2.0)))
    assert tail.hot.newest([2]) == {}, "the store has it"


def test_a_scorer_that_begins_again_takes_no_list_back(tail: Tail) -> None:
    tail.hot.want([2], charted=True)
    now_ms = tail.clock.now_ms()
    tail.hot.take(0, batch(now_ms, (2, now_ms - 2, 1.0), (2, now_ms - 1, 2.0)))
    tail.hot.take(0, batch(now_ms, (2, now_ms - 2, 1.0)))
    assert tail.hot.newest([2])[2]["value"] == 2.0


def test_searches_do_not_push_out_the_charts(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "MOST_LISTED", 2)
    tail.hot.want([2], charted=True)
    tail.hot.want([4, 6, 8], charted=False)
    tail.pass_by(1, 2, 4, 6, 8)
    assert tail.hot.since(2) != NEVER and set(tail.hot.newest([2, 4, 6, 8])) == {2, 6, 8}
    tail.hot.want([6, 8], charted=True)
    tail.hot.want([4, 10], charted=False)
    tail.pass_by(1, 2, 4, 6, 8, 10)
    assert set(tail.hot.newest([2, 4, 6, 8, 10])) == {2, 4, 6, 8, 10}


def test_rows_of_a_list_are_not_rows_of_a_chart(tail: Tail) -> None:
    """Only the newest of them is kept."""
    tail.hot.want([2], charted=False)
    tail.pass_by(20, 2)
    assert tail.hot.since(2) == NEVER and tail.values(2, 0) == [20]
    tail.hot.want([2], charted=True)
    assert tail.hot.since(2) == T0 + 20_000 + AHEAD_MS
    tail.hot.want([2], charted=False)
    assert tail.hot.since(2) != NEVER, "somebody's list takes nothing from somebody's chart"
