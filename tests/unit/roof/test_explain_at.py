"""``kizashi explain --at``: what is read from the store becomes one document and a few sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kizashi.errors import NotFound
from services.roof import explain_at

SERIES = "00000000000000ff"
CHOSEN = {"series_id": SERIES, "metric": "cpu.load", "labels": {"host": "web-1"}}
Rows = list[dict[str, Any]]


def stored(n: int = 1500, last: float = 40.0) -> Rows:
    values = np.random.default_rng(0).normal(10.0, 1.0, n)
    values[-1] = last
    row = {"stored_score": 1.4, "point_score": 1.0, "novelty_score": 1.4, "expected": 10.0, "lower": 7.0, "upper": 13.0, "flags": 2}
    place = {"src_topic": "T", "src_partition": 3, "src_offset": 77}
    return [{"ts_ms": 60_000 * (k + 1), "value": float(v), **row, **place} for k, v in enumerate(values)][::-1]


def config(kind: str, id_: str, based_on: int, body: str, deleted: int = 0) -> dict[str, Any]:
    return {"kind": kind, "id": id_, "based_on": based_on, "deleted": deleted, "body": body}


def store(samples: Rows, log: Rows, verdicts: Rows, episodes: Rows) -> Callable[..., Rows]:
    def select(sql: str, parameters: dict[str, Any]) -> Rows:
        assert parameters["series"] == SERIES
        found = {"samples FINAL": samples, "v_config": log, "v_feedback": verdicts, "v_episodes": episodes}
        return next(rows for name, rows in found.items() if name in sql)

    return select


def test_an_open_episode_is_told_with_its_model_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    episode = {"id": "episode-1", "kind": "anomaly", "state": "open", "time": "t", "peak_score": 2.0, "head": "novelty", "model": "m:1"}
    verdicts = [{"target": "e", "verdict": "false", "undo": 0}, {"target": "e", "verdict": "false", "undo": 1},
                {"target": "e", "verdict": "true", "undo": 0}]  # fmt: skip
    monkeypatch.setattr(explain_at, "select", store(stored(), [], verdicts, [episode]))
    told = explain_at.document("acme", CHOSEN, 10**12)
    assert told["replayed"]["gate"] == "fired"
    assert told["place"] == {"topic_id": "T", "partition": 3, "offset": 77}
    assert told["verdicts"] == [("e", "true")]
    text = "\n".join(explain_at.sentences(told))
    for part in (
        "outside the expected band",
        "gate: fired",
        "partition 3, offset 77",
        "episode episode-1",
        "-1 steps",
        "1,500 stored samples",
    ):
        assert part in text


def test_the_rule_in_force_is_the_gate_and_the_first_change_on_a_version_has_won(monkeypatch: pytest.MonkeyPatch) -> None:
    log = [
        config("sensitivity", "a", 0, '{"metric": "cpu.*", "min_deviation": 100}'),
        config("sensitivity", "a", 0, '{"metric": "cpu.*"}'),
        config("sensitivity", "b", 0, '{"metric": "disk.*", "min_deviation": 1}'),
        config("sensitivity", "c", 0, '{"direction": "down"}'),
        config("sensitivity", "c", 1, "null", deleted=1),
        config("scoring", "tenant", 0, '{"time_zone": "Asia/Tokyo"}'),
    ]
    monkeypatch.setattr(explain_at, "select", store(stored(), log, [], []))
    told = explain_at.document("acme", CHOSEN, 10**12)
    assert told["rule"]["min_deviation"] == 100
    assert told["replayed"]["gate"] == "min_deviation"
    assert told["episode"] is None


def test_nothing_stored_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_at, "select", store([], [], [], []))
    with pytest.raises(NotFound, match="14 days"):
        explain_at.document("acme", CHOSEN, 0)
