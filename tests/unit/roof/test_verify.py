"""What ``kizashi verify`` calls exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.roof.verify import Check, FileSeries, compare, first_of_each

times = st.lists(st.integers(0, 30), min_size=1, max_size=40)


@given(times)
def test_the_stored_first_values_are_exact(ts: list[int]) -> None:
    arrived = np.array(ts, np.int64), np.arange(len(ts), dtype=np.float64)
    wanted = first_of_each(*arrived)
    order = np.random.default_rng(1).permutation(len(wanted[0]))
    check = Check("f")
    compare(check, wanted, (wanted[0][order], wanted[1][order]))
    assert check.exact
    assert dict(zip(*wanted, strict=True)) == {t: ts.index(t) for t in set(ts)}


@given(times, st.data())
def test_every_difference_is_seen(ts: list[int], data: st.DataObject) -> None:
    wanted = first_of_each(np.array(ts, np.int64), np.arange(len(ts), dtype=np.float64))
    at = data.draw(st.integers(0, len(wanted[0]) - 1))
    kept = np.arange(len(wanted[0])) != at
    lost, more, twice, wrong = Check("f"), Check("f"), Check("f"), Check("f")
    compare(lost, wanted, (wanted[0][kept], wanted[1][kept]))
    compare(more, wanted, (np.append(wanted[0], 99), np.append(wanted[1], 0.0)))
    compare(twice, wanted, (np.append(wanted[0], wanted[0][at]), np.append(wanted[1], wanted[1][at])))
    compare(wrong, wanted, (wanted[0], np.where(kept, wanted[1], wanted[1] + 1)))
    assert (lost.missing, more.extra, twice.twice, wrong.other_value) == (1, 1, 1, 1)
    assert not any(c.exact for c in (lost, more, twice, wrong))


def test_a_file_is_read_as_send_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "cpu.csv"
    file.write_text("timestamp,value,host\n1700000000,1,a\n1700000000,2,a\n1700000000,3,b\n1700000060,,a\n")
    found = FileSeries(file, "", "default")
    assert (found.rows, len(found.wanted), sum(len(t) for t, _ in found.wanted.values())) == (3, 2, 2)
