"""A storm costs a bounded amount of work, gives one incident a true cause, and is forgotten within bounds."""

from __future__ import annotations

import pytest

from kizashi.contracts.findings import Episode, Incident
from services.rca import bench
from services.rca.model import PartitionModel
from services.rca.record import MAX_FINDINGS, MAX_TIMELINE
from services.rca.simulate_storm import Storm, make_storm


def newest(storm: Storm) -> tuple[PartitionModel, dict[str, Incident], list[int]]:
    """Model after the storm, newest version of each incident, and the size of each version's episode list."""
    model = PartitionModel()
    for info in storm.series:
        model.series(info)
    model.event(storm.topology)
    for batch in storm.quiet:
        model.rollup(batch)
    found: dict[str, Incident] = {}
    for m in storm.messages():
        if isinstance(m, Episode):
            model.episode(m)
        else:
            model.rollup(m)
        found |= {i.id: i for i in model.drain().incidents}
    return model, found, [len(i.episodes) for i in found.values()]


@pytest.mark.parametrize("seed", [11, 12])
def test_one_incident_a_true_cause_that_names_it(seed: int) -> None:
    storm = make_storm(episodes=1_500, islands=4, entities=50, seed=seed)
    _model, found, sizes = newest(storm)
    opened = [i for i in found.values() if i.state == "open"]
    assert len(opened) == len(storm.roots)
    assert {i.causes[0].entity for i in opened if i.verdict == "cause"} == storm.roots
    assert max(sizes) <= MAX_FINDINGS
    assert all(len(i.timeline) <= MAX_TIMELINE for i in opened)


def test_the_work_follows_what_is_new_not_what_arrives() -> None:
    small, large = (bench.storm_cost(make_storm(n, islands=3, entities=40, seed=3)) for n in (500, 4_000))
    # the same entities break at the same times, eight times as many episodes say so
    assert large["rankings"] <= 1.25 * small["rankings"]
    assert large["versions"] <= 1.5 * small["versions"]
    assert large["open_incidents"] == small["open_incidents"] == large["true_causes"]


@pytest.mark.parametrize(("islands", "entities", "seed"), [(3, 40, 3), (1, 30, 1)])
def test_services_that_do_not_know_each_other_teach_no_map(islands: int, entities: int, seed: int) -> None:
    storm = make_storm(episodes=100, islands=islands, entities=entities, seed=seed)
    model, _found, _sizes = newest(storm)
    assert [e for e in model.tenants["default"].graph.edges.values() if e.source == "learned"] == []
