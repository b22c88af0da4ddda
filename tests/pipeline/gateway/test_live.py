"""The WebSocket and its twin on a real broker: what is sent arrives once, in order, also after a break; slow readers hurt nobody."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from kizashi.contracts import codec, topics
from kizashi.contracts.findings import Alert
from kizashi.contracts.ids import format_series_id, series_partition, tenant_partition
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline
PARTITIONS = topics.HOT_PARTITIONS


@asynccontextmanager
async def socket(gateway: House, key: str = "default/read", **options: Any) -> AsyncIterator[ClientConnection]:
    url = gateway.url.replace("http", "ws") + "/api/v1/ws"
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {gateway.keys[key]}"}, **options) as ws:
        yield ws


async def hear(ws: ClientConnection, op: str, sub: str = "p", within_s: float = 10.0) -> dict[str, Any]:
    """The next message of this kind; others are passed over."""
    async with asyncio.timeout(within_s):
        while True:
            message = json.loads(await ws.recv())
            if message["op"] == op and message.get("id", sub) == sub:
                return dict(message)


async def say(ws: ClientConnection, **command: Any) -> None:
    await ws.send(json.dumps(command))


async def collect(ws: ClientConnection, count: int, into: list[int]) -> str:
    """Times of points until there are ``count``; the last cursor."""
    cursor = ""
    while len(into) < count:
        message = await hear(ws, "points")
        cursor = message["cursor"]
        assert "conflated" not in message
        into += [t for s in message["series"] for t in s["ts"]]
    return cursor


async def test_points_arrive_with_their_scores_at_most_twice_a_second(gateway: House) -> None:
    number = gateway.add_series("default", "cpu", unique_labels())
    partition = series_partition(number, PARTITIONS)
    async with socket(gateway) as ws:
        await say(ws, op="sub", id="p", series=[format_series_id(number)])
        assert (await hear(ws, "points"))["series"] == []
        began = time.monotonic()
        for n in range(30):
            await gateway.score(partition, [(number, n, float(n)), (number ^ 12, n, 0.0)], score=1.5, flags=2)
            await asyncio.sleep(0.05)
        got: list[int] = []
        messages = 0
        while len(got) < 30:
            message = await hear(ws, "points")
            messages += 1
            (series,) = message["series"]
            assert series["id"] == format_series_id(number)
            assert series["score"][0] == 1.5 and series["flags"][0] == 2 and series["value"][0] == series["ts"][0]
            got += series["ts"]
        assert got == list(range(30))
        assert messages <= (time.monotonic() - began) * 2 + 2


async def test_a_new_subscription_begins_with_the_last_seconds_once(gateway: House) -> None:
    """Between a chart's stored answer and its first live point nothing is lost, whether its partition was followed already or not."""
    number = gateway.add_series("default", "cpu", unique_labels())
    name, partition = format_series_id(number), series_partition(number, PARTITIONS)
    for n in range(3):
        await gateway.score(partition, [(number, n, 1.0), (number ^ 12, n, 0.0)])
    async with socket(gateway) as first, socket(gateway) as second:
        await say(first, op="sub", id="p", series=[name])
        (found,) = (await hear(first, "points"))["series"]
        assert found["ts"] == [0, 1, 2]
        await gateway.score(partition, [(number, 3, 1.0)])
        assert (await hear(first, "points"))["series"][0]["ts"] == [3]
        await say(second, op="sub", id="p", series=[name])
        assert (await hear(second, "points"))["series"][0]["ts"] == [0, 1, 2, 3]
        await gateway.score(partition, [(number, 4, 1.0)])
        assert (await hear(second, "points"))["series"][0]["ts"] == [4]
    async with socket(gateway) as again:
        await say(again, op="sub", id="p", series=[name])
        assert (await hear(again, "points"))["series"][0]["ts"] == [0, 1, 2, 3, 4]


async def test_many_panels_that_open_at_once_each_begin_and_miss_nothing(gateway: House) -> None:
    """They are looked at together; points that come meanwhile are in the beginning of a panel or after it, once."""
    numbers = [gateway.add_series("default", f"m{n}", unique_labels()) for n in range(24)]
    by_partition: dict[int, list[int]] = {}
    for number in numbers:
        by_partition.setdefault(series_partition(number, PARTITIONS), []).append(number)
    async with socket(gateway) as ws:
        for n, number in enumerate(numbers):
            await say(ws, op="sub", id=f"p{n}", series=[format_series_id(number)])
        for ts in range(3):
            sent = (gateway.score(partition, [(number, ts, 1.0) for number in some]) for partition, some in by_partition.items())
            await asyncio.gather(*sent)
        got: dict[str, list[int]] = {}
        async with asyncio.timeout(20):
            while got != {f"p{n}": [0, 1, 2] for n in range(24)}:
                message = json.loads(await ws.recv())
                if message["op"] == "points":
                    got.setdefault(message["id"], []).extend(t for s in message["series"] for t in s["ts"])
                    assert all(len(times) <= 3 for times in got.values()), got


async def test_resume_after_a_break_has_no_gap_and_no_repeat(gateway: House) -> None:
    numbers = [gateway.add_series("default", "cpu", unique_labels()) for _ in range(3)]
    names = [format_series_id(n) for n in numbers]
    sent = 0

    async def send(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            number = numbers[sent % 3]
            await gateway.score(series_partition(number, PARTITIONS), [(number, sent, 1.0)])
            sent += 1

    got: list[int] = []
    async with socket(gateway) as ws:
        await say(ws, op="sub", id="p", series=names)
        await hear(ws, "points")
        await send(30)
        cursor = await collect(ws, 30, got)
    await send(45)
    async with socket(gateway) as ws:
        await say(ws, op="sub", id="p", series=names, since=cursor)
        sending = asyncio.create_task(send(45))
        cursor = await collect(ws, 120, got)
        await sending
        await send(15)
        await collect(ws, 135, got)
    assert sorted(got) == list(range(135))


async def test_an_impossible_cursor_says_so_and_goes_on_live(gateway: House) -> None:
    number = gateway.add_series("default", "cpu", unique_labels())
    partition = series_partition(number, PARTITIONS)
    async with socket(gateway) as ws:
        await say(ws, op="sub", id="p", series=[format_series_id(number)], since=f"{partition}:{1 << 40}")
        error = await hear(ws, "error")
        assert error["gap"] is True and "load the range again" in error["detail"]
        await hear(ws, "points")
        await gateway.score(partition, [(number, 7, 1.0)])
        assert (await hear(ws, "points"))["series"][0]["ts"] == [7]


async def test_bad_commands_are_answered_and_harm_nothing(gateway: House) -> None:
    number = gateway.add_series("default", "cpu", unique_labels())
    async with socket(gateway) as ws:
        bad: list[str] = [
            "{", "[]", '{"op":"fly"}', '{"op":"sub","id":"p","series":["zz"]}',
            '{"op":"sub","id":"p","series":[]}', '{"op":"sub","series":[]}',
            '{"op":"sub","id":"p","topic":"secrets"}', json.dumps({"op": "sub", "id": "p", "series": ["0" * 16]}), "[" * 5_000,
            json.dumps({"op": "sub", "id": "p", "series": [format_series_id(number)], "since": "x"}), '{"op":"sub","id":"p","extra":1}',
            json.dumps({"op": "sub", "id": "p", "series": ["0" * 16] * 600}),
        ]  # fmt: skip
        for text in bad:
            await ws.send(text)
            async with asyncio.timeout(10):
                assert json.loads(await ws.recv())["op"] == "error", text
        for n in range(70):
            await say(ws, op="sub", id=f"t{n}", topic="alerts")
        assert "64 subscriptions" in (await hear(ws, "error", "t64"))["detail"]
        await say(ws, op="ping")
        assert (await hear(ws, "pong"))["now_ms"] > 0


async def test_findings_reach_their_tenant_only_and_never_merge(gateway: House) -> None:
    async def alert(tenant: str, n: int) -> None:
        value = codec.encode(Alert(f"a{n}", 1, tenant, "firing", "r", "critical", f"t{n}", n, n))
        await gateway.producer.send(topics.ALERTS.name, tenant_partition(tenant, PARTITIONS), None, value)

    async with socket(gateway) as house, socket(gateway, "acme/read") as acme:
        for ws in (house, acme):
            await say(ws, op="sub", id="p", topic="alerts")
            await say(ws, op="ping")
            await hear(ws, "pong")
        for n in range(40):
            await alert("default", n)
        await alert("acme", 99)
        got = [(await hear(house, "finding"))["item"] for _ in range(40)]
        assert [a["title"] for a in got] == [f"t{n}" for n in range(40)] and got[0]["held_back_by"] == ""
        assert (await hear(acme, "finding"))["item"]["title"] == "t99"
        await say(house, op="unsub", id="p")
        await say(house, op="ping")
        await hear(house, "pong")


async def test_boards_are_pushed(gateway: House) -> None:
    gateway.add_samples([gateway.add_series("default", "cpu", unique_labels())], int(time.time() * 1_000) - 9_000, 1_000, 5)
    async with socket(gateway) as ws:
        await say(ws, op="sub", id="p", topic="overview")
        assert (await hear(ws, "finding"))["item"]["totals"]["series"] == 1
        await say(ws, op="sub", id="s", topic="stats")
        assert "delay_ms" in (await hear(ws, "finding", "s"))["item"]


async def test_another_tenants_series_look_as_if_they_did_not_exist(gateway: House) -> None:
    number = gateway.add_series("default", "cpu", unique_labels())
    async with socket(gateway, "acme/read") as ws:
        await say(ws, op="sub", id="p", series=[format_series_id(number)])
        known = await hear(ws, "error")
        await say(ws, op="sub", id="p", series=["00000000000000ff"])
        assert await hear(ws, "error") == known


async def test_who_may_open_a_socket(gateway: House) -> None:
    url = gateway.url.replace("http", "ws") + "/api/v1/ws"

    async def refused(url: str, **headers: str) -> bool:
        try:
            async with websockets.connect(url, additional_headers=headers):
                return False
        except websockets.InvalidStatus as x:
            return x.response.status_code == 403

    assert await refused(url)
    assert await refused(url, Authorization="Bearer kz.wrong")
    assert await refused(url, Authorization=f"Bearer {gateway.keys['default/ingest']}")
    async with gateway.person() as person:
        cookie = f"kizashi={person.cookies['kizashi']}"
        assert await refused(url, Cookie=cookie)
        assert await refused(url, Cookie=cookie, Origin="https://evil.example")
        async with websockets.connect(url, additional_headers={"Cookie": cookie, "Origin": gateway.url}) as ws:
            await say(ws, op="ping")
            await hear(ws, "pong")
            await person.post("/api/v1/logout")
            await say(ws, op="sub", id="p", series=["0" * 16])
            with pytest.raises(websockets.ConnectionClosed):
                await hear(ws, "points")
    async with gateway.client("default/read") as program:
        ticket = (await program.post("/api/v1/ws-ticket")).json()["ticket"]
    async with websockets.connect(f"{url}?ticket={ticket}") as ws:
        await say(ws, op="ping")
        await hear(ws, "pong")
    assert await refused(f"{url}?ticket={ticket}")


async def test_a_stalled_reader_delays_nobody(gateway: House) -> None:
    number = gateway.add_series("default", "cpu", unique_labels())
    partition, name = series_partition(number, PARTITIONS), format_series_id(number)
    others = [gateway.add_series("default", f"m{i}", unique_labels()) for i in range(150)]
    wide = [format_series_id(n) for n in others]
    async with socket(gateway, max_queue=1) as stalled, socket(gateway) as quick:
        stalled.transport.pause_reading()  # a client that never reads again
        await quick.send(json.dumps({"op": "sub", "id": "p", "series": [name]}))
        await say(stalled, op="sub", id="p", series=[name, *wide])
        await say(stalled, op="sub", id="q", series=wide)
        await hear(quick, "points")
        slowest = 0.0
        for n in range(12):
            for p in range(PARTITIONS):
                mine = [other for other in others if series_partition(other, PARTITIONS) == p]
                await gateway.score(p, [(other, n * 100 + i, 0.5) for other in mine for i in range(100)])
            sent = time.monotonic()
            await gateway.score(partition, [(number, n, 1.0)])
            got: list[int] = []
            while n not in got:
                got += [t for s in (await hear(quick, "points"))["series"] for t in s["ts"]]
            slowest = max(slowest, time.monotonic() - sent)
        assert slowest < 2.0, f"the quick reader waited {slowest:.2f} s"


async def test_server_sent_events_are_the_twin(gateway: House) -> None:
    number = gateway.add_series("default", "cpu", unique_labels())
    partition = series_partition(number, PARTITIONS)
    got: list[int] = []
    cursor = ""
    async with gateway.client("default/read") as client:
        ask = {"series": format_series_id(number)}
        for last in (3, 6):
            headers = {"Last-Event-ID": cursor} if cursor else {}
            async with client.stream("GET", "/api/v1/stream", params=ask, headers=headers) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                async for line in answer.aiter_lines():
                    if line.startswith("id: "):
                        cursor = line[4:]
                    if line.startswith("data: "):
                        points = [t for s in json.loads(line[6:])["series"] for t in s["ts"]]
                        got += points
                        if not points and not got:
                            for n in range(3):
                                await gateway.score(partition, [(number, n, 1.0)])
                    if len(got) >= last:
                        break
            if last == 3:
                for n in range(3, 6):
                    await gateway.score(partition, [(number, n, 1.0)])
    assert got == list(range(6))
