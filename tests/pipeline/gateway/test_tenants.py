"""Every route and every WebSocket operation, asked by one tenant for another's things; and texts that are meant to break in, everywhere."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import websockets

from kizashi.contracts.ids import format_series_id
from services.gateway.roles import ROUTES, Scope
from tests.pipeline.gateway.house import House

pytestmark = pytest.mark.pipeline
MARK = "zzsecretzz"
"""In every name of the other tenant; it must not be in any answer."""
KNOWN = {"id": "@", "version": 1, "tenant": "default"}
SEVERE = {**KNOWN, "severity": "critical", "updated_ms": 1}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "episodes": ("opened", {**SEVERE, "series_id": "1", "metric": "@", "labels": {}, "state": "open", "kind": "anomaly", "opened_ms": 1}),
    "incidents": ("opened", {**SEVERE, "state": "open", "title": "@", "opened_ms": 1}),
    "alerts": ("started", {**SEVERE, "state": "firing", "rule": "@", "title": "@", "started_ms": 1}),
    "risks": ("made", {**KNOWN, "entity": "@", "kind": "slo", "title": "@", "made_at_ms": 1}),
    "deliveries": ("at", {**KNOWN, "alert_id": "@", "channel": "@", "state": "sent", "at_ms": 1}),
}
CORPUS = [
    "' OR 1=1 --", "'; DROP TABLE samples; --", "\\' UNION ALL SELECT * FROM series --", "{tenant:String}", "%00", "\x00", "$(id)",
    "../../etc",
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{7*7}}", "=cmd|' /C calc'!A0", "\u202e", "a" * 5_000,
    "-1", "1e309", "18446744073709551616", "NaN", "[]", "null", "true", ";", "%27%20OR%201%3D1",
]  # fmt: skip
PARAMETERS = (
    "q", "service", "host", "metric", "cursor", "from", "to", "state", "kind", "severity", "series", "entity", "alert", "at", "limit",
    "points",
    "format", "topic", "minutes", "zone", "number", "hash", "since", "days", "deleted",
)  # fmt: skip
NEEDED = {"range": "series", "forecasts": "series", "stream": "series", "correlation": "series", "whatif": "entity", "changed": "from"}


def plant(gateway: House) -> int:
    """Something of everything in the tenant ``default``; the number of its series."""
    now_ms = int(time.time() * 1_000)
    number = gateway.add_series("default", f"{MARK}_cpu", {"service": f"{MARK}-web", "host": f"{MARK}-1"})
    gateway.add_samples([number], now_ms - 60_000, 1_000, 50)
    for table, (column, body) in ROWS.items():
        gateway.store.command(
            f"INSERT INTO {table} (tenant, {column}, id, body, written) VALUES ('default', fromUnixTimestamp64Milli({now_ms}), '{MARK}-1', '{json.dumps(body).replace('@', MARK)}', now64(3))"  # noqa: E501
        )
    gateway.store.command(
        "INSERT INTO edges (tenant, caller, callee, source, last, written) VALUES "
        f"('default', '{MARK}-a', '{MARK}-b', 'traced', now64(3), now64(3))"
    )
    gateway.store.command(
        "INSERT INTO events (tenant, ts, id, type, entity, title, written) VALUES "
        f"('default', now64(3), '{MARK}', 'change', '{MARK}', '{MARK}', now64(3))"
    )
    return number


def readable() -> list[str]:
    return [p for (m, p), access in ROUTES.items() if m == "GET" and isinstance(access, Scope) and not p.endswith("/stream")]


def concrete(path: str, series: str) -> str:
    for name, value in {
        "{series_id}": series, "{incident_id}": f"{MARK}-1", "{kind}": "dashboard", "{object_id}": f"{MARK}-board", "{share_id}": "none",
        "{silence_id}": f"{MARK}-1", "{annotation_id}": f"{MARK}-1", "{alert_id}": f"{MARK}-1",
    }.items():  # fmt: skip
        path = path.replace(name, value)
    return path


async def test_no_answer_holds_anything_of_another_tenant(gateway: House) -> None:
    series = format_series_id(plant(gateway))
    wide: dict[str, Any] = {
        "from": "now-1d",
        "series": ["00000000000000ff", series],  # where one series is taken, it is the last: the other tenant's
        "entity": f"{MARK}-a",
        "q": "",
        "alert": f"{MARK}",
        "number": 1,
        "hash": "0",
    }
    asked = 0
    async with gateway.client("default/read+operate+admin") as house, gateway.client("acme/read+operate+admin") as acme:
        assert (await house.put(f"/api/v1/config/dashboard/{MARK}-board", json={"title": MARK, "panels": []})).status_code == 201
        note = {"title": MARK, "at_ms": int(time.time() * 1_000) - 1_000}
        assert (await house.put(f"/api/v1/config/annotation/{MARK}-1", json=note)).status_code == 201
        for name in ("series", "episodes", "incidents", "alerts", "risks", "edges", "annotations"):
            own = await house.get(f"/api/v1/{name}", params={"from": "now-1d"})
            assert own.status_code == 200 and MARK in own.text, f"{name} shows its own tenant {own.text[:200]}"
        for path in readable():
            answer = await acme.get(concrete(path, series), params=wide)
            said = (
                answer.text.replace(f"{MARK}-1", "").replace(f"{MARK}-board", "").replace(f"{MARK}-a", "")
            )  # what was asked may be repeated
            assert MARK not in said and series not in said.replace(f"no series {series}", ""), f"{path} gives {answer.text[:300]}"
            assert answer.status_code < 500 or answer.status_code == 503, f"{path}: {answer.status_code} {answer.text}"
            asked += 1
        for method, path in (("PUT", f"config/dashboard/{MARK}-board"), ("DELETE", f"config/dashboard/{MARK}-board")):
            answer = await acme.request(method, f"/api/v1/{path}", json={"panels": [1]}, headers={"If-Match": '"1"'})
            assert answer.status_code in (404, 412), answer.text
        kept = (await house.get(f"/api/v1/config/dashboard/{MARK}-board")).json()
        assert kept["body"]["title"] == MARK and kept["version"] == 1
    assert asked > 40


async def test_no_socket_operation_gives_anything_of_another_tenant(gateway: House) -> None:
    series = format_series_id(plant(gateway))
    url = gateway.url.replace("http", "ws") + "/api/v1/ws"
    heard: list[str] = []
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {gateway.keys['acme/read']}"}) as ws:
        commands: list[dict[str, Any]] = [
            {"op": "sub", "id": t, "topic": t} for t in ("episodes", "incidents", "alerts", "overview", "stats")
        ]
        commands += [
            {"op": "sub", "id": "s", "series": [series]},
            {"op": "sub", "id": "r", "series": [series], "since": "0:0"},
            {"op": "unsub", "id": "s"},
        ]
        for command in commands:
            await ws.send(json.dumps(command))
        await ws.send('{"op":"ping"}')
        while "overview" not in "".join(heard) or "stats" not in "".join(heard) or "pong" not in "".join(heard):
            heard.append(str(await ws.recv()))
    assert MARK not in "".join(heard) and series not in "".join(heard)


async def test_texts_that_mean_to_break_in_break_nothing(gateway: House) -> None:
    number = plant(gateway)
    broken: list[str] = []
    async with gateway.client("default/read+operate+admin") as client:
        for at, path in enumerate(readable()):
            place = concrete(path, format_series_id(number))
            last = place.rsplit("/", 1)[-1]
            for n, text in enumerate(CORPUS):
                if (at + n) % 3:  # every text meets every third route, every route every third text
                    continue
                asked = {name: text for k, name in enumerate(PARAMETERS) if (k + n) % 5 == 0 or name == NEEDED.get(last)}
                answer = await client.get(place, params=asked)
                if answer.status_code >= 500 and answer.status_code != 503:
                    broken.append(f"{place} {asked}: {answer.status_code} {answer.text}")
                if answer.headers["content-type"].startswith("text/html"):
                    broken.append(f"{place} {asked}: HTML")
                assert answer.headers["x-content-type-options"] == "nosniff"
        for text in CORPUS:
            answer = await client.put("/api/v1/config/dashboard/x", json={"title": text}, headers={"If-Match": '"0"'})
            broken += [] if answer.status_code < 500 else [answer.text]
    assert not broken, "\n".join(broken[:20])
    assert int(gateway.store.query("SELECT count() FROM samples").rows[0][0]) == 50
