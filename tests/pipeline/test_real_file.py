"""A recording of a real machine through the whole house: what is stored is exactly what the file holds, and its repeats are counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.roof.verify import counted_repeats
from tests.running_house import RunningHouse, until

pytestmark = pytest.mark.pipeline
RECORDING = Path(__file__).parents[1] / "data" / "machine.csv"
REPEATS = 24
SERIES = 12


def test_a_recorded_machine_is_stored_exactly_and_its_repeats_are_counted(house: RunningHouse) -> None:
    until(lambda: house.state()["ready"], 60, 0.3, "the house was not ready")
    before = counted_repeats(house.home)
    assert before is not None
    assert json.loads(house.kizashi("send", str(RECORDING), "--speed", "300", "--json").stdout)["series"] == SERIES
    found = json.loads(house.kizashi("verify", str(RECORDING), "--within-s", "60", "--json").stdout)
    rows = len(RECORDING.read_text().splitlines()) - 1
    assert found["exact"] and found["total"]["rows"] == rows and found["total"]["repeats"] == REPEATS
    until(lambda: (counted_repeats(house.home) or 0) >= before + REPEATS, 20, 0.5, "the repeats were not counted")
    curve = house.query("SELECT count() AS rows, countIf(state = 'ok') AS judged FROM v_scores WHERE metric = 'system.cpu.utilization'")
    assert curve[0]["rows"] > 200 and curve[0]["judged"] > 0, "the scorer had enough to judge it"


def test_a_file_that_was_not_sent_is_not_exact(house: RunningHouse, unique: str, tmp_path: Path) -> None:
    (tmp_path / f"{unique}.csv").write_text("timestamp,value\n1700000000,1\n1700000060,2\n")
    done = house.kizashi("verify", str(tmp_path / f"{unique}.csv"), "--within-s", "0", "--json", check=False)
    assert done.returncode == 1 and json.loads(done.stdout)["total"]["missing"] == 2
