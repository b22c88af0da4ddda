"""Questions asked beside the stream: a window cut from stored means, the map at a time, what if."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.contracts.findings import Edge
from kizashi.contracts.inputs import Event
from kizashi.errors import NotFound, Refused
from kizashi.online.dependencies import DAY_MS
from kizashi.online.whatif import map_of, what_if
from services.rca.ask import Means, around, explain, window_of
from services.rca.ranking import Alarm
from tests.unit.rca.landscape import T0


def edge(caller: str, callee: str, first_ms: int = T0, last_ms: int = T0, source: str = "declared") -> Edge:
    return Edge("default", caller, callee, source, 1.0, first_ms, last_ms)  # type: ignore[arg-type]  # a literal


EDGES = [edge("shop", "cart"), edge("cart", "db"), edge("mail", "smtp")]


def stored(broken: str, at_step: int, steps: int = 240) -> list[Means]:
    """Two metrics a service, one of the broken one's goes up."""
    rng = np.random.default_rng(3)
    found = []
    for i, service in enumerate(("shop", "cart", "db", "mail", "smtp")):
        for metric in ("cpu", "latency"):
            x = 10 + rng.normal(size=steps)
            x[at_step:] += 30.0 if service == broken and metric == "cpu" else 0.0
            labels = {"service": service, "zone": "a"}
            at = [k for k in range(steps) if (k + i) % 17]  # gaps
            found.append(Means(f"{i}{metric}", metric, labels, at, [float(x[k]) for k in at]))
    return found


def test_a_window_from_the_store_names_the_cause() -> None:
    window = window_of(stored("db", 200), 240, 200, 10.0)
    assert window.normal.shape == (200, 10) and window.abnormal.shape == (40, 10)
    assert np.isnan(window.normal).any()
    deploy = Event("change", "db", T0 - 60_000, "d-1", title="db 9", attributes={"kind": "deploy"})
    answer = explain(window, EDGES, [deploy], Alarm("shop"), T0)
    assert answer.verdict == "cause"
    assert (answer.causes[0].entity, answer.causes[0].change_title) == ("db", "db 9")
    assert answer.causes[0].indicators[0].name == "db:cpu{zone=a}"


def test_the_order_of_the_stored_series_does_not_matter() -> None:
    series = stored("db", 200)
    first, second = (explain(window_of(s, 240, 200, 10.0), EDGES, [], Alarm("shop"), T0) for s in (series, series[::-1]))
    assert first == second


def test_a_service_narrows_the_window_to_its_neighbourhood() -> None:
    near = around(EDGES, "shop", T0)
    assert near == {"shop", "cart", "db"}
    assert around(EDGES, "shop", T0, hops=1) == {"shop", "cart"}
    assert set(window_of(stored("db", 200), 240, 200, 10.0, near).entities) == near
    assert around(EDGES, "nobody", T0) == {"nobody"}


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(Refused, match="choose one"):
        explain(window_of([], 0, 0, 10.0), EDGES, [], Alarm("shop"), T0)


def test_the_map_forgets_what_nobody_repeats() -> None:
    edges = [*EDGES, edge("shop", "ads", source="traced")]
    assert "ads" in map_of(edges, T0 + DAY_MS).entities()
    assert "ads" not in map_of(edges, T0 + 10 * DAY_MS).entities()
    assert "cart" in map_of(edges, T0 + 10 * DAY_MS).entities()


def test_what_if_needs_an_entity_of_the_map() -> None:
    fails, restarts = (what_if(EDGES, "db", event, T0) for event in ("fails", "restart"))
    assert [a.entity for a in fails] == ["cart", "shop"]
    assert restarts[0].probability < fails[0].probability
    with pytest.raises(NotFound, match="not on the dependency map"):
        what_if(EDGES, "nobody", "fails", T0)
