"""What the pipeline benchmark hears of delays: the slow ones too, or it says that they are missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest
import websockets

from kizashi.errors import Recoverable
from services.roof.bench_listen import FIRST_WITHIN_S, Heard, delay_figures, listen

LOAD_BEGAN = 1_000_000
Step = tuple[float, object]
"""At this second after the start of the load, this message; an exception is raised."""


class Script:
    """A WebSocket on which all happens at the seconds written down, and then nothing more; its clock stands still otherwise."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.now = float(LOAD_BEGAN)
        self.said: list[str] = []

    async def send(self, message: str, /) -> None:
        self.said.append(message)

    async def recv(self) -> str:
        if not self.steps:
            self.now = float("inf")
            raise TimeoutError
        at, message = self.steps.pop(0)
        self.now = LOAD_BEGAN + at * 1e3
        if isinstance(message, Exception):
            raise message
        return json.dumps(message)


def points(*made_s: float, series: Sequence[str] = ("a", "b"), conflated: bool = False) -> dict[str, object]:
    """Points of each series, made so many seconds after the start of the load."""
    found = [{"id": name, "ts": [int(LOAD_BEGAN + s * 1e3) for s in made_s]} for name in series]
    return {"op": "points", "id": "bench", "series": found} | ({"conflated": True} if conflated else {})


def hear(steps: Sequence[Step], seconds: float = 10.0) -> Heard:
    """What is heard of series a and b."""
    script = Script(steps)
    heard = asyncio.run(listen(script, ["a", "b"], seconds, LOAD_BEGAN, clock_ms=lambda: script.now))
    assert json.loads(script.said[0]) == {"op": "sub", "id": "bench", "series": ["a", "b"]}
    return heard


def test_a_house_that_is_far_behind_gives_all_its_points_and_their_delays() -> None:
    behind = 20
    heard = hear([(s + behind, points(s)) for s in range(1, 40)])
    assert heard.first_point_s == 21.0
    assert [ts for ts, _ in heard.points] == [LOAD_BEGAN + s * 1_000 for s in range(21, 31) for _ in "ab"]
    assert {delay for _, delay in heard.points} == {20_000.0}
    assert heard.late == 0


def test_what_came_of_an_earlier_load_is_no_first_point() -> None:
    heard = hear(
        [
            (0.1, points(-3.0, -1.0)),
            (0.2, {"op": "hb", "now_ms": 0}),
            (0.3, {"op": "points", "series": []}),
            (5, points(4)),
            (16, points(16)),
        ]
    )
    assert heard.first_point_s == 5.0 and heard.begun_ms == LOAD_BEGAN + 5_000
    assert heard.points == [] and heard.late == 0


def test_every_point_of_a_message_counts_and_not_only_the_newest() -> None:
    heard = hear([(1, points(0.5)), (8, points(2, 3, 7)), (12, points(11.5))])
    assert sorted({delay for _, delay in heard.points}) == [1_000.0, 5_000.0, 6_000.0]


def test_a_series_that_falls_silent_is_late() -> None:
    heard = hear([(s + 0.2, points(s, series=("a",) if s > 4 else ("a", "b"))) for s in range(1, 60)])
    assert heard.late == 1 and heard.end_ms == LOAD_BEGAN + 11_200
    assert len(heard.points) == 13
    assert delay_figures(heard)["late"] == 1


def test_the_connection_is_given_up_some_time_after_the_end() -> None:
    heard = hear([(1, points(1)), *((s, {"op": "hb"}) for s in range(2, 100))])
    assert heard.late == 2 and heard.points == []
    assert delay_figures(heard) == {"points": 0, "late": 2, "conflated": 0, "first_point_s": 1.0}


def test_points_that_the_gateway_left_out_are_told() -> None:
    assert hear([(1, points(1)), (5, points(4, conflated=True)), (12, points(12))]).conflated == 1


@pytest.mark.parametrize("before", [[], [(1, points(1))]])
def test_an_error_is_no_silence(before: list[Step]) -> None:
    with pytest.raises(Recoverable, match="Kafka is away"):
        hear([*before, (10, {"op": "error", "id": "bench", "detail": "Kafka is away"})])
    with pytest.raises(Recoverable, match="closed the WebSocket"):
        hear([*before, (10, websockets.ConnectionClosedError(None, None))])


def test_no_score_at_all_ends() -> None:
    with pytest.raises(Recoverable, match="no score of 2 series"):
        hear([])
    with pytest.raises(Recoverable, match="no score of 2 series"):
        hear([(s, {"op": "hb"}) for s in range(int(FIRST_WITHIN_S) + 10)])


def test_a_slow_start_shows_in_the_whole_and_not_in_the_second_half() -> None:
    slow = [(1_000 + 100 * k, 5_000.0 - 50 * k) for k in range(20)]
    quick = [(3_000 + 100 * k, 200.0) for k in range(80)]
    figures = delay_figures(Heard(1.5, 1_000, 11_000, slow + quick, 0, 0))
    assert figures["points"] == 100 and figures["first_point_s"] == 1.5
    assert figures["p99_ms"] > 4_900 and figures["p50_ms"] == 200
    assert figures["second_half_p99_ms"] == figures["second_half_p50_ms"] == 200


def test_a_house_that_stopped_in_the_first_half_has_no_second() -> None:
    figures = delay_figures(Heard(1.0, 1_000, 11_000, [(2_000, 100.0)], 1, 0))
    assert figures["p50_ms"] == 100 and "second_half_p50_ms" not in figures
