"""The range cache against a store that is a function: cached or not, the answer is the same, and closed stretches are asked once."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.live.hot import AHEAD_MS
from services.gateway.native import Array
from services.gateway.range_cache import (
    BUCKETS,
    CALM_KEPT_MS,
    HEAD_BUCKETS,
    KEPT_MS,
    NEWEST_MS,
    RENEWED_MS,
    SETTLED_AFTER_MS,
    YOUNG_KEPT_MS,
    RangeCache,
    Stretch,
    kept_until,
)
from services.gateway.ranges import KEPT, STORE_BEHIND_MS, Asked, complete, cut, newest_rows, seam, shape, unsure_ms
from services.gateway.times import Span

SERIES: dict[int, dict[str, Any]] = {
    1: {"metric": "cpu", "labels": {"host": "a"}, "unit": "%"},
    2: {"metric": "mem", "labels": {}, "unit": ""},
}
STEP = 10
WIDTH = STEP * BUCKETS


def store(ids: list[int], span: Span, every: int) -> dict[str, Array]:
    """What the store would answer when each series has a row every ``every`` ms."""
    columns: dict[str, list[float]] = {"id": [], **{name: [] for name in KEPT}}
    for s in sorted(ids):
        for bucket in range(-(-span.start_ms // STEP) * STEP, span.end_ms, STEP):
            times = [t for t in range(bucket, bucket + STEP) if t % every == s % every]
            if times:
                row = {**dict.fromkeys(KEPT, float(s * bucket)), "id": s, "bucket": bucket, "rows": len(times), "ts": times[0], "flags": 0}
                for name, value in row.items():
                    columns[name].append(value)
    return {name: np.array(values, np.uint64 if name == "id" else np.float64) for name, values in columns.items()}


def ask(cache: RangeCache, series: list[int], span: Span, now_ms: int, every: int) -> tuple[dict[str, Any], int]:
    """As ``read_range`` does, with the store above; the answer and how many series-stretches were asked."""
    plan = cache.plan("a", series, STEP, span, now_ms)
    fresh = []
    for missing, ids in plan.missing.items():
        fresh.append(cut(store(ids, missing, every), "a", ids, STEP, missing))
        for key, columns in fresh[-1].items():
            cache.put(key, columns, now_ms, missing.start_ms)
    return shape(complete(plan, fresh), Asked("a", series, span, 600), STEP, SERIES), sum(map(len, fresh))


def test_the_last_bucket_says_how_many_rows_are_in_it() -> None:
    found, _ = ask(RangeCache(), [1, 2], Span(0, 1_000), 10_000_000, every=4)
    assert [series["last_rows"] for series in found["series"]] == [2, 3], "the times 990 to 999 that leave 1 and 2 when divided by 4"
    assert [s["last_rows"] for s in ask(RangeCache(), [1], Span(5, 6), 10_000_000, every=10_000)[0]["series"]] == [0]


SPANS = st.lists(
    st.tuples(st.integers(0, 20_000), st.integers(1, 10_000), st.sampled_from([[1], [2], [2, 1]]), st.integers(0, 4_000)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(SPANS, st.sampled_from([3, 10, 17]), st.one_of(st.integers(0, 2 * SETTLED_AFTER_MS), st.integers(NEWEST_MS, NEWEST_MS + 25_000)))
def test_cached_answers_equal_fresh_ones(questions: list[tuple[int, int, list[int], int]], every: int, now_ms: int) -> None:
    cache = RangeCache()
    for start, length, series, later_ms in questions:
        now_ms += later_ms
        span = Span(start, start + length)
        cached, _ = ask(cache, series, span, now_ms, every)
        fresh, _ = ask(RangeCache(), series, span, now_ms, every)
        assert cached == fresh


def test_settled_stretches_are_kept_for_minutes_and_young_ones_for_seconds() -> None:
    cache = RangeCache()
    now_ms = SETTLED_AFTER_MS + 2 * WIDTH
    span = Span(0, 4 * WIDTH)
    assert [ask(cache, [1], span, now_ms, 5)[1] for _ in range(3)] == [4, 0, 0]
    assert ask(cache, [1, 2], span, now_ms, 5)[1] == 4
    assert ask(cache, [1], span, now_ms + YOUNG_KEPT_MS, 5)[1] == 2
    old = cache.plan("a", [1], STEP, span, now_ms + KEPT_MS)
    assert old.missing == {} and old.ageing == {Span(0, 2 * WIDTH): [1]}  # the other two were settled when they were asked again
    assert ask(cache, [1], span, now_ms + KEPT_MS + RENEWED_MS, 5)[1] == 2
    assert cache.plan("b", [1], STEP, span, now_ms).have == {}


def test_the_newest_seconds_are_asked_each_time_and_nothing_but_them() -> None:
    cache = RangeCache()
    now_ms = NEWEST_MS + 10 * WIDTH + 2 * HEAD_BUCKETS * STEP + 1
    span = Span(0, 20 * WIDTH)
    ask(cache, [1], span, now_ms, 5)
    known_ms = 10 * WIDTH + 2 * HEAD_BUCKETS * STEP
    assert cache.plan("a", [1], STEP, span, now_ms).missing == {Span(known_ms, 20 * WIDTH): [1]}
    assert cache.plan("a", [1], STEP, Span(0, known_ms), now_ms).missing == {}
    later_ms = now_ms + HEAD_BUCKETS * STEP
    ask(cache, [1], span, later_ms, 5)
    assert cache.plan("a", [1], STEP, span, later_ms).missing == {Span(known_ms + HEAD_BUCKETS * STEP, 20 * WIDTH): [1]}


def test_of_a_followed_series_is_kept_what_has_landed_for_certain() -> None:
    assert unsure_ms(1_000) == 1_000 + NEWEST_MS + AHEAD_MS, "what came since may be that old"
    assert unsure_ms(-AHEAD_MS) == NEWEST_MS, "a sender's clock that is ahead keeps nothing that others would not"
    assert unsure_ms(10**9) == STORE_BEHIND_MS, "silent, or a store that is far behind"
    found = {"id": np.array([3, 3, 9], np.uint64), "ts": np.array([5, 17, 11])}
    assert newest_rows(found) == {3: 17, 9: 11} and newest_rows({}) == {}


def test_what_may_lack_a_late_row_lives_shorter_only_while_it_is_young() -> None:
    cache = RangeCache()
    now_ms = SETTLED_AFTER_MS + 2 * WIDTH
    for n in range(4):
        cache.put(("a", 1, STEP, n), np.empty((len(KEPT), 0)), now_ms, n * WIDTH, whole=False)
    plan = cache.plan("a", [1], STEP, Span(0, 4 * WIDTH), now_ms + YOUNG_KEPT_MS, lambda _: 0)
    assert plan.missing == {Span(2 * WIDTH, 4 * WIDTH): [1]}
    plan = cache.plan("a", [1], STEP, Span(0, 4 * WIDTH), now_ms + KEPT_MS, lambda _: 0)
    assert plan.ageing == {Span(0, 2 * WIDTH): [1]}


def test_what_is_young_lives_longer_while_nothing_comes_late() -> None:
    now_ms = NEWEST_MS + 10 * WIDTH
    span = Span(0, 5 * WIDTH)
    for since_ms, later_ms, kept, ageing in (
        (now_ms, YOUNG_KEPT_MS, True, False), (now_ms, CALM_KEPT_MS - 1, True, False), (now_ms, CALM_KEPT_MS, True, True),
        (now_ms, CALM_KEPT_MS + RENEWED_MS - 1, True, True), (now_ms, CALM_KEPT_MS + RENEWED_MS, False, False),
        (now_ms + 1, YOUNG_KEPT_MS, False, False), (now_ms + 1, YOUNG_KEPT_MS - 1, True, False),
    ):  # fmt: skip
        cache = RangeCache()
        ask(cache, [1], span, now_ms, 5)
        plan = cache.plan("a", [1], STEP, span, now_ms + later_ms, lambda _, since=since_ms: since)  # type: ignore[misc]  # bound now
        assert (plan.missing, plan.ageing) == ({} if kept else {span: [1]}, {span: [1]} if ageing else {})


def test_a_head_that_was_continued_does_not_live_longer() -> None:
    """Else a late row in it would never be seen while somebody keeps asking."""
    cache = RangeCache()
    now_ms = NEWEST_MS + 10 * WIDTH + 2 * HEAD_BUCKETS * STEP
    span = Span(10 * WIDTH, 11 * WIDTH)
    ask(cache, [1], span, now_ms, 5)
    for later_ms in range(0, YOUNG_KEPT_MS, HEAD_BUCKETS * STEP):
        ask(cache, [1], span, now_ms + later_ms, 5)
    assert cache.plan("a", [1], STEP, span, now_ms + YOUNG_KEPT_MS).missing == {span: [1]}


def test_what_others_asked_for_in_the_same_question_is_not_joined_to_our_head() -> None:
    cache = RangeCache()
    now_ms = NEWEST_MS + 10 * WIDTH + 2 * HEAD_BUCKETS * STEP
    span = Span(10 * WIDTH, 11 * WIDTH)
    ask(cache, [1], span, now_ms, 5)
    plan = cache.plan("a", [1, 2], STEP, span, now_ms)
    answers = [cut(store([1, 2], missing, 5), "a", [1, 2], STEP, missing) for missing in plan.missing]
    fresh, _ = ask(RangeCache(), [1, 2], span, now_ms, 5)
    assert len(answers) == 2 and shape(complete(plan, answers), Asked("a", [1, 2], span, 600), STEP, SERIES) == fresh


def test_an_answer_that_ends_before_what_is_certain_is_kept_whole() -> None:
    assert kept_until(70_000, 70_000, 10_000) == 70_000
    assert kept_until(70_000, 69_999, 10_000) == 40_000, "who asks in the same moments asks for the same rest"
    assert kept_until(30_000, 200_000, 10_000) == 30_000


def test_a_bucket_on_the_seam_holds_what_both_sides_hold() -> None:
    columns = dict.fromkeys(KEPT, 0.0) | {"bucket": 60_000.0}

    def stretch(rows: float, value: float, low: float, expected: float, flags: int, bucket: float = 60_000.0) -> Stretch:
        one = columns | {"rows": rows, "value": value, "low": low, "high": value, "expected": expected, "flags": flags, "bucket": bucket}
        return np.array([[one[name]] for name in KEPT], np.float64)

    left, right = stretch(6, 3.0, 1.0, 4.0, 2), np.hstack((stretch(2, 7.0, 2.0, np.nan, 64), stretch(1, 9.0, 9.0, 9.0, 0, 120_000.0)))
    both = dict(zip(KEPT, seam(left, right).tolist(), strict=True))
    assert both["bucket"] == [60_000, 120_000] and both["rows"] == [8, 1] and both["value"] == [4.0, 9.0]
    assert both["low"] == [1, 9] and both["high"] == [7, 9] and both["expected"] == [4, 9] and both["flags"] == [66, 0]
    assert seam(left, right[:, 1:]).shape[1] == 2 and np.array_equal(seam(left, right[:, :0]), left)


def test_missing_runs_become_one_question_each() -> None:
    cache = RangeCache()
    now_ms = SETTLED_AFTER_MS + 100 * WIDTH
    ask(cache, [1], Span(2 * WIDTH, 3 * WIDTH), now_ms, 5)
    plan = cache.plan("a", [1, 2], STEP, Span(0, 5 * WIDTH), now_ms)
    assert plan.missing == {Span(0, 2 * WIDTH): [1], Span(3 * WIDTH, 5 * WIDTH): [1], Span(0, 5 * WIDTH): [2]}


def test_memory_is_bounded() -> None:
    cache = RangeCache(limit=50_000)
    now_ms = SETTLED_AFTER_MS + 1_000 * WIDTH
    for n in range(50):
        ask(cache, [1, 2], Span(n * WIDTH, (n + 2) * WIDTH), now_ms, 5)
        assert cache.size <= 50_000


def test_rows_come_at_their_own_times_when_no_bucket_holds_two() -> None:
    raw, _ = ask(RangeCache(), [2, 1], Span(0, 100), 0, 20)
    assert raw["step_ms"] == 0 and [s["ts"] for s in raw["series"]] == [[2, 22, 42, 62, 82], [1, 21, 41, 61, 81]]
    buckets, _ = ask(RangeCache(), [1], Span(5, 95), 0, 5)
    assert buckets["step_ms"] == STEP and buckets["series"][0]["ts"] == list(range(0, 100, 10))
    empty, _ = ask(RangeCache(), [1], Span(0, 1), 0, 20)
    assert empty["series"][0]["ts"] == [] and empty["series"][0]["metric"] == "cpu"
