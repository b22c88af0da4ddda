"""The newest row of each series in a flush, whatever the order of its times."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.sink.score_rows import newest


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.booleans()), max_size=60), st.booleans())
def test_newest_is_the_last_of_the_latest_rows_of_each_series(rows: list[tuple[int, int, bool]], rising: bool) -> None:
    """Ids with the same low bits share a place in the table; times may rise, as they do in timely rows, or not."""
    ids = np.array([low + (1 << 40) * other for low, _, other in rows], np.uint64)
    ts = np.array([k if rising else at for k, (_, at, _) in enumerate(rows)], np.int64)
    wanted: dict[int, int] = {}
    for k, series in enumerate(ids.tolist()):
        if series not in wanted or ts[k] >= ts[wanted[series]]:
            wanted[series] = k
    assert newest(ids, ts).tolist() == [k for _, k in sorted(wanted.items())]
