"""From messages to columns: versions, scaling, newest rows, misfits."""

from __future__ import annotations

import numpy as np
import pytest

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import DUPLICATE, LATE, UNSCORED, ScoresBatch, thousandths
from kizashi.contracts.findings import Alert, Cause, ConfigChange, Delivery, Edge, Episode, Feedback, Forecast, Incident, Pattern, Risk
from kizashi.contracts.inputs import Event
from kizashi.errors import InvalidMessage
from services.sink.fence import Cut
from services.sink.finding_rows import LANDINGS, Landed, decode, misfits, named, series_number
from services.sink.score_rows import Arrival, current_block, sample_block, versions

SERIES = "00000000000000ff"
MESSAGES = {
    topics.EPISODES.name: Episode("e", 1, "t", SERIES, "cpu", {"service": "a"}, "anomaly", "open", 1, 2),
    topics.PATTERNS.name: Pattern(SERIES, 1, "t", 1),
    topics.FORECASTS.name: Forecast("t", SERIES, 1, 60_000, [1.0], [0.1, 0.9], [[0.0], [2.0]], scored=[(1, 1.0, 2.0, 1.0)]),
    topics.RISKS.name: Risk("r", 1, "t", "disk", "capacity", 1),
    topics.INCIDENTS.name: Incident("i", 1, "t", "open", "x", "critical", 1, 2, causes=[Cause("db", 0.9, {})]),
    topics.ALERTS.name: Alert("a", 1, "t", "firing", "rule", "warning", "x", 1, 2),
    topics.DELIVERIES.name: Delivery("d", "a", "t", "slack", 1, "sent"),
    topics.EVENTS.name: Event("topology", "a", 1, "v", edges=[("a", "b")], attributes={"until_ms": 5}),
    topics.OUTCOMES.name: Event("change", "a", 1, "v"),
    topics.EDGES.name: Edge("t", "a", "b", "traced", 0.5, 1, 2),
    topics.CONFIG.name: ConfigChange("rule", "x", 0, {"a": 1}, "ada", 1, "c"),
    topics.FEEDBACK.name: Feedback("f", "t", "e", "true", "ada", 1),
}


@pytest.mark.parametrize("topic", MESSAGES)
def test_every_topic_has_rows(topic: str) -> None:
    message = decode(topic, codec.encode(MESSAGES[topic]))
    found = [Landed(message, 7, 8)]
    assert misfits(topic, found) == {}
    for table, block in LANDINGS[topic].rows(found * 3, 9):
        assert block.rows == 3, table
        assert len(set(block.names)) == len(block.names)


def test_forecasts_fill_a_second_table_and_topology_does_not() -> None:
    tables = {
        t: [name for name, _ in LANDINGS[t].rows([Landed(MESSAGES[t], 0, 0)], 0)] for t in (topics.EVENTS.name, topics.FORECASTS.name)
    }
    assert tables == {topics.EVENTS.name: ["events"], topics.FORECASTS.name: ["forecasts", "forecast_errors"]}


def test_a_dependency_that_left_the_map_is_no_part_of_its_history() -> None:
    rows = LANDINGS[topics.EDGES.name].rows
    seen, gone = (Edge("t", "a", "b", "traced", c, 1, 601_000) for c in (0.5, 0.01))
    assert [name for name, _ in rows([Landed(gone, 0, 0)], 0)] == ["edges"]
    both = dict(rows([Landed(seen, 0, 0), Landed(gone, 1, 0)], 0))
    assert (both["edges"].rows, both["edge_history"].rows) == (2, 1)
    assert rows([], 0) == []


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (topics.EPISODES.name, Episode("e", 1, "t", "no id", "cpu", {}, "anomaly", "open", 1, 2)),
        (topics.EPISODES.name, Episode("e", 1, "t", SERIES, "cpu", {}, "anomaly", "open", 10**30, 2)),
        (topics.FORECASTS.name, Forecast("t", SERIES, 1, 60_000, [1.0], [0.5], [[1.0, 2.0]])),
        (topics.FORECASTS.name, Forecast("t", SERIES, 1, 60_000, [1.0], [0.1, 0.9], [[1.0]])),
    ],
)
def test_misfits_are_found_among_the_others(topic: str, message: object) -> None:
    good = Landed(MESSAGES[topic], 0, 0)
    wrong = misfits(topic, [good, Landed(message, 1, 0), good])
    assert set(wrong) == {1}
    assert wrong[1].reason in ("schema", "range")


def test_series_numbers() -> None:
    assert (series_number(""), series_number(SERIES), series_number("f" * 16)) == (0, 255, 2**64 - 1)
    for text in ("ff", "x" * 16):
        with pytest.raises(InvalidMessage):
            series_number(text)


def test_labels_that_name_a_service() -> None:
    assert named({"job": "b", "service": "a"}, ("service", "job")) == "a"
    assert named({"service": "", "job": "b"}, ("service", "job")) == "b"
    assert named({}, ("service",)) == ""


def test_scores_in_thousandths() -> None:
    scores = np.array([0.0, 0.0004, 0.9996, 1.2342, np.nan, np.inf, -1.0, 1e12], np.float32)
    assert thousandths(scores).tolist() == [0, 0, 1000, 1234, 0, 4_000_000_000, 0, 4_000_000_000]


def test_the_first_of_the_log_has_the_highest_version() -> None:
    flags = np.array([0, 0, UNSCORED, DUPLICATE, LATE], np.uint8)
    got = versions(flags, np.array([5, 6, 1, 0, 7]))
    assert got[0] > got[1] > got[4] > got[2] > got[3]


def arrival(ids: list[int], ts: list[int], flags: list[int], counts: list[int] | None = None, cut: Cut | None = None) -> Arrival:
    n = len(ids)
    f32 = np.arange(n, dtype=np.float32)
    counts, values = counts or [n], np.arange(n, dtype=np.float64)
    b = ScoresBatch(
        "t", 3, 0, np.arange(10, 10 + len(counts)), np.array(counts, np.uint32), np.array(ids, np.uint64), np.array(ts), values,
        f32, f32, f32, f32, np.array(flags, np.uint8), f32, f32,
    )  # fmt: skip
    return Arrival(b, cut or Cut(0, 0), 1_700_000_000)


def test_newest_rows_leave_late_ones_and_repeats_out() -> None:
    some = [arrival([1, 2, 1], [10, 10, 20], [0, 0, 0]), arrival([1, 2, 3], [15, 10, 5], [LATE, DUPLICATE, LATE])]
    block = current_block(some)
    assert block.rows == 2  # series 3 has only a late row
    assert np.array([20, 10], "<i8").tobytes() in block.encode()


def test_no_timely_row_no_newest_row() -> None:
    assert current_block([arrival([1], [1], [LATE])]).rows == 0


def test_sample_rows_leave_out_what_was_cut() -> None:
    a = arrival([1, 2, 3], [1, 2, 3], [0, 0, 0], counts=[2, 1], cut=Cut(1, 2))
    block = sample_block([a])
    assert (block.rows, a.rows, a.day) == (1, 1, "2023-11-14")
    assert np.array([11], "<u8").tobytes() in block.encode()  # the offset of the second slice
