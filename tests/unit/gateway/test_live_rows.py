from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.contracts.batches import ScoresBatch
from services.gateway.live.cursor import BadCursor, format_cursor, parse_cursor
from services.gateway.live.rows import Sieve, cut, fragments, join, pick_fragments, points_message, shorten

U64 = st.integers(0, 2**64 - 1)


def batch(ids: list[int], ts: list[int], values: list[float]) -> ScoresBatch:
    n = len(ids)
    f32 = np.linspace(0.1, 2.0, n, dtype=np.float32) if n else np.empty(0, np.float32)
    return ScoresBatch(
        "t", 0, 0, np.array([0], np.int64), np.array([n], np.uint32), np.array(ids, np.uint64), np.array(ts, np.int64),
        np.array(values, np.float64), f32, f32, f32, f32, np.zeros(n, np.uint8), f32, f32,
    )  # fmt: skip


@given(st.sets(U64, max_size=40), st.lists(U64, max_size=200))
def test_sieve_picks_exactly_the_subscribed(subscribed: set[int], arriving: list[int]) -> None:
    ids = np.array(arriving + sorted(subscribed), np.uint64)
    picked = Sieve(subscribed).pick(ids).tolist()
    assert picked == [i for i, x in enumerate(ids.tolist()) if x in subscribed]


def test_sieve_tells_ids_with_the_same_low_bits_apart() -> None:
    assert Sieve([5]).pick(np.array([5 + (1 << 16), 5, 5 + (1 << 40)], np.uint64)).tolist() == [1]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=50))
def test_shorten_keeps_what_a_float32_holds(values: list[float]) -> None:
    x = np.array(values, np.float64)
    short = shorten(x)
    same = (short.astype(np.float32) == x.astype(np.float32)) | (np.isnan(short) & np.isnan(x))
    near = np.isclose(short, x, rtol=1e-6, atol=0) | (np.abs(x) < 1e-30)
    assert np.all(same | near)


def message(series: set[int], *batches: ScoresBatch) -> dict[str, Any]:
    sieve = Sieve(series)
    found = fragments(join([cut(b, sieve.pick(b.ids)) for b in batches]))
    parts = [f.full for f in pick_fragments(frozenset(series), found).values()]
    return dict(json.loads(points_message("p", "0:1", parts)))


def test_points_are_grouped_by_series_in_order_of_arrival() -> None:
    got = message({1, 2}, batch([2, 1, 3], [10, 11, 12], [1.5, 2.5, 9.0]), batch([1, 2], [21, 20], [3.5, float("nan")]))
    by_id = {s["id"]: s for s in got["series"]}
    assert by_id["0000000000000001"]["ts"] == [11, 21]
    assert by_id["0000000000000001"]["value"] == [2.5, 3.5]
    assert by_id["0000000000000002"]["ts"] == [10, 20]
    assert by_id["0000000000000002"]["value"] == [1.5, None]
    assert len(got["series"]) == 2
    assert {len(c) for s in got["series"] for k, c in s.items() if k != "id"} == {2}


def test_the_last_form_has_the_newest_point_only() -> None:
    found = fragments(cut(batch([7, 7, 7], [1, 2, 3], [1, 2, 3]), np.arange(3)))
    assert json.loads(found[7].last())["ts"] == [3]
    assert found[7].points == 3


def test_nothing_subscribed_gives_nothing() -> None:
    assert fragments(cut(batch([1], [1], [1]), np.empty(0, np.intp))) == {}


@given(st.dictionaries(st.integers(0, 500), st.integers(0, 2**62), max_size=30))
def test_cursors_come_back(offsets: dict[int, int]) -> None:
    assert parse_cursor(format_cursor(offsets)) == offsets


@pytest.mark.parametrize("text", ["x", "1", "1:", ":1", "1:2,", "1:2;3:4", "-1:2", "1:2 ", "1:" + "9" * 30, "0:1," * 5000])
def test_bad_cursors_are_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        parse_cursor(text)
