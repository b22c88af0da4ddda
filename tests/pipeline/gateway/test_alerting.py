"""What the gateway asks alerting: the right tenant, the shared token, alerting's own words for errors, and a sentence while it is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kizashi.errors import ConfigurationError, Conflict
from kizashi.stream.config import internal_token, load_signing_key
from services.alerting.port import InnerPort
from tests.pipeline.gateway.house import House

pytestmark = pytest.mark.pipeline
Asked = list[tuple[str, str, dict[str, str], dict[str, Any]]]
ALERT = (
    "INSERT INTO alerts (tenant, started, id, version, state, body) VALUES ({tenant:String}, fromUnixTimestamp64Milli({at:Int64}), "
    "{id:String}, 1, 'resolved', {body:String})"
)


@asynccontextmanager
async def alerting(gateway: House) -> AsyncIterator[Asked]:
    """Alerting's real port with answers of ours."""
    asked: Asked = []

    async def ask(method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        asked.append((method, path, query, body))
        if path == "check":
            return {"ok": body["id"] != "bad", "problem": "`above` is a number - at `$.above`"}
        if path == "silences/preview":
            return {"now": [], "given": [a["id"] for a in body["alerts"] if a["labels"].get("service") == "web"]}
        if path == "route":
            raise ConfigurationError("labels: too many")
        if path == "oncall":
            raise Conflict("another worker has this tenant")
        return {"path": path}

    settings = gateway.settings
    token = internal_token(load_signing_key(settings.signing_key_path), "alerting")
    port = InnerPort(settings.alerting_host, settings.alerting_port, token, ask, asyncio.get_running_loop())
    try:
        yield asked
    finally:
        await asyncio.to_thread(port.close)


async def test_questions_carry_the_tenant_of_the_credential(gateway: House) -> None:
    async with alerting(gateway) as asked, gateway.client("acme/read+operate+admin") as client:
        for name in ("state", "groups", "rules", "silences", "maintenance"):
            answer = await client.get(f"/api/v1/alerts/{name}", params={"tenant": "default"})
            assert answer.status_code == 200 and answer.json() == {"path": name}, answer.text
        assert (await client.post("/api/v1/alerts/why-not", json={"rule": "r", "tenant": "default"})).json() == {"path": "why-not"}
        assert {query["tenant"] for _, _, query, _ in asked} == {"acme"}
        assert (await client.get("/api/v1/alerts/oncall")).status_code == 409
        refused = await client.post("/api/v1/alerts/route", json={"labels": {}})
        assert refused.status_code == 400 and refused.json()["detail"] == "labels: too many"


async def test_configuration_is_judged_before_it_is_written(gateway: House) -> None:
    async with gateway.client("default/read+operate+admin") as client:
        away = await client.get("/api/v1/alerts/state")
        assert away.status_code == 503 and away.headers["retry-after"] and "alerting" in away.json()["detail"]
        assert (await client.put("/api/v1/config/rule/early", json={"kind": "anomaly"})).status_code == 201
        async with alerting(gateway):
            bad = await client.put("/api/v1/config/rule/bad", json={"above": "x"})
            assert bad.status_code == 400 and "$.above" in bad.json()["detail"]
            assert (await client.get("/api/v1/config/rule/bad")).status_code == 404
            assert (await client.put("/api/v1/config/rule/good", json={"kind": "anomaly"})).status_code == 201


async def test_a_silence_shows_what_it_would_have_hidden_last_week(gateway: House) -> None:
    now_ms = int(time.time() * 1_000)
    for name, service in (("a1", "web"), ("a2", "db")):
        body = f'{{"id":"{name}","title":"T {name}","severity":"critical","labels":{{"service":"{service}"}},"version":1}}'
        gateway.store.command(ALERT, {"tenant": "default", "at": now_ms - 60_000, "id": name, "body": body})
        gateway.store.command(
            ALERT, {"tenant": "acme", "at": now_ms - 60_000, "id": f"acme-{name}", "body": body.replace(name, f"acme-{name}")}
        )
    async with alerting(gateway), gateway.client("default/read+operate") as client:
        found = (await client.post("/api/v1/alerts/silences/preview", json={"match": ["service=web"]})).json()
        assert found == {"now": [], "last_week": [{"id": "a1", "title": "T a1", "severity": "critical", "labels": {"service": "web"}}]}
