"""The dependency map as it was: rows of the sink, the question of the gateway and the command line, on the real store."""

from __future__ import annotations

import time

import pytest

from kizashi.contracts import topics
from kizashi.contracts.findings import Edge
from kizashi.store.client import Store
from services.gateway.dependencies import as_of
from services.gateway.queries.dependencies import EDGES_AT
from services.sink.finding_rows import LANDINGS, Landed

DAY_MS = 86_400_000
TUESDAY = (int(time.time()) // 86_400 - 40) * DAY_MS


def tell(store: Store, *edges: Edge) -> None:
    for i, e in enumerate(edges):
        for table, block in LANDINGS[topics.EDGES.name].rows([Landed(e, i, 0)], i):
            store.insert_block(table, block)


def at(store: Store, ms: int) -> dict[tuple[str, str], float]:
    rows = store.query(EDGES_AT.sql, {"tenant": "t", "at": ms}).dicts()
    return {(e["caller"], e["callee"]): e["confidence"] for e in as_of("t", rows, ms)}


def edge(callee: str, confidence: float, last_ms: int, first_ms: int = TUESDAY) -> Edge:
    return Edge("t", "shop", callee, "traced", confidence, first_ms, last_ms)


def test_the_map_of_tuesday_has_the_confidences_of_tuesday(store: Store) -> None:
    tell(store, edge("cart", 0.9, TUESDAY), edge("cart", 0.5, TUESDAY + 3_600_000), edge("cart", 0.7, TUESDAY + 5 * DAY_MS))
    tell(store, edge("ads", 0.8, TUESDAY + DAY_MS, TUESDAY + DAY_MS))
    assert at(store, TUESDAY - 1) == {}
    assert at(store, TUESDAY) == {("shop", "cart"): 0.9}
    assert at(store, TUESDAY + 3_600_000) == {("shop", "cart"): 0.5}
    # a day later nobody had repeated it: half of it is left, and the other one is new
    assert at(store, TUESDAY + DAY_MS + 3_600_000) == {
        ("shop", "cart"): 0.25,
        ("shop", "ads"): pytest.approx(0.8 * 0.5 ** (1 / 24), abs=1e-4),
    }
    assert at(store, TUESDAY + 5 * DAY_MS)["shop", "cart"] == 0.7


def test_an_edge_that_left_the_map_was_there_before(store: Store) -> None:
    tell(store, edge("cart", 0.9, TUESDAY), edge("cart", 0.04, TUESDAY))  # what is told of an edge that is forgotten
    assert at(store, TUESDAY + 60_000) == {("shop", "cart"): pytest.approx(0.9, abs=1e-3)}
    assert at(store, TUESDAY + 30 * DAY_MS) == {}


def test_versions_within_ten_minutes_are_one_and_other_tenants_stay_apart(store: Store) -> None:
    tell(store, *(edge("cart", 0.5 + 0.01 * i, TUESDAY + 60_000 * i) for i in range(10)))
    tell(store, Edge("other", "shop", "mail", "traced", 0.9, TUESDAY, TUESDAY))
    kept = store.query("SELECT count() AS n FROM edge_history FINAL WHERE tenant = 't'").dicts()
    assert kept == [{"n": 1}]
    assert at(store, TUESDAY + DAY_MS // 24) == {("shop", "cart"): pytest.approx(0.59 * 0.5 ** (51 / 1440), abs=1e-4)}


def test_an_edge_older_than_the_history_counts_as_just_seen(store: Store) -> None:
    rows = LANDINGS[topics.EDGES.name].rows([Landed(edge("cart", 0.9, TUESDAY + 9 * DAY_MS), 0, 0)], 0)
    store.insert_block(*next(r for r in rows if r[0] == "edges"))
    assert at(store, TUESDAY + 3 * DAY_MS) == {("shop", "cart"): 0.9}
    assert at(store, TUESDAY - 1) == {}
