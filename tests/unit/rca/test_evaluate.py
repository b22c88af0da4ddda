"""The evaluation commands on files as people lay them out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kizashi.errors import Refused
from services.rca.case_eval import eval_rca, read_case
from services.rca.evaluate import main
from services.rca.storm_eval import eval_alerts


def table(path: Path, columns: list[str], rows: np.ndarray, step_s: float = 1.0, holes: bool = False) -> None:
    lines = ["time," + ",".join(columns)]
    for i, row in enumerate(rows):
        cells = ["" if holes and (i + j) % 7 == 0 else f"{x:.6g}" for j, x in enumerate(row)]
        lines.append(f"{i * step_s:g}," + ",".join(cells))
    path.write_text("\n".join(lines) + "\n")


def case(folder: Path, graph: bool = True, holes: bool = False) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    columns = ["shop:shop:latency", "db:cpu", "db:latency", "mail:latency"]
    during = 5 + rng.normal(size=(40, 4)) + np.array([8.0, 30.0, 15.0, 0.0])
    table(folder / "normal.csv", columns, 5 + rng.normal(size=(200, 4)), holes=holes)
    table(folder / "abnormal.csv", columns, during, holes=holes)
    (folder / "target.txt").write_text("shop:shop:latency\n")
    if graph:
        (folder / "edges.csv").write_text("caller,callee\nshop,db\nshop,mail\n")


@pytest.mark.parametrize("graph", [True, False])
@pytest.mark.parametrize("holes", [True, False])
def test_a_case_is_answered_with_its_terms(tmp_path: Path, graph: bool, holes: bool) -> None:
    case(tmp_path / "in" / "one", graph, holes)
    eval_rca(tmp_path / "in", tmp_path / "out")
    answer = json.loads((tmp_path / "out" / "one.json").read_text())
    assert answer["verdict"] == "cause"
    assert answer["services"][0]["name"] == "db"
    assert answer["indicators"][0]["name"] == "db:cpu"
    assert {x["name"] for x in answer["indicators"]} == {"shop:shop:latency", "db:cpu", "db:latency", "mail:latency"}
    scores = [x["score"] for x in answer["indicators"]]
    assert scores == sorted(scores, reverse=True)


def test_a_column_is_split_at_its_first_colon(tmp_path: Path) -> None:
    case(tmp_path / "c")
    window, graph, alarm = read_case(tmp_path / "c")
    assert (window.entities[0], window.names[0]) == ("shop", "shop:latency")
    assert (alarm.entity, alarm.indicator) == ("shop", "shop:latency")
    assert set(graph.callees("shop")) == {"db", "mail"}


def test_odd_input_is_refused_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rca", str(tmp_path / "nothing"), str(tmp_path / "out")]) == 2
    (tmp_path / "in" / "bare").mkdir(parents=True)
    assert main(["rca", str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    assert "normal.csv" in capsys.readouterr().err
    assert main(["what"]) == 2
    case(tmp_path / "empty" / "c")
    (tmp_path / "empty" / "c" / "abnormal.csv").write_text("time,db:cpu\n")
    with pytest.raises(Refused, match="no rows"):
        eval_rca(tmp_path / "empty", tmp_path / "out")


def test_a_storm_is_grouped_without_looking_ahead(tmp_path: Path) -> None:
    """The prediction of a group may not change with what arrives more than a minute later, nor earlier groups with a cut-off tail."""
    rows = ["time,service,kind", "0,db,errors", "4,db,latency", "30,cart,latency", "38,cart,errors", "300,mail,errors", "305,mail,slo"]
    answers = []
    for name, lines in (("whole", rows), ("cut", rows[:5])):
        folder = tmp_path / name / "s"
        folder.mkdir(parents=True)
        (folder / "graph.csv").write_text("caller,callee,probability\ncart,db,0.9\nshop,cart,0.8\nmail,queue,0.5\n")
        (folder / "alerts.csv").write_text("\n".join(lines) + "\n")
        eval_alerts(tmp_path / name, tmp_path / f"{name}-out")
        answers.append(json.loads((tmp_path / f"{name}-out" / "s.json").read_text()))
    whole, cut = answers
    assert len(set(whole["groups"][:4])) == 1
    assert len(set(whole["groups"])) == 2
    first = whole["groups"][0]
    assert whole["groups"][:4] == cut["groups"]
    assert (whole["roots"][first], whole["blast"][first]) == (cut["roots"][first], cut["blast"][first]) == ("db", ["cart", "db", "shop"])
