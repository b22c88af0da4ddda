"""A search in memory gives what looking at every row would, in the same order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.series_index import Described, Search, SeriesIndex

NAMES = st.text("abAB-Ä", min_size=1, max_size=3)
ROWS = st.lists(st.tuples(st.integers(0, 40), NAMES, NAMES, NAMES), max_size=30)


def row(number: int, metric: str, host: str, service: str) -> Described:
    labels = {"host": host, "service": service}
    return {"id": f"{number:016x}", "metric": metric, "labels": labels, "unit": "", "kind": "gauge", "host": host, "service": service}


@given(ROWS, st.lists(NAMES, max_size=3), st.sampled_from(["", "a", "B"]), st.integers(1, 5), st.tuples(NAMES, st.integers(0, 40)))
def test_a_search_is_a_look_at_every_row(
    rows: list[tuple[int, str, str, str]], words: list[str], host: str, limit: int, after: tuple[str, int]
) -> None:
    index = SeriesIndex(100)
    index.add(row(*one) for one in rows)
    there = {one[0]: row(*one) for one in rows}
    wanted = [
        there[number]
        for metric, number in sorted((r["metric"], n) for n, r in there.items())
        if (metric, number) > after
        and (not host or there[number]["host"] == host)
        and all(w.lower() in " ".join((metric, *there[number]["labels"].values())).lower() for w in words)
    ]
    assert index.search(Search(tuple(words), host=host, limit=limit, after=after)) == wanted[:limit]


def test_what_is_told_again_differently_is_found_under_its_new_name() -> None:
    index = SeriesIndex(2)
    index.add([row(1, "cpu", "a", "s"), row(2, "mem", "b\nc", "s")])
    assert index.search(Search(("CPU",))) == [row(1, "cpu", "a", "s")] and index.search(Search(("c",)))[1]["metric"] == "mem"
    index.add([row(1, "disk", "a", "s")])
    assert index.search(Search(("cpu",))) == [] and len(index.search(Search(("disk",)))) == 1
    index.add([row(3, "net", "a", "s")])
    assert not index.whole and len(index) == 2
