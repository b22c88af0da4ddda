"""The dependency map: sources, fading, history, and what faults teach it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import rankdata

from kizashi.contracts.inputs import Event
from kizashi.errors import ConfigurationError, NotFound
from kizashi.online import blast, whatif
from kizashi.online.dependencies import DAY_MS, DependencyMap, EdgeState, edges_of
from services.rca.learned import hints, learn, normal_scores
from services.rca.topology import read_file
from services.rca.window import Window


def edge(caller: str, callee: str, source: str = "traced", at_ms: int = 0, **more: object) -> EdgeState:
    return EdgeState(caller, callee, source, 0.9, at_ms, at_ms, **more)  # type: ignore[arg-type]  # test data


def test_an_edge_fades_leaves_the_map_and_stays_in_the_history() -> None:
    graph = DependencyMap()
    graph.observe(edge("shop", "db"))
    assert graph.fade(2 * DAY_MS) == []
    assert graph.edges["shop", "db", "traced"].faded(DAY_MS) == pytest.approx(0.45)
    assert [e.callee for e in graph.fade(6 * DAY_MS)] == ["db"]
    assert graph.callers("db") == {}
    assert [e.caller for e in graph.as_of(DAY_MS)] == ["shop"]
    assert graph.as_of(7 * DAY_MS) == []


def test_seen_again_is_fresh_again_and_told_now_and_then() -> None:
    graph = DependencyMap()
    assert graph.observe(edge("shop", "db"))
    assert not graph.observe(edge("shop", "db", at_ms=1_000))
    assert graph.observe(edge("shop", "db", at_ms=700_000))
    assert graph.edges["shop", "db", "traced"].first_ms == 0


def test_self_calls_and_nameless_ends_are_left_out() -> None:
    graph = DependencyMap()
    assert not graph.observe(edge("a", "a"))
    assert not graph.observe(edge("", "a"))
    assert graph.entities() == set()


def test_a_learned_hint_goes_both_ways_until_somebody_knows_better() -> None:
    graph = DependencyMap()
    graph.observe(edge("b", "a", "learned", directed=False))
    assert set(graph.callers("a")) == {"b"}
    assert set(graph.callers("b")) == {"a"}
    graph.observe(edge("b", "a", "traced"))
    assert graph.callers("a")["b"].source == "traced"
    graph.forget([("b", "a", "traced")], 10)
    assert graph.callers("a")["b"].source == "learned"


def test_faults_teach_chance_and_delay() -> None:
    graph = DependencyMap()
    graph.observe(edge("shop", "db"))
    before = graph.probability("shop", "db")
    for _ in range(20):
        graph.learn_spread("shop", "db", 90.0)
    assert graph.probability("shop", "db") > before
    assert graph.callers("db")["shop"].delay_s > 70
    for _ in range(100):
        graph.learn_spread("shop", "db", None)
    assert graph.probability("shop", "db") < 0.3


def test_topology_events_say_their_source_and_kind() -> None:
    soft = edges_of(Event("topology", "map", 5, "t", edges=[("a", "b")], attributes={"source": "traces", "kind": "soft", "rate": 3}))[0]
    assert (soft.source, soft.hard, soft.rate, soft.directed) == ("traced", False, 3.0, True)
    odd = edges_of(Event("topology", "map", 5, "t", edges=[("a", "b")], attributes={"weight": "much", "probability": 7}))[0]
    assert (odd.source, odd.confidence, odd.spread) == ("declared", 1.0, 0.65)


def test_a_topology_file_becomes_events() -> None:
    events = read_file("dependencies:\n  shop: [cart, {to: ads, kind: soft}]\n", 7)
    assert [(e.attributes["kind"], e.edges) for e in events] == [("hard", [("shop", "cart")]), ("soft", [("shop", "ads")])]


@pytest.mark.parametrize("text", ["[", "a: 1", "dependencies: [x]", "dependencies: {a: b}", "dependencies: {a: [{to: b, kind: odd}]}"])
def test_an_odd_topology_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_file(text, 0)


def test_blast_counts_shared_paths_once_and_survives_cycles() -> None:
    graph = DependencyMap()
    for caller, callee in (("left", "db"), ("right", "db"), ("top", "left"), ("top", "right"), ("db", "top")):
        graph.observe(EdgeState(caller, callee, "declared", 1.0, 0, 0, spread=0.5))
    p = blast.reach(graph, {"db": 1.0})
    assert p["db"] == 1.0
    assert p["left"] == pytest.approx(0.5, abs=0.1)
    assert p["top"] == pytest.approx(1 - 0.75**2, abs=0.1)
    assert blast.reach(graph, {"db": 1.0}) == p


def test_what_if_gives_paths_and_delays_and_a_restart_less() -> None:
    edges = [edge("shop", "cart").finding("default", 0), edge("cart", "db").finding("default", 0)]
    fails = {a.entity: a for a in whatif.what_if(edges, "db", "fails", 0)}
    restart = {a.entity: a for a in whatif.what_if(edges, "db", "restart", 0)}
    assert fails["shop"].path == ["db", "cart", "shop"]
    assert (fails["shop"].hops, fails["shop"].eta_s) == (2, 60.0)
    assert fails["cart"].probability > restart["cart"].probability > 0
    with pytest.raises(NotFound):
        whatif.what_if(edges, "nobody", "fails", 0)


def calls(seed: int = 0, rows: int = 400) -> Window:
    """front → cart → db and front → search: each one's requests and latency follow from its callees', with its own noise."""
    rng = np.random.default_rng(seed)
    front = 100 + 10 * rng.normal(size=rows)
    requests = {"front": front, "cart": 0.5 * front + 3 * rng.normal(size=rows)}
    requests["db"] = 2 * requests["cart"] + 3 * rng.normal(size=rows)
    requests["search"] = 0.8 * front + 3 * rng.normal(size=rows)
    latency = {"db": np.exp(0.3 * rng.normal(size=rows)), "search": np.exp(0.3 * rng.normal(size=rows))}
    latency["cart"] = 0.5 + latency["db"] + 0.1 * rng.normal(size=rows)
    latency["front"] = 0.5 + latency["cart"] + latency["search"] + 0.1 * rng.normal(size=rows)
    columns = [(s, "requests", x) for s, x in requests.items()] + [(s, "latency", x) for s, x in latency.items()]
    normal = np.column_stack([x for _s, _m, x in columns])
    names = tuple(m for _s, m, _x in columns)
    return Window(tuple(s for s, _m, _x in columns), names, names, normal, normal[:0], 10.0)


@pytest.mark.parametrize("distinct", [1, 3, 40, 10**9])
def test_normal_scores_are_the_quantiles_of_mean_ranks(distinct: int) -> None:
    x = np.random.default_rng(distinct).integers(0, distinct, (301, 7)).astype(np.float64)
    np.testing.assert_allclose(normal_scores(x), ndtri((rankdata(x, axis=0) - 0.5) / len(x)), rtol=1e-13, atol=1e-15)


def test_learned_pairs_are_the_direct_ones() -> None:
    best = {(p.first, p.second) for p in learn(calls())[:3]}
    assert best == {("cart", "db"), ("cart", "front"), ("front", "search")}


def test_hints_are_undirected_and_few() -> None:
    found = hints(calls(), 9)
    assert found
    assert all(not e.directed and e.source == "learned" and 0.35 <= e.confidence <= 1 for e in found)
    assert len(found) <= 8


def test_too_little_or_constant_data_teaches_nothing() -> None:
    w = calls(rows=30)
    assert hints(w, 0) == []
    flat = Window(w.entities, w.names, w.ids, np.ones((400, 8)), np.ones((0, 8)), 10.0)
    assert all(p.confidence == 0 for p in learn(flat))


def test_presence_links_those_that_report_together() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 4))
    together = rng.random(400) < 0.4
    x[together, 0] = x[together, 1] = np.nan
    x[rng.random(400) < 0.4, 2] = np.nan
    names = ("latency",) * 4
    best = learn(Window(("a", "b", "c", "d"), names, names, x, x[:0], 10.0))[0]
    assert (best.first, best.second) == ("a", "b")


@pytest.mark.parametrize("seed", range(6))
def test_all_suspects_at_once_are_each_of_them_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = DependencyMap()
    names = [f"s{i}" for i in range(25)]
    for a, b in rng.integers(0, 25, (60, 2)):  # cycles and self-calls included
        graph.observe(edge(names[a], names[b]))
    suspects = sorted(set(rng.choice(names, 8)))
    together = blast.worlds_of_each(graph, suspects, names, lambda _caller, callee: 0.5 if callee == "s3" else 1.0)
    for k, suspect in enumerate(suspects):
        alone = blast.worlds(graph, {suspect: 1.0}, carried=lambda _caller, callee: 0.5 if callee == "s3" else 1.0)
        found = {e: bits >> blast.WORLDS * k & blast.EVERY for e, bits in together.items()}
        assert {e: bits for e, bits in found.items() if bits} == {e: bits for e, bits in alone.items() if bits}


def test_only_ways_to_what_is_shown_are_followed() -> None:
    graph = DependencyMap()
    for caller, callee in (("shop", "cart"), ("cart", "db"), ("report", "db"), ("board", "report")):
        graph.observe(edge(caller, callee))
    assert set(blast.worlds_of_each(graph, ["db"], ["cart"])) == {"db", "cart"}
    assert set(blast.worlds_of_each(graph, ["db"], ["board"])) == {"db", "report", "board"}


def test_a_chain_of_two_thousand_services_is_followed_without_recursion() -> None:
    graph = DependencyMap()
    for i in range(2_500):
        graph.observe(EdgeState(f"s{i + 1:04}", f"s{i:04}", "declared", 1.0, 0, 0, spread=1.0))
    hit = blast.worlds(graph, {"s0000": 1.0})
    assert 1_000 < len(hit) <= blast.MAX_REACH + 1
    assert len(blast.structural(graph, "s0000")) == len(hit) - 1


def test_what_if_the_hub_of_two_thousand_services_fails() -> None:
    n = 2_000
    graph = DependencyMap()
    for i in range(1, n):
        graph.observe(EdgeState(f"s{i}", "hub" if i < 1_500 else f"s{i - 1_499}", "declared", 1.0, 0, 0, spread=0.9))
    graph.observe(EdgeState("hub", "s1999", "declared", 1.0, 0, 0))  # a cycle through it
    affected = blast.what_if(graph, "hub")
    assert {a.entity for a in affected} <= {f"s{i}" for i in range(1, n)}
    assert len(affected) > 1_900
    assert {a.hops for a in affected} == {1, 2}
    assert all(0 < a.probability <= 1 and a.path[0] == "hub" for a in affected)
