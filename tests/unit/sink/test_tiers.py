"""Which buckets a turn of the tiers computes: each row of live data once, late and future rows never left out."""

from __future__ import annotations

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
    assert next_span(MINUTE, T - 60, T + 20, live(-59, 20), Closed()) == Span(T - 60, T, 800, T - 61, T)
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


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(-400, 120)), min_size=1, max_size=60), st.lists(st.integers(1, 70), max_size=8))
def test_every_row_is_in_a_bucket_that_is_computed_after_it_came(rows: list[tuple[int, int]], pauses: list[int]) -> None:
    """Rows (came, time - came): after enough turns each has been in a computed bucket at a turn at or after it came."""
    came = sorted((T + c, T + c + late) for c, late in rows)
    computed: set[int] = set()
    done, until, closed = T - 60, T, Closed()
    for pause in [*pauses, 400, 70, 70, 400, 70]:
        until += pause
        while True:
            mine = {s: [e for c, e in came if c == s] for s in sorted({c for c, _ in came if done < c <= until})}
            seconds = [Second(s, len(e), min(e), max(e)) for s, e in mine.items()]
            span = next_span(MINUTE, done, until, seconds, closed) if seconds else None
            if span is None:
                break
            first = span.low // 60 * 60
            computed |= {k for k, (c, e) in enumerate(came) if c <= until and first <= e < span.before}
            closed = Closed(span.end, until) if span.before == span.end else Closed()
            done = span.end
    assert computed == set(range(len(came)))
