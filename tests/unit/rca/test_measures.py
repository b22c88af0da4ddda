"""What the accuracy page is made of: simulated cases, scores, the map's precision, PetShop's truth, misses and the part itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kizashi.contracts.accuracy import Answer
from services.rca import results
from services.rca.bench import case_cost
from services.rca.case_score import scores, simulated
from services.rca.map_score import average_precision, precisions
from services.rca.misses import worst_misses
from services.rca.petshop import issues
from services.rca.simulate_case import MAKES, make_case
from services.rca.window import Window
from tests.unit.rca.test_grouping import graph_of


@pytest.mark.parametrize("name", MAKES)
def test_a_seed_is_a_case_and_another_seed_another_one(name: str) -> None:
    make = MAKES[name]
    first, again, other = make_case(make, 7), make_case(make, 7), make_case(make, 8)
    assert np.array_equal(first.window.normal, again.window.normal, equal_nan=True)
    assert first.service == again.service
    assert not np.array_equal(first.window.normal[:, :9], other.window.normal[:, :9], equal_nan=True)
    assert first.window.normal.shape[0] == make.before and first.window.abnormal.shape[0] == make.during
    assert first.service in first.window.entities
    assert bool(first.graph.entities()) == make.graph
    assert make_case(make, 7, quiet=True).fault is None


def test_a_late_alarm_misses_the_first_rows() -> None:
    assert len(make_case(MAKES["seconds"], 7, late_s=60).window.abnormal) == 240
    assert len(make_case(MAKES["minutes"], 7, late_s=3_600).window.abnormal) == 1


def test_what_is_plain_is_found_and_quiet_is_called_quiet() -> None:
    found = simulated(MAKES["home"], 12, seed=71)
    assert found["ac1"] >= 0.75 and found["ac3"] >= found["ac1"]
    assert found["specificity"] >= 0.6
    assert abs(found["late_costs"]) <= 0.1
    assert scores([]) == {"ac1": 0.0, "ac3": 0.0, "indicator_ac1": 0.0, "said_cause": 0.0}


def calling(seed: int = 0) -> Window:
    """Six services in a line: each one's requests are its caller's with noise of its own."""
    rng = np.random.default_rng(seed)
    x = [100 + np.cumsum(rng.normal(size=600))]
    for _ in range(5):
        x.append(x[-1] * 0.8 + rng.normal(0, 0.3, 600).cumsum() * 0.3)
    table = np.column_stack(x)
    table[5, 2] = np.nan
    names = tuple(f"s{i}|requests" for i in range(6))
    return Window(tuple(f"s{i}" for i in range(6)), names, names, table, table[:0], 60.0)


def test_precision_of_a_learned_map_beside_its_baselines() -> None:
    assert average_precision(np.array([3.0, 2.0, 1.0]), np.array([False, True, True])) == pytest.approx((1 / 2 + 2 / 3) / 2)
    graph = graph_of(*[(f"s{i}", f"s{i + 1}") for i in range(5)])
    (found,) = precisions(calling(), graph, ("requests", "latency"))
    assert found["learned"] > 0.6
    assert set(found) == {"learned", "correlation", "partial"}
    assert precisions(calling(), graph_of(("s0", "s1")), ("requests",)) == []  # too few edges to score


def petshop(folder: Path) -> Answer:
    """Two scenarios, one without its quiet table; two issues, one answered wrongly."""
    base = folder / "data" / "dataset"
    for scenario, quiet in (("high", True), ("low", False)):
        (base / scenario).mkdir(parents=True)
        (base / scenario / "graph.csv").write_text("x")
        if quiet:
            (base / scenario / "noissue").mkdir()
            (base / scenario / "noissue" / "metrics.csv").write_text("x")
        for issue in (1, 2):
            at = base / scenario / "train" / f"issue_{issue}"
            at.mkdir(parents=True)
            (at / "target.json").write_text(json.dumps({"root_cause": {"node": f"db:{issue}"}, "target": {}}))
    out = folder / "kept" / "out"
    out.mkdir(parents=True)
    right = {"verdict": "cause", "reason": "", "services": [{"name": "db_1", "score": 2.0, "terms": {"own": 2.0}}]}
    said = [{"name": "web", "score": 3.0, "terms": {"own": 3.0}}, {"name": "db_2", "score": 1.0, "terms": {"own": 0.5, "size": 0.5}}]
    (out / "case0000.json").write_text(json.dumps(right))
    (out / "case0001.json").write_text(json.dumps({"verdict": "cause", "reason": "", "services": said}))
    case = folder / "kept" / "in" / "case0001"
    case.mkdir(parents=True)
    w = calling()
    rows = ["time," + ",".join(f"{e}:{n}" for e, n in zip(w.entities, w.names, strict=True))]
    rows += [",".join(map(str, [k, *w.normal[k]])) for k in range(len(w.normal))]
    (case / "normal.csv").write_text("\n".join(rows))
    (case / "abnormal.csv").write_text("\n".join([rows[0], rows[-1]]))
    (case / "edges.csv").write_text("caller,callee\n" + "\n".join(f"s{i},s{i + 1}" for i in range(5)))
    return Answer({"n": 2.0, "svc_ac1": 0.5, "svc_ac3": 1.0, "specificity": 1.0, "quiet_cases": 8}, folder / "kept", folder / "data")


def test_the_truth_comes_in_the_scorers_order(tmp_path: Path) -> None:
    petshop(tmp_path)
    found = issues(tmp_path / "data")
    assert [(i.folder, i.scenario, i.name, i.cause) for i in found] == [
        ("case0000", "high", "train/issue_1", "db_1"), ("case0001", "high", "train/issue_2", "db_2"),
    ]  # fmt: skip


def test_a_miss_says_which_term_misled(tmp_path: Path) -> None:
    found = worst_misses(petshop(tmp_path), simulated=2, seed=71)
    assert (found[0].set, found[0].case, found[0].expected, found[0].said) == ("PetShop", "high train/issue_2", "db_2", "web")
    assert found[0].why == "own speaks for web by 2.50 more (3.00 against 1.00); the cause was number 2 of 2"
    assert all(m.set.startswith("simulated") and m.why for m in found[1:])


def test_the_part_has_every_bar_of_the_issue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "COUNT", 2)
    monkeypatch.setattr(results, "make_storm", lambda: make_small())
    storms = {q.key: Answer({"ari": 0.9, "pair_f1": 0.9, "root_at_1": 0.8, "blast_f1": 0.9}, tmp_path, tmp_path) for q in results.STORMS}
    part = results.part(storms | {results.PETSHOP.key: petshop(tmp_path)})
    by_name = {f.name: f for f in part.figures}
    assert by_name["PetShop AC@1"].met is False and by_name["PetShop AC@3"].met is True
    assert by_name["storms, root@1, worst of 3 seeds"].met is False
    assert by_name["learned dependencies, average precision"].bar is not None
    assert by_name["open incidents a true cause, same storm"].value == 1.0
    assert part.misses and [t.title for t in part.tables] == ["PetShop", "Alert storms"]


def make_small() -> object:
    from services.rca.simulate_storm import make_storm

    return make_storm(200, islands=2, entities=20, seed=1)


def test_a_case_costs_something_that_is_told() -> None:
    found = case_cost(services=5)
    assert set(found) == {"ms_without_map_best", "ms_without_map_median", "ms_with_map_best", "ms_with_map_median"}
    assert all(v >= 0 for v in found.values())
