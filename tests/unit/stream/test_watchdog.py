"""The watchdog calls standing still what it is, and nothing else."""

from __future__ import annotations

from kizashi.clock import ManualClock
from kizashi.stream.watchdog import BACKLOG, STARVED_AFTER_S, STUCK_AFTER_S, Watchdog

TP = ("in", 0)


def make(at: dict[tuple[str, int], int], ends: dict[tuple[str, int], int]) -> tuple[Watchdog, ManualClock]:
    clock = ManualClock()
    return Watchdog(lambda: at, lambda: ends, exit_process=lambda _: None, monotonic_s=clock.monotonic_s), clock


def test_flat_with_lag_is_stuck() -> None:
    dog, clock = make({TP: 5}, {TP: 9})
    assert dog.look() == []
    clock.advance(STUCK_AFTER_S + 1)
    assert dog.look() == [TP]


def test_flat_without_lag_or_moving_is_not() -> None:
    at, ends = {TP: 9}, {TP: 9}
    dog, clock = make(at, ends)
    dog.look()
    clock.advance(STUCK_AFTER_S + 1)
    assert dog.look() == []
    ends[TP] = 20
    at[TP] = 10
    assert dog.look() == []


def test_what_comes_after_a_long_silence_has_its_time_like_any_other() -> None:
    at, ends = {TP: 9}, {TP: 9}
    dog, clock = make(at, ends)
    dog.look()
    clock.advance(10 * STUCK_AFTER_S)
    ends[TP] = 10
    assert dog.look() == [], "it came since the last look"
    clock.advance(STUCK_AFTER_S)
    assert dog.look() == []
    clock.advance(1.0)
    assert dog.look() == [TP]


def test_a_partition_behind_the_backlog_of_another_gets_more_time() -> None:
    busy = ("in", 1)
    at, ends = {TP: 5, busy: 0}, {TP: 9, busy: 10 * BACKLOG}
    dog, clock = make(at, ends)
    dog.look()
    for _ in range(4):
        clock.advance(STUCK_AFTER_S + 1)
        at[busy] += 1
        assert dog.look() == []
    clock.advance(STARVED_AFTER_S - 4 * STUCK_AFTER_S)
    at[busy] += 1
    assert dog.look() == [TP]


def test_a_burst_that_nobody_takes_gives_no_more_time() -> None:
    quiet = ("in", 1)
    at, ends = {TP: 5, quiet: 0}, {TP: 6, quiet: 0}
    dog, clock = make(at, ends)
    dog.look()
    clock.advance(STUCK_AFTER_S - 1)
    ends[quiet] = 10 * BACKLOG
    assert dog.look() == []
    clock.advance(2.0)
    assert dog.look() == [TP], "nothing moves"


def test_a_partition_that_stands_still_beside_ones_without_backlog_is_stuck() -> None:
    idle = ("in", 1)
    at, ends = {TP: 5, idle: 0}, {TP: 9, idle: 1}
    dog, clock = make(at, ends)
    dog.look()
    clock.advance(STUCK_AFTER_S + 1)
    at[idle] = ends[idle] = 2
    assert dog.look() == [TP]


def test_a_broker_that_cannot_be_asked_is_unknown_not_lag() -> None:
    clock = ManualClock()
    answers = iter([{TP: 9}, None, {TP: 9}])

    def ends() -> dict[tuple[str, int], int]:
        answer = next(answers)
        if answer is None:
            raise ConnectionError("down")
        return answer

    dog = Watchdog(lambda: {TP: 5}, ends, exit_process=lambda _: None, monotonic_s=clock.monotonic_s)
    dog.look()
    clock.advance(STUCK_AFTER_S + 1)
    assert dog.look() == []
    clock.advance(STUCK_AFTER_S - 1)
    assert dog.look() == []


def test_a_partition_given_away_is_forgotten() -> None:
    at = {TP: 5}
    dog, clock = make(at, {TP: 9})
    dog.look()
    at.clear()
    clock.advance(STUCK_AFTER_S + 1)
    assert dog.look() == []
    at[TP] = 5
    assert dog.look() == []
