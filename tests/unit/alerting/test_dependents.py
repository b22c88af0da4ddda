"""Parents by dependency against a brute-force oracle; and what a tenant makes of them: never silence all, never keep back an end."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.contracts.findings import Severity
from kizashi.contracts.inputs import Event
from services.alerting.dependents import MOST_REACHED, MOST_TIES, Dependents
from services.alerting.model import PartitionModel
from services.alerting.rules import AnomalyRule, BurnRule, IncidentRule, rank
from services.alerting.snapshot import restore, unpack
from services.alerting.tenant import Tenant
from services.alerting.why_not import why_not
from tests.unit.alerting.situation import T0, S, deliver, episode, incident, run, tenant
from tests.unit.alerting.test_tenant import KEY, PARTITION

DAY = 86_400 * S
NODES = "abcdef"
EDGES = st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=14)


def topology(edges: set[tuple[str, str]] | list[tuple[str, str]], at_ms: int = T0, **attributes: Any) -> Event:
    return Event("topology", "map", at_ms, f"map-{at_ms}-{attributes}", edges=sorted(edges), attributes=attributes)


def odd(name: str, at_ms: int, *, closed: bool = False, severity: Severity = "critical") -> Any:
    state: dict[str, Any] = {"state": "closed", "version": 2} if closed else {}
    n = NODES.index(name) + 1
    return episode(n, at_ms=at_ms, labels={"service": name}, severity=severity, **state)


def reach(edges: set[tuple[str, str]], firing: set[str]) -> set[tuple[str, str]]:
    """(from, to) of every walk over firing entities: the closure of the edges between them (Warshall); its start may be healthy."""
    found = {(a, b) for a, b in edges if a != b and b in firing}
    for k, i, j in product(NODES, NODES, NODES):
        if k in firing and (i, k) in found and (k, j) in found:
            found.add((i, j))
    return found


@given(edges=EDGES, steps=st.lists(st.tuples(st.sampled_from(NODES), st.booleans()), max_size=20))
@settings(max_examples=300, deadline=None)
def test_parents_are_what_a_walk_over_symptoms_comes_to_and_does_not_come_back_from(
    edges: set[tuple[str, str]], steps: list[tuple[str, bool]]
) -> None:
    d, firing = Dependents(), set[str]()
    d.take(topology(edges))
    for name, starts in steps:
        if starts:
            d.fire(f"alert-{name}", name)
            firing.add(name)
        else:
            d.end(f"alert-{name}")
            firing.discard(name)
        closure = reach(edges, firing)
        for a in firing:
            expected = {b for b in firing if b != a and (a, b) in closure and (b, a) not in closure}
            assert {i.removeprefix("alert-") for i in d.above(a, T0)} == expected


@given(
    edges=EDGES,
    steps=st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(["info", "warning", "critical"])), max_size=12),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_who_is_held_back_has_a_parent_that_is_heard_and_every_end_is_told(
    edges: set[tuple[str, str]], steps: list[tuple[str, Severity]]
) -> None:
    t = tenant({"odd": AnomalyRule(min_severity="info")}, route={"group_wait_s": 0, "critical_wait_s": 0, "group_interval_s": 1})
    model = Event("topology", "map", T0, "map", edges=sorted(edges))
    t.dependents.take(model)
    open_: dict[str, int] = {}
    told: set[str] = set()
    ended: set[str] = set()
    for k, (name, severity) in enumerate(steps):
        at = T0 + (k + 1) * 10 * S
        run(t, at)
        if name in open_:
            t.episode(odd(name, open_.pop(name), closed=True))
        else:
            open_[name] = at
            t.episode(odd(name, at, severity=severity))
        run(t, at + 9 * S)
        for m in deliver(t):
            told |= {a.id for a in m.alerts if a.state == "firing"}
            ended |= {a.id for a in m.alerts if a.state == "resolved"}
        live = {a.labels["entity"]: a for a in t.book.alerts.values() if a.fires}
        closure = reach(edges, set(live))
        for a in live.values():
            heard = [
                b for b in live.values()
                if not b.held_back_by and rank(b.severity) >= rank(a.severity)
                and (a.labels["entity"], b.labels["entity"]) in closure and (b.labels["entity"], a.labels["entity"]) not in closure
            ]  # fmt: skip
            assert (a.held_back_by == "parent") == bool(heard)
            assert a.held_back_by or a.id in told
        assert not live or any(not a.held_back_by for a in live.values()), "never are all of them silent"
    for name, at in open_.items():
        t.episode(odd(name, at, closed=True))
    run(t, t.now_ms + 1_200 * S, 10 * S)  # an alert that flaps rests for a quarter of an hour
    ended |= {a.id for m in deliver(t) for a in m.alerts if a.state == "resolved"}
    assert ended == told and not t.groups


def checkout(*, parent: bool = True) -> Tenant:
    """web calls checkout, checkout calls db: all hard."""
    t = tenant({"odd": AnomalyRule(parent=parent), "incident": IncidentRule(), "burn": BurnRule()})
    t.dependents.take(topology([("a", "b"), ("b", "c")]))
    return t


def test_the_first_cause_is_told_what_depends_on_it_is_not_and_why_not_says_so() -> None:
    t = checkout()
    t.episode(odd("c", T0))
    t.episode(odd("b", T0 + S))
    t.episode(odd("a", T0 + 2 * S))
    assert [m.alerts[0].labels["entity"] for m in deliver(t)] == ["c"]
    said = why_not(t, "odd", f"{NODES.index('a') + 1:016x}")
    assert not said.fired and "parent: a depends on c" in said.verdict
    t.episode(odd("c", T0, closed=True))
    run(t, T0 + 320 * S)
    assert {m.alerts[0].labels["entity"]: m.kind for m in deliver(t)} == {"c": "resolved", "b": "firing"}, "b is broken by itself"


def test_a_ring_silences_nobody_and_a_soft_learned_old_or_silenced_one_neither() -> None:
    ring = tenant({"odd": AnomalyRule()})
    ring.dependents.take(topology([("a", "b"), ("b", "a")]))
    for name in "ab":
        ring.episode(odd(name, T0))
    assert len(deliver(ring)) == 2
    for event in (
        topology([("a", "b")], kind="soft"),
        topology([("a", "b")], source="learned"),
        topology([("a", "b")], source="traced", at_ms=T0 - DAY),
        topology([("a", "b")], at_ms=T0 - 90 * DAY),
    ):
        t = tenant({"odd": AnomalyRule()})
        t.dependents.take(event)
        for name in "ba":
            t.episode(odd(name, T0))
        assert len(deliver(t)) == 2, event.attributes
    silenced = checkout()
    silenced.config("silence", "s", {"match": ["entity=b"], "ends_ms": T0 + DAY, "owner": "m", "reason": "r"}, T0)
    for name in "ba":
        silenced.episode(odd(name, T0))
    assert [m.alerts[0].labels["entity"] for m in deliver(silenced)] == ["a"], "nobody was told of b, so a is told"


def test_a_rule_may_want_to_be_told_in_any_case_and_incidents_always_are() -> None:
    t = checkout(parent=False)
    for name in "cba":
        t.episode(odd(name, T0))
    assert len(deliver(t)) == 3
    t = checkout()
    t.episode(odd("c", T0))
    t.incident(incident(1, episodes=["x"]))
    assert {m.alerts[0].rule for m in deliver(t)} == {"odd", "incident"}


def test_an_edge_that_is_said_to_be_soft_is_hard_no_longer_and_all_of_it_survives_a_restart() -> None:
    model = PartitionModel(PARTITION, 12, KEY)
    model.event(topology([("a", "b"), ("b", "c"), ("a", "a"), ("", "c")]))
    model.event(topology([("b", "c")], at_ms=T0 + S, kind="soft"))
    model.event(topology([("b", "c")], at_ms=T0 - S))
    twin = PartitionModel.load(model.dump(), PARTITION, 12, KEY)
    assert twin.dump() == model.dump()
    twin.of("default").dependents.use([(f"alert-{x}", x) for x in "abc"])
    assert [twin.of("default").dependents.above(x, T0) for x in "abc"] == [["alert-b"], [], []]


def test_a_landscape_without_end_holds_nobody_back() -> None:
    d = Dependents()
    names = [f"s{k}" for k in range(MOST_REACHED + 3)]
    d.take(topology(list(pairwise(names))))
    for name in names:
        d.fire(f"alert-{name}", name)
    assert d.above(names[0], T0) == [] and d.above(names[-2], T0) == [], "too many below, too many above"
    assert len(d.above(names[MOST_REACHED // 2], T0)) == MOST_REACHED // 2 + 2


SAID = st.tuples(
    st.sampled_from(["declared", "a file", "traced", "learned"]), st.sampled_from(["hard", "soft"]), st.sampled_from([1.0, 0.95, 0.5]),
    st.integers(-100, 0).map(lambda k: T0 + k * DAY) | st.integers(-40, 0).map(lambda h: T0 + h * 3_600 * S),
)  # fmt: skip


def holds(said: list[tuple[str, str, float, int]], now_ms: int) -> bool:
    """Whether a dependency counts, from all that was ever said of it, a source at a time."""
    newest: dict[str, tuple[int, bool, float]] = {}
    for source, kind, weight, at_ms in said:
        who = "declared" if source == "a file" else source
        newest[who] = max(newest.get(who, (0, False, 0.0)), (at_ms, kind == "soft", weight))
    for who, half_life in (("declared", 90 * DAY), ("traced", DAY)):
        at_ms, soft, weight = newest.get(who, (0, False, 0.0))
        if not soft and weight * 0.5 ** (max(0, now_ms - at_ms) / half_life) >= 0.6:
            at_ms, soft, _ = newest.get("declared", (0, False, 0.0))
            return not (soft and now_ms - at_ms < 90 * DAY)
    return False


@given(data=st.data(), said=st.lists(SAID, min_size=1, max_size=8), later=st.integers(0, 2_400))
@settings(max_examples=400, deadline=None)
def test_each_source_speaks_for_itself_in_any_order_and_sweeps_and_restarts_change_no_answer(
    data: st.DataObject, said: list[tuple[str, str, float, int]], later: int
) -> None:
    now_ms = T0 + later * 3_600 * S
    for order in (said, data.draw(st.permutations(said))):
        model = PartitionModel(PARTITION, 12, KEY)
        for source, kind, weight, at_ms in order:
            model.event(topology([("a", "b")], at_ms, source=source, kind=kind, weight=weight))
            model.of("default").dependents.forget(at_ms)
        d = PartitionModel.load(model.dump(), PARTITION, 12, KEY).of("default").dependents
        if data.draw(st.booleans()):
            d.forget(now_ms)
        d.use([("alert-a", "a"), ("alert-b", "b")])
        assert d.above("a", now_ms) == (["alert-b"] if holds(said, now_ms) else [])


def test_what_was_declared_outlives_what_spans_saw_once_and_a_guess_takes_nothing_away() -> None:
    d = Dependents()
    d.use([("alert-a", "a"), ("alert-b", "b")])
    d.take(topology([("a", "b")]))
    d.take(topology([("a", "b")], T0 + S, source="traced"))
    d.take(topology([("a", "b")], T0 + 2 * S, source="learned"))
    for days in (0, 1, 30, 66):
        assert d.above("a", T0 + days * DAY) == ["alert-b"], days
        d.forget(T0 + days * DAY)
    assert d.above("a", T0 + 67 * DAY) == []
    d.take(topology([("a", "b")], T0 + 67 * DAY, kind="soft"))
    d.take(topology([("a", "b")], T0 + 68 * DAY, source="traced"))
    assert d.above("a", T0 + 68 * DAY) == [], "people know that it is soft, spans see calls only"


def test_dependencies_without_end_are_bounded_the_declared_ones_stay_longest_and_all_are_forgotten() -> None:
    d = Dependents()
    d.take(topology([("a", "b")], T0 - DAY))
    for k in range(100):
        d.take(topology([("a", f"traced-{k}-{n}") for n in range(1_000)], T0 + k * S, source="traced"))
        assert sum(map(len, d.ties.values())) <= MOST_TIES
    assert "b" in d.ties["a"] and "traced-99-0" in d.ties["a"] and "traced-0-0" not in d.ties["a"]
    d.fire("alert-a", "a")
    d.fire("alert-b", "b")
    assert d.above("a", T0) == ["alert-b"]
    assert set(d._callers) == set(d.ties["a"]), "nothing is kept of what went"
    d.forget(T0 + 2 * DAY)
    assert d.ties == {"a": {"b": d.ties["a"]["b"]}} and d._callers == {"b": {"a": None}}
    d.take(topology([(f"caller-{n}", "b") for n in range(MOST_TIES + 1)], T0 + 2 * DAY))
    assert sum(map(len, d.ties.values())) < MOST_TIES and "a" not in d.ties
    d.forget(T0 + 92 * DAY + 3_600 * S)
    assert (d.ties, d._callers, d._count) == ({}, {}, 0)


def test_the_sweep_of_a_tenant_forgets_them() -> None:
    t = checkout()
    t.dependents.take(topology([("x", "y")], source="traced"))
    t.advance(T0 + 2 * DAY)
    assert set(t.dependents.ties) == {"a", "b"}


def test_a_snapshot_from_before_sources_were_kept_apart_is_read() -> None:
    model = PartitionModel(PARTITION, 12, KEY)
    model.of("default")
    (kept,) = unpack(model.dump()).tenants
    kept.ties = {"a": {"b": ("declared", 1.0, T0), "c": ("declared", 0.0, T0), "d": ("learned", 0.9, T0)}, "b": {"d": ("traced", 0.95, T0)}}
    t = tenant()
    restore(t, kept)
    t.dependents.use([(f"alert-{x}", x) for x in "abcd"])
    assert t.dependents.above("a", T0) == ["alert-b", "alert-d"] and set(t.dependents.ties["a"]) == {"b", "c"}
    t.dependents.take(topology([("a", "c")], T0 + S, source="traced"))
    assert t.dependents.above("a", T0 + S) == ["alert-b", "alert-d"], "a soft one stays soft"
