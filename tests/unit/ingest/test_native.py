"""/api/v1/metrics and /api/v1/events: credentials, shapes, limits, and what they answer when Kafka does not."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts

from kizashi.contracts.batches import HISTORY
from kizashi.errors import Backpressure, BusUnavailable
from services.ingest.settings import IngestLimits
from tests.unit.ingest.receiving import NOW, Receiver, receiver

GOOD = {"metric": "cpu", "value": 1.5, "ts": NOW, "labels": {"host": "h"}}
METRICS, EVENTS = "/api/v1/metrics", "/api/v1/events"


@pytest.fixture
def http(tmp_path: Path) -> Receiver:
    return receiver(tmp_path)


async def test_one_list_and_ndjson_are_202_with_the_credentials_tenant(http: Receiver) -> None:
    one = await http.client.post(METRICS, json={**GOOD, "tenant": "b"})
    several = await http.client.post(METRICS, json=[GOOD, {**GOOD, "ts": NOW + 1}])
    lines = await http.client.post(METRICS, content=b'{"metric":"x","value":1}\n{"metric":"y","value":2}\n')
    assert [(r.status_code, r.json()) for r in (one, several, lines)] == [(202, {"accepted": n}) for n in (1, 2, 2)]
    assert {i.tenant for i, *_ in http.keeper.kept} == {"a"}
    assert http.keeper.values()[0] == ("cpu", {"host": "h"}, NOW, 1.5)
    assert http.keeper.values()[3][2] == NOW  # no time of its own: the time of arrival


BAD_KEYS = [
    "", "Bearer", "Bearer x", "Bearer kza.wrong", "Bearer kzb.secret", "Bearer kzold.secret", "Bearer kznone.secret", "Basic kza.secret",
    "Bearer " + "k" * 300 + ".x",
]  # fmt: skip


@pytest.mark.parametrize("header", BAD_KEYS)
@pytest.mark.parametrize("path", [METRICS, EVENTS])
async def test_without_a_key_that_may_ingest_it_is_401_also_locally(http: Receiver, path: str, header: str) -> None:
    answer = await http.client.post(path, json=GOOD, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert http.keeper.kept == []


async def test_every_route_asks_for_a_key(http: Receiver) -> None:
    routes = list(iter_route_contexts(http.app.routes))
    assert len(routes) >= 2
    for route in routes:
        for method in route.methods or ():
            answer = await http.client.request(method, str(route.path), headers={"Authorization": ""})
            assert answer.status_code == 401, route.path


async def test_a_part_that_is_refused_is_400_and_the_rest_is_stored(http: Receiver) -> None:
    answer = await http.client.post(METRICS, json=[GOOD, {"metric": "x"}, {**GOOD, "ts": NOW + 10**7}, {"metric": "", "value": 1}])
    assert answer.status_code == 400
    assert answer.json()["accepted"] == 1
    assert answer.json()["refused"] == {"future": 1, "name": 1, "schema": 1}
    assert len(http.keeper.kept) == 1
    assert dict(http.tally.rejected) == {"schema": 1}


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1", b"\xff", b"[" * 9_999])
async def test_nothing_readable_is_400(http: Receiver, body: bytes) -> None:
    answer = await http.client.post(METRICS, content=body)
    assert answer.status_code == 400
    assert answer.json()["accepted"] == 0


async def test_compressed_bodies(http: Receiver) -> None:
    body = json.dumps([GOOD] * 100).encode()
    for encoding, data in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body)), ("identity", body)):
        answer = await http.client.post(METRICS, content=data, headers={"Content-Encoding": encoding})
        assert answer.json() == {"accepted": 100}


@pytest.mark.parametrize(
    ("encoding", "data", "status"),
    [
        ("br", b"x", 415),
        ("gzip", b"not gzip", 400),
        ("gzip", gzip.compress(b"[]")[:-4], 400),
        ("gzip", gzip.compress(b"[]") + b"tail", 400),
        ("gzip", gzip.compress(bytes(40 * 1_048_576)), 413),
        ("gzip", gzip.compress(b" " * 3_000_000 + b"[]"), 413),
    ],
)
async def test_damaged_bodies_and_bombs(http: Receiver, encoding: str, data: bytes, status: int) -> None:
    answer = await http.client.post(METRICS, content=data, headers={"Content-Encoding": encoding})
    assert answer.status_code == status
    assert http.keeper.kept == []


async def test_a_body_over_the_limit_is_413_by_its_length_or_while_it_comes(tmp_path: Path) -> None:
    http = receiver(tmp_path, IngestLimits(body_bytes=100))

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield bytes(50)

    assert (await http.client.post(METRICS, content=bytes(101))).status_code == 413
    assert (await http.client.post(METRICS, content=stream())).status_code == 413
    assert (await http.client.post(METRICS, json={"metric": "m", "value": 1})).status_code == 202


async def test_more_samples_than_a_request_may_have_are_413(tmp_path: Path) -> None:
    http = receiver(tmp_path, IngestLimits(request_samples=2))
    answer = await http.client.post(METRICS, json=[GOOD] * 3)
    assert answer.status_code == 413
    assert http.keeper.kept == []


async def test_an_unknown_content_type_is_415_and_what_curl_says_is_not(http: Receiver) -> None:
    assert (await http.client.post(METRICS, content=b"{}", headers={"Content-Type": "application/xml"})).status_code == 415
    curl = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await http.client.post(METRICS, content=json.dumps(GOOD).encode(), headers=curl)).status_code == 202


@pytest.mark.parametrize("failing", [Backpressure("full"), BusUnavailable("away")])
@pytest.mark.parametrize(("path", "body"), [(METRICS, GOOD), (EVENTS, {"type": "change", "entity": "e"})])
async def test_without_an_acknowledgement_it_is_503_with_retry_after(
    http: Receiver, failing: BusUnavailable, path: str, body: dict[str, object]
) -> None:
    http.keeper.failing = failing
    answer = await http.client.post(path, json=body)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_history_is_flagged(http: Receiver) -> None:
    await http.client.post(METRICS, json=GOOD, headers={"kizashi-history": "1"})
    assert http.keeper.kept[0][3] == HISTORY


async def test_events_native_and_cloud_events(http: Receiver) -> None:
    native = {"type": "change", "entity": "checkout", "ts": NOW / 1_000, "title": "v2", "attributes": {"kind": "deploy"}, "tenant": "b"}
    cloud = {
        "specversion": "1.0", "id": "7", "source": "/ci", "type": "com.example.deployment.finished", "subject": "cart",
        "time": "2023-11-14T22:13:20Z", "data": {"version": "3", "kind": "deploy"},
    }  # fmt: skip
    answer = await http.client.post(EVENTS, json=[native, cloud], headers={"Content-Type": "application/cloudevents-batch+json"})
    assert answer.status_code == 202
    first, second = http.keeper.events
    assert (first.type, first.entity, first.ts_ms, first.tenant, first.attributes) == ("change", "checkout", NOW, "a", {"kind": "deploy"})
    assert (second.type, second.entity, second.ts_ms, second.attributes["version"]) == ("change", "cart", NOW, "3")
    assert answer.json()["ids"] == [first.id, second.id]
    again = await http.client.post(EVENTS, json=native)
    assert again.json()["ids"] == [first.id]


async def test_a_cloud_event_in_binary_mode(http: Receiver) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x", "ce-type": "io.x.incident", "content-type": "application/json"}
    answer = await http.client.post(EVENTS, content=b'{"entity":"db"}', headers=headers)
    assert answer.status_code == 202
    assert (http.keeper.events[0].type, http.keeper.events[0].entity) == ("incident", "db")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "change"},
        {"entity": "e"},
        {"type": "party", "entity": "e"},
        {"type": "change", "entity": ""},
        {"type": "change", "entity": "e" * 300},
        {"type": "change", "entity": "e", "ts": "soon"},
        {"type": "change", "entity": "e", "ts": -1},
        {"type": "change", "entity": "e", "ts": {}},
        {"type": "change", "entity": "e", "attributes": []},
        {"type": "topology", "entity": "e", "edges": [["a"]]},
        {"type": "change", "entity": "e", "text": "x" * 100_000},
        {"specversion": "0.3", "id": "1", "source": "s", "type": "t"},
        {"specversion": "1.0", "source": "s", "type": "t"},
        17,
        json.loads("[" * 20 + "]" * 20)[0],
    ],
)
async def test_a_wrong_event_refuses_the_request_and_is_named(http: Receiver, event: object) -> None:
    answer = await http.client.post(EVENTS, json=[{"type": "change", "entity": "fine"}, event])
    assert answer.status_code in (400, 413)
    assert "event 2 of 2" in answer.json()["detail"]
    assert http.keeper.events == []


async def test_topology_keeps_its_edges(http: Receiver) -> None:
    await http.client.post(EVENTS, json={"type": "topology", "entity": "shop", "edges": [["web", "cart"], ["cart", "db"]]})
    assert http.keeper.events[0].edges == [("web", "cart"), ("cart", "db")]


async def test_unknown_paths_are_problems_too(http: Receiver) -> None:
    answer = await http.client.get("/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_all_requests_together_hold_a_bounded_number_of_bytes(tmp_path: Path) -> None:
    http = receiver(tmp_path, IngestLimits(held_bytes=1_000))
    big = json.dumps([GOOD] * 30).encode()
    answer = await http.client.post(METRICS, content=big)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert (await http.client.post(METRICS, content=gzip.compress(big), headers={"Content-Encoding": "gzip"})).status_code == 503
    for _ in range(20):  # what was held is given back, also by the refused
        assert (await http.client.post(METRICS, json=GOOD)).status_code == 202
