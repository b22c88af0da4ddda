"""Shift and ranking on windows made for the purpose: every case says what the answer must not depend on."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.online.dependencies import DependencyMap
from services.rca.kinds import kind_of, request_count
from services.rca.ranking import Alarm, Evidence, Ranking, rank
from services.rca.shift import shifts
from services.rca.ways import traffic_share
from services.rca.window import Window
from tests.unit.rca.test_grouping import graph_of

MAP = graph_of(("shop", "cart"), ("shop", "search"), ("cart", "db"), ("search", "index"), ("mail", "db"))
SERVICES = ("shop", "cart", "search", "db", "index", "mail")
METRICS = ("latency", "errors", "cpu")


def window(broken: dict[tuple[str, str], float], rows: int = 300, during: int = 60, seed: int = 0, step_s: float = 1.0) -> Window:
    """Unit-noise indicators around 10; the broken ones are shifted by so many deviations during."""
    rng = np.random.default_rng(seed)
    columns = [(s, m) for s in SERVICES for m in METRICS]
    normal = 10 + rng.normal(size=(rows, len(columns)))
    abnormal = 10 + rng.normal(size=(during, len(columns)))
    for i, c in enumerate(columns):
        abnormal[:, i] += broken.get(c, 0.0)
    return Window(
        tuple(s for s, _ in columns), tuple(m for _, m in columns), tuple(f"{s}:{m}" for s, m in columns), normal, abnormal, step_s
    )


OUTAGE = {("db", "cpu"): 40.0, ("db", "latency"): 30.0, ("cart", "latency"): 15.0, ("shop", "latency"): 8.0, ("mail", "latency"): 10.0}


def names(r: Ranking) -> list[str]:
    return [c.entity for c in r.causes]


def test_the_deepest_broken_callee_is_first_with_its_terms() -> None:
    r = rank(window(OUTAGE), MAP, Alarm("shop", "latency"), {})
    assert (r.verdict, names(r)[0]) == ("cause", "db")
    assert r.indicators[0].name == "db:cpu"
    assert r.causes[0].score == pytest.approx(sum(r.causes[0].terms.values()), abs=1e-6)
    assert set(r.causes[0].terms) >= {"own", "size", "callers", "way_to_alarm"}


def test_quiet_is_inconclusive_and_says_why() -> None:
    r = rank(window({}, during=3), MAP, Alarm("shop", "latency"), {})
    assert r.verdict == "inconclusive"
    assert "none of 6 candidates" in r.reason


def test_an_improvement_is_no_cause() -> None:
    r = rank(window({("index", "latency"): -9.0, ("index", "errors"): -9.0, **OUTAGE}), MAP, Alarm("shop", "latency"), {})
    assert names(r)[0] == "db"
    assert names(r).index("index") > 1


def test_a_late_alarm_changes_little() -> None:
    w = window(OUTAGE, during=300)
    late = Window(w.entities, w.names, w.ids, np.vstack([w.normal, w.abnormal[:60]]), w.abnormal[60:], 1.0)
    cut = Window(w.entities, w.names, w.ids, w.normal, w.abnormal[60:], 1.0)
    assert [names(rank(x, MAP, Alarm("shop"), {}))[0] for x in (w, late, cut)] == ["db"] * 3


def test_the_same_window_gives_the_same_bytes_in_any_order_of_columns() -> None:
    w = window(OUTAGE)
    order = np.random.default_rng(1).permutation(len(w.names))
    mixed = Window(
        tuple(w.entities[i] for i in order), tuple(w.names[i] for i in order), tuple(w.ids[i] for i in order),
        w.normal[:, order], w.abnormal[:, order], 1.0,
    )  # fmt: skip
    first, again, other = (msgspec.json.encode(rank(x, MAP, Alarm("shop"), {}).causes) for x in (w, w, mixed))
    assert first == again == other


def test_without_a_map_the_largest_shift_leads() -> None:
    r = rank(window(OUTAGE), DependencyMap(), Alarm(), {})
    assert names(r)[0] == "db"
    assert "way_to_alarm" not in r.causes[0].terms


def test_missing_metrics_of_the_cause_leave_it_a_suspect() -> None:
    w = window(OUTAGE)
    w.normal[:, [i for i, s in enumerate(w.entities) if s == "db"]] = np.nan
    r = rank(w, MAP, Alarm("shop", "latency"), {"db": Evidence()})
    assert "db" in names(r)[:3]


def test_cycles_unknown_entities_and_self_calls_do_no_harm() -> None:
    loop = graph_of(("shop", "cart"), ("cart", "db"), ("db", "shop"), ("db", "db"), ("ghost", "phantom"))
    r = rank(window(OUTAGE), loop, Alarm("nobody", "x"), {})
    assert r.verdict == "cause"
    assert all(np.isfinite(c.score) for c in r.causes)


def test_what_hardly_any_request_uses_is_no_cause_of_much() -> None:
    columns = [(s, m) for s in ("shop", "cart", "rare") for m in ("latency", "requests")]
    rng = np.random.default_rng(2)
    base = np.array([1.0, 1000.0, 1.0, 900.0, 1.0, 4.0])
    normal, abnormal = (base * (1 + 0.02 * rng.normal(size=(n, 6))) for n in (300, 30))
    abnormal[:, 0] *= 1.3
    abnormal[:, 2] *= 1.5
    abnormal[:, 4] *= 3.0
    w = Window(tuple(s for s, _ in columns), tuple(m for _, m in columns), tuple(map(str, range(6))), normal, abnormal, 60.0)
    assert traffic_share(w)("shop", "rare") < 0.01
    assert names(rank(w, graph_of(("shop", "cart"), ("shop", "rare")), Alarm("shop", "latency"), {}))[0] == "cart"


def test_a_change_tips_the_balance_and_a_person_outweighs_it() -> None:
    tie = window({("cart", "latency"): 12.0, ("search", "latency"): 12.0, ("shop", "latency"): 8.0})
    changed = rank(tie, MAP, Alarm("shop"), {"search": Evidence(change=0.9, change_id="deploy-7")})
    assert (names(changed)[0], changed.causes[0].change_id) == ("search", "deploy-7")
    judged = rank(tie, MAP, Alarm("shop"), {"search": Evidence(change=0.9, judged=-1.0)})
    assert names(judged)[0] == "cart"


def test_a_house_without_a_past_goes_by_place_and_change() -> None:
    w = window(OUTAGE, rows=2)  # fewer rows than any indicator needs
    r = rank(w, MAP, Alarm("shop"), {"db": Evidence(change=0.95, change_id="d-1", change_title="db 9", grouping=1.0)})
    assert (r.verdict, names(r)[0], r.causes[0].indicators) == ("cause", "db", [])


def test_a_suspect_without_evidence_of_its_own_says_what_speaks_for_it() -> None:
    said = {c.entity: c.text for c in rank(window({}), MAP, Alarm("shop"), {"mail": Evidence(grouping=1.0)}).causes}
    assert said["mail"] == "nothing that it depends on broke before it"
    assert said["index"] == "nothing of its own speaks for it"


def test_an_empty_window_is_inconclusive() -> None:
    nothing = Window((), (), (), np.empty((0, 0)), np.empty((0, 0)), 1.0)
    assert rank(nothing, MAP, Alarm("shop"), {}).verdict == "inconclusive"


def one(normal: np.ndarray, abnormal: np.ndarray) -> tuple[float, float]:
    s = shifts(Window(("a",), ("x",), ("i",), normal[:, None], abnormal[:, None], 1.0))
    return float(s.up[0]), float(s.down[0])


def test_shift_of_a_constant_is_zero_and_of_a_broken_constant_is_finite() -> None:
    assert one(np.full(100, 5.0), np.full(10, 5.0)) == (0.0, 0.0)
    assert one(np.zeros(100), np.zeros(10)) == (0.0, 0.0)
    up, down = one(np.full(100, 5.0), np.full(10, 8.0))
    assert 10 < up < 1e6
    assert down == 0


def test_a_drifting_indicator_that_drifts_on_is_not_odd() -> None:
    t = np.arange(600.0)
    assert one(0.1 * t[:300], 0.1 * t[300:330])[0] < 4


def test_an_indicator_that_jumps_now_and_then_may_jump() -> None:
    x = np.where(np.random.default_rng(0).random(500) < 0.03, 10.0, 1.0)
    assert one(x[:400], x[400:])[0] < 3


def test_a_nearly_unknown_indicator_says_little() -> None:
    x = np.full(300, np.nan)
    x[[3, 70, 150, 290]] = [1.0, 1.1, 0.9, 1.0]
    assert one(x, np.full(10, 500.0))[0] <= 5


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(1e-6, 1e9), offset=st.floats(0, 1e3), seed=st.integers(0, 99))
def test_shift_does_not_depend_on_the_unit(scale: float, offset: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = 10 + rng.normal(size=80), 14 + rng.normal(size=12)
    assert one(scale * a, scale * b) == pytest.approx(one(a, b), rel=1e-6)
    assert np.isfinite(one(a + offset, b + offset)).all()


@pytest.mark.parametrize(
    ("name", "entity", "kind"),
    [
        ("carts_cpu", "carts", "resource"), ("PodServerLatencyP90(s)", "", "latency"), ("http_requests_total", "", "traffic"),
        ("http_requests_failed_total", "", "failure"), ("availability", "", "health"), ("work-queue latency", "work-queue", "latency"),
        ("temperature", "", "other"), ("carts|requests", "carts", "traffic"),
    ],
)  # fmt: skip
def test_kinds_by_name(name: str, entity: str, kind: str) -> None:
    assert kind_of(name, entity).name == kind


def test_bytes_are_traffic_but_not_requests() -> None:
    assert (kind_of("rx_bytes").name, request_count("rx_bytes")) == ("traffic", "")


@pytest.mark.parametrize("skew_s", [-5, 5])
def test_clocks_five_seconds_apart_change_no_answer(skew_s: int) -> None:
    rng = np.random.default_rng(4)
    columns = [(s, m) for s in SERVICES for m in METRICS]
    x = 10 + rng.normal(size=(400, len(columns)))
    for i, (service, metric) in enumerate(columns):
        late = skew_s if service in ("db", "shop") else 0  # the cause's clock and the alarm's differ from the others'
        x[300 + late :, i] += OUTAGE.get((service, metric), 0.0)
    names_ = tuple(m for _s, m in columns)
    w = Window(tuple(s for s, _m in columns), names_, tuple(f"{s}:{m}" for s, m in columns), x[:300], x[300:], 1.0)
    r = rank(w, MAP, Alarm("shop", "latency"), {})
    assert (r.verdict, names(r)[0], r.indicators[0].name) == ("cause", "db", "db:cpu")


def test_two_thousand_services_with_cycles_are_ranked() -> None:
    rng = np.random.default_rng(1)
    n, broken = 2_000, 1_500
    edges = [(f"s{i}", f"s{int(rng.integers(i + 1, n))}") for i in range(n - 1)]
    edges += [(f"s{b}", f"s{a}") for a, b in rng.integers(0, n, (40, 2))]
    normal, abnormal = 10 + rng.normal(size=(200, n)), 10 + rng.normal(size=(30, n))
    abnormal[:, broken] += 25
    names = tuple(f"s{i}" for i in range(n))
    began = time.process_time()
    r = rank(Window(names, ("errors",) * n, tuple(map(str, range(n))), normal, abnormal, 10.0), graph_of(*edges), Alarm(), {})
    assert time.process_time() - began < 15.0
    assert r.causes[0].entity == f"s{broken}"
    assert all(np.isfinite(c.score) for c in r.causes)
