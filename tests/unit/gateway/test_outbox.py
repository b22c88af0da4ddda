from __future__ import annotations

import json

import pytest

from services.gateway.live.outbox import Outbox, Overflow
from services.gateway.live.rows import Fragment


def fragment(series: int, *ts: int) -> dict[int, Fragment]:
    full = json.dumps({"id": f"{series:016x}", "ts": list(ts)}).encode()
    last = json.dumps({"id": f"{series:016x}", "ts": [ts[-1]]}).encode()
    return {series: Fragment(full, len(ts), lambda: last)}


def take_all(outbox: Outbox) -> list[dict[str, object]]:
    out = []
    while (m := outbox.take()) is not None:
        out.append(json.loads(m))
    return out


def test_a_client_that_keeps_up_gets_every_point() -> None:
    outbox = Outbox(10, 1_000)
    seen: list[int] = []
    for tick in range(5):
        outbox.put_points("p", f"0:{tick}", fragment(1, tick * 2, tick * 2 + 1))
        (message,) = take_all(outbox)
        assert "conflated" not in message
        seen += message["series"][0]["ts"]  # type: ignore[index]  # JSON
    assert seen == list(range(10))
    assert outbox.conflated == 0


def test_points_of_a_slow_client_shrink_to_the_newest_a_series() -> None:
    outbox = Outbox(10, 1_000)
    outbox.put_points("p", "0:1", fragment(1, 1, 2) | fragment(2, 1))
    for tick in range(100):
        outbox.put_points("p", f"0:{tick + 2}", fragment(1, 100 + tick))
    assert len(outbox) == 1
    (message,) = take_all(outbox)
    assert message["cursor"] == "0:101" and message["conflated"] is True
    by_id = {s["id"]: s["ts"] for s in message["series"]}  # type: ignore[attr-defined]  # JSON
    assert by_id == {f"{1:016x}": [199], f"{2:016x}": [1]}


def test_findings_are_never_dropped_and_go_first() -> None:
    outbox = Outbox(10, 1_000)
    outbox.put_points("p", "0:1", fragment(1, 1))
    for n in range(10):
        outbox.put(json.dumps({"n": n}).encode())
    got = take_all(outbox)
    assert [m.get("n") for m in got] == [*range(10), None]


@pytest.mark.parametrize(("messages", "size"), [(3, 10_000), (10_000, 90)])
def test_too_many_findings_end_the_connection(messages: int, size: int) -> None:
    outbox = Outbox(messages, size)
    with pytest.raises(Overflow):
        for _ in range(5):
            outbox.put(b"x" * 29)
    assert len(outbox) == 3
    assert outbox.size == 87


def test_an_ended_subscription_sends_no_more() -> None:
    outbox = Outbox(10, 1_000)
    outbox.put_points("p", "0:1", fragment(1, 1))
    outbox.forget("p")
    assert outbox.take() is None
