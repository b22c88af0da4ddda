"""An explanation of the past equals what the live model said then, when all of it is stored."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.contracts.batches import HISTORY, SeriesInfo
from kizashi.contracts.scoring import Scoring, Sensitivity
from services.anomaly.bank import Bank
from services.anomaly.replayed import explain_last

INFO = SeriesInfo(5, "acme", "cpu", {"host": "a"})


def lived(n: int = 1800) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    values = np.random.default_rng(0).normal(10.0, 1.0, n)
    values[-1] = 40.0
    return np.arange(1, n + 1) * 60_000, values


def test_it_is_the_live_models_own_explanation() -> None:
    ts, values = lived()
    live = Bank()
    live.register(INFO)
    scored = live.score(np.full(len(ts), 5, np.uint64), ts, values, np.zeros(len(ts), np.uint8))
    told = explain_last(INFO, ts, values, np.zeros(len(ts), np.uint8))
    assert told.explanation == live.explain(5)
    assert told.score == float(scored.score[-1])
    assert told.explanation.gate == "fired"


@pytest.mark.parametrize(
    ("rule", "gate"), [(Sensitivity(min_deviation=100.0), "min_deviation"), (Sensitivity(direction="down"), "min_deviation")]
)
def test_a_rule_is_the_gate(rule: Sensitivity, gate: str) -> None:
    ts, values = lived()
    told = explain_last(INFO, ts, values, np.zeros(len(ts), np.uint8), Scoring(time_zone="Asia/Tokyo"), rule)
    assert told.explanation.gate == gate


def test_imported_history_teaches_and_opens_no_episode() -> None:
    ts, values = lived()
    flags = np.full(len(ts), HISTORY, np.uint8)
    told = explain_last(INFO, ts, values, flags)
    values[-1] = 10.0
    assert told.explanation.episodes == 0
    assert told.explanation.learned == len(ts)
    after = explain_last(INFO, np.append(ts, ts[-1] + 60_000), np.append(values, 60.0), np.append(flags, 0).astype(np.uint8))
    assert after.explanation.gate == "fired"


def test_feedback_counts_in_the_replay() -> None:
    ts, values = lived()
    told = explain_last(INFO, ts, values, np.zeros(len(ts), np.uint8), verdicts=[("e1", "false"), ("e2", "false")])
    assert told.explanation.feedback_steps == 4
    assert told.explanation.boundary > 1.5
