"""Which buckets a turn of the tiers computes: each row of live data once, late and future rows never left out."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from services.sink.tiers import ROWS_A_STEP, TIERS, Closed, Second, Span, next_span

MINUTE = TIERS[0]
T = 1_700_000_040
"""The beginning of a minute."""


def live(first: int, last: int, rows: int = 10) -> list[Second]:
    """Rows that come two seconds after their time, from ``first`` to ``last`` (seconds after T)."""
    return [Second(T + s, rows, T + s - 2, T + s - 2) for s in range(first, last + 1)]


def test_the_open_minute_waits_until_it_is_over() -> None:
    assert next_span(MINUTE, T - 60, T + 20, live(-59, 20), Closed()) == Span(T - 60, T, 800, T - 61, T, Closed(T, T + 20))
    assert next_span(MINUTE, T, T + 40, live(1, 40), Closed(T, T + 20)) is None


def test_what_was_computed_is_not_computed_again() -> None:
    again = next_span(MINUTE, T, T + 80, live(1, 80), Closed(T, T + 20))
    assert again is not None and (again.low, again.before, again.end) == (T, T + 60, T + 60)
    forgotten = next_span(MINUTE, T, T + 80, live(1, 80), Closed())  # another process rolled, or this one began anew
    assert forgotten is not None and forgotten.low == T - 1


def test_a_time_ahead_of_the_clock_is_not_left_behind() -> None:
    ahead = [*live(-59, -1), Second(T, 1, T - 2, T + 30), *live(1, 20)]
    span = next_span(MINUTE, T - 60, T + 20, ahead, Closed())
    assert span is not None and (span.end, span.before) == (T + 20, T + 60)


def test_an_import_is_cut_into_steps() -> None:
    day = 86_400
    import_ = [Second(T + k, ROWS_A_STEP - 1, T - 9 * day, T - day) for k in range(3)]
    span = next_span(MINUTE, T - 60, T + 20, import_, Closed())
    assert span is not None and span.end == T and span.rows == ROWS_A_STEP - 1
    assert next_span(MINUTE, T - 60, T + 20, [], Closed()) is None


def left_out(came: list[Second], turns: list[int]) -> list[Second]:
    """Those of ``came`` (one time each) that no turn at or after they came has computed; a turn is given by its ``until``."""
    computed: set[int] = set()
    done, closed = T - 60, Closed()
    for until in turns:
        while True:
            here = sorted({s.at for s in came if done < s.at <= until})
            mine = [[s for s in came if s.at == at] for at in here]
            seconds = [Second(k[0].at, sum(s.rows for s in k), min(s.low for s in k), max(s.high for s in k)) for k in mine]
            span = next_span(MINUTE, done, until, seconds, closed) if seconds else None
            if span is None:
                break
            first = span.low // 60 * 60
            computed |= {k for k, s in enumerate(came) if s.at <= until and first <= s.low and s.high < span.before}
            done, closed = span.end, span.closes
    return [s for k, s in enumerate(came) if k not in computed]


def test_a_step_that_ends_at_a_border_by_chance_closes_nothing_beyond_it() -> None:
    """The step is full just where a minute begins: a late row that comes next is not taken for computed."""
    full = Second(T, ROWS_A_STEP, T - 30, T - 1)
    late = Second(T + 1, 10, T - 9 * 86_400, T - 9 * 86_400)
    first = next_span(MINUTE, T - 60, T + 20, [full, late], Closed())
    assert first == Span(T - 60, T, ROWS_A_STEP, T - 30, T)
    assert next_span(MINUTE, T, T + 20, [late], first.closes) == Span(T, T + 1, 10, T - 9 * 86_400, T - 9 * 86_400 + 60)
    assert left_out([full, late], [T + 20, T + 80]) == []


@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from([0, 60, 120]), st.integers(0, 300)),
            st.one_of(st.integers(-400, 120), st.integers(-40, 0), st.just(-9 * 86_400)),
            st.sampled_from([1, 1, ROWS_A_STEP // 2, ROWS_A_STEP - 1, ROWS_A_STEP]),
        ),
        min_size=1,
        max_size=60,
    ),
    st.lists(st.integers(1, 70), max_size=8),
)
def test_every_row_is_in_a_bucket_that_is_computed_after_it_came(rows: list[tuple[int, int, int]], pauses: list[int]) -> None:
    """Rows (came, time - came, how many): after enough turns each has been in a computed bucket at a turn at or after it came."""
    came = [Second(T + c, n, T + c + late, T + c + late) for c, late, n in sorted(rows)]
    turns = list(accumulate([*pauses, 400, 70, 70, 400, 70], initial=T))[1:]
    assert left_out(came, turns) == []
