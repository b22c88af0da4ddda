"""A tenant's series in memory: found as the store finds them, news come, a tenant that is too large is asked of the store."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.clock import ManualClock
from kizashi.contracts.ids import format_series_id
from kizashi.errors import Recoverable
from services.gateway import catalog
from services.gateway.answers import Answers
from services.gateway.catalog import Catalog
from services.gateway.series_index import Search, SeriesIndex


def row(number: int, metric: str = "cpu", service: str = "", host: str = "", seen_ms: int = 0) -> dict[str, Any]:
    labels = {"service": service, "host": host}
    return {"id": format_series_id(number), "metric": metric, "labels": labels, "service": service, "host": host, "seen_ms": seen_ms}


class Store:
    """Answers the catalog's statements from a list of rows, as the store would; counts them by name."""

    def __init__(self) -> None:
        self.rows_: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.away = False

    async def rows(self, tenant: str, statement: Any, values: Any) -> list[dict[str, Any]]:
        self.asked.append(statement.name)
        await asyncio.sleep(0)
        if self.away:
            raise Recoverable("away")
        rows = sorted((dict(r) for r in self.rows_), key=lambda r: (r["metric"], r["id"]))
        match statement.name:
            case "series.all":
                after = values["after_metric"], format_series_id(values["after_id"])
                return [r for r in rows if (r["metric"], r["id"]) > after][: values["limit"]]
            case "series.announced":
                return [r for r in rows if r["seen_ms"] > values["since"]][: values["limit"]]
            case "series.describe":
                return [r for r in rows if int(r["id"], 16) in values["ids"]]
            case "series.search":
                return [r for r in rows if values["service"] in ("", r["service"])][: values["limit"]]
        raise AssertionError(statement.name)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000_000)


@pytest.fixture
def kept(store: Store, clock: ManualClock) -> Catalog:
    return Catalog(cast("Answers", store), clock)


names = st.sampled_from(["cpu", "CPU load", "mem", "Größe", "負荷"])
series = st.lists(st.tuples(names, names, names), max_size=30)


@given(series, st.lists(st.sampled_from(["c", "LOAD", "ö", "負", "mem cpu"]), max_size=2), names | st.just(""), st.integers(1, 9))
def test_pages_of_a_search_are_what_a_walk_over_all_gives(
    found: list[tuple[str, str, str]], words: list[str], service: str, limit: int
) -> None:
    index = SeriesIndex(100)
    rows = [row(n, *parts) for n, parts in enumerate(found)]
    index.add(rows)
    expected = [
        r["id"]
        for r in sorted(rows, key=lambda r: (r["metric"], r["id"]))
        if service in ("", r["service"])
        and all(w.lower() in f"{r['metric']} {r['labels']['service']} {r['labels']['host']}".lower() for w in words)
    ]
    after, got = ("", 0), []
    while page := index.search(Search(tuple(words), service, after=after, limit=limit)):
        got += [r["id"] for r in page]
        after = page[-1]["metric"], int(page[-1]["id"], 16)
        assert len(page) <= limit
    assert got == expected


async def test_a_crowd_reads_once_and_searches_in_memory(store: Store, kept: Catalog) -> None:
    store.rows_ = [row(n, service=f"s{n % 3}") for n in range(1, 40)]
    found = await asyncio.gather(*(kept.search("acme", Search(service="s1", limit=5)) for _ in range(50)))
    assert [r["id"] for r in found[7]] == [format_series_id(n) for n in (1, 4, 7, 10, 13)]
    assert "seen_ms" not in found[0][0]
    assert (await kept.describe("acme", frozenset({5, 999}))).keys() == {5}
    assert store.asked == ["series.all", "series.describe"]


async def test_news_come_and_what_landed_late_comes_with_the_next_whole_reading(store: Store, kept: Catalog, clock: ManualClock) -> None:
    store.rows_ = [row(1, seen_ms=500_000)]
    assert len(await kept.search("acme", Search())) == 1
    store.rows_ += [row(2, seen_ms=500_900), row(3, seen_ms=1)]
    assert len(await kept.search("acme", Search())) == 1, "young enough"
    clock.advance(catalog.OLD_S)
    assert [r["id"] for r in await kept.search("acme", Search())] == [format_series_id(n) for n in (1, 2)]
    clock.advance(catalog.WHOLE_EVERY_S)
    assert len(await kept.search("acme", Search())) == 3
    assert store.asked == ["series.all", "series.announced", "series.all"]


async def test_more_than_fit_are_searched_in_the_store(
    store: Store, kept: Catalog, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "INDEXED", 10)
    monkeypatch.setattr(catalog, "PAGE", 4)
    store.rows_ = [row(n, service="a") for n in range(1, 30)]
    assert len(await kept.search("acme", Search(service="a", limit=20))) == 20
    assert store.asked == ["series.all"] * 3 + ["series.search"]
    assert (await kept.describe("acme", frozenset({29}))).keys() == {29}, "what is not kept is asked for"
    clock.advance(catalog.WHOLE_EVERY_S)
    await kept.search("acme", Search(limit=1))
    assert store.asked.count("series.all") == 3, "it is not read again for nothing"


async def test_a_store_that_is_away_is_asked_again(store: Store, kept: Catalog, clock: ManualClock) -> None:
    store.rows_, store.away = [row(1)], True
    with pytest.raises(Recoverable):
        await kept.search("acme", Search())
    store.away = False
    clock.advance(catalog.NEWS_EVERY_S)
    assert len(await kept.search("acme", Search())) == 1


async def test_the_tenant_not_asked_for_longest_goes_first(store: Store, kept: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "KEPT", 5)
    store.rows_ = [row(n) for n in range(1, 4)]
    for tenant in ("a", "b", "a"):
        await kept.search(tenant, Search())
    assert store.asked == ["series.all"] * 3, "both together were too many"
