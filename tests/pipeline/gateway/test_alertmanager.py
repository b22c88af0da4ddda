"""The Alertmanager surface on a real gateway: amtool (when it is installed), and the same calls by hand."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kizashi.contracts import codec, topics
from kizashi.contracts.findings import Alert, Feedback
from kizashi.stream.broadcast import BroadcastReader
from kizashi.stream.records import Record
from tests.pipeline.gateway.house import House

pytestmark = pytest.mark.pipeline

ROOT = "/alertmanager/api/v2"
ALERT = """
INSERT INTO alerts (tenant, started, id, version, state, rule, severity, title, updated, grouped, labels, body, written)
SELECT {tenant:String}, now64(3) - INTERVAL 1 MINUTE, {id:String}, 1, {state:String}, {rule:String}, 'critical', {title:String}, now64(3),
    'g1', map('service', {service:String}), {body:String}, now64(3)
"""


def land(gateway: House, tenant: str, service: str, state: str = "firing", held: str = "") -> str:
    """An alert as the sink would land it; its id."""
    now_ms = time.time_ns() // 1_000_000
    found = Alert(
        f"alert-{hashlib.sha256(f'{tenant}{service}'.encode()).hexdigest()[:16]}", 1, tenant, "firing", "latency", "critical",
        f"{service} is slow", now_ms - 60_000, now_ms, group="g1", labels={"service": service}, held_back_by=held,
    )  # fmt: skip
    found = msgspec.structs.replace(found, state=state)
    values: dict[str, str | int | float] = {
        "tenant": tenant, "id": found.id, "state": state, "rule": found.rule, "title": found.title, "service": service,
        "body": codec.encode(found).decode(),
    }  # fmt: skip
    gateway.store.command(ALERT, values)
    return found.id


def wanted(service: str, hours: float = 1) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "matchers": [{"name": "service", "value": service, "isRegex": False, "isEqual": True}], "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=hours)).isoformat(), "createdBy": "aiko", "comment": "deploy",
    }  # fmt: skip


async def test_alerts_and_silences_of_the_own_tenant_only(gateway: House) -> None:
    land(gateway, "default", "web")
    land(gateway, "default", "db", "acknowledged", "inhibition")
    land(gateway, "default", "cart", "resolved")
    land(gateway, "acme", "other")
    async with gateway.client("default/read+operate") as client, gateway.client("acme/read+operate") as acme:
        found = (await client.get(f"{ROOT}/alerts")).json()
        assert {a["labels"]["service"]: a["status"]["state"] for a in found} == {"web": "active", "db": "suppressed"}
        assert [a["labels"]["service"] for a in (await acme.get(f"{ROOT}/alerts")).json()] == ["other"]
        made = await client.post(f"{ROOT}/silences", json=wanted("web"))
        assert made.status_code == 200, made.text
        name = made.json()["silenceID"]
        found = (await client.get(f"{ROOT}/alerts", params={"filter": 'service="web"'})).json()
        assert [a["status"]["silencedBy"] for a in found] == [[name]]
        assert (await client.get(f"{ROOT}/alerts", params={"silenced": "false", "inhibited": "false"})).json() == []
        (group,) = (await client.get(f"{ROOT}/alerts/groups")).json()
        assert len(group["alerts"]) == 2 and group["receiver"] == {"name": "kizashi"}
        assert (await client.get("/api/v1/config/silence/" + name)).json()["body"]["match"] == ['service="web"']
        longer = await client.post(f"{ROOT}/silences", json=wanted("web", 2) | {"id": name})
        assert longer.json() == {"silenceID": name}
        for other in (await acme.get(f"{ROOT}/silence/{name}"), await acme.delete(f"{ROOT}/silence/{name}")):
            assert other.status_code == 404
        assert (await acme.post(f"{ROOT}/silences", json=wanted("web") | {"id": name})).status_code == 404
        assert (await client.delete(f"{ROOT}/silence/{name}")).status_code == 200
        assert (await client.get(f"{ROOT}/silence/{name}")).json()["status"]["state"] == "expired"
        assert [s["status"]["state"] for s in (await client.get(f"{ROOT}/silences")).json()] == ["expired"]
        bad = await client.post(f"{ROOT}/silences", json=wanted("web") | {"matchers": []})
        assert bad.status_code == 400 and isinstance(bad.json(), str)
        assert (await client.get(f"{ROOT}/alerts", params={"filter": "service"})).status_code == 400
        assert (await client.get(f"{ROOT}/status")).json()["cluster"]["status"] == "disabled"
    async with gateway.client("default/read") as reader:
        assert (await reader.post(f"{ROOT}/silences", json=wanted("web"))).status_code == 403


async def test_amtool_lists_and_silences(gateway: House, tmp_path: Path) -> None:
    amtool = os.environ.get("AMTOOL") or shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed (Debian: prometheus-alertmanager): the calls it makes are tested by hand")
    land(gateway, "default", "web")
    (tmp_path / "http.yml").write_text(f"authorization:\n  credentials: {gateway.keys['default/read+operate']}\n")

    async def run(*words: str, code: int = 0) -> str:
        process = await asyncio.create_subprocess_exec(
            str(amtool), f"--alertmanager.url={gateway.url}/alertmanager", f"--http.config.file={tmp_path / 'http.yml'}", *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == code, (out + err).decode()
        return (out if code == 0 else err).decode().strip()

    assert "web is slow" in await run("alert", "query", "-o", "extended")
    name = await run("silence", "add", "service=web", "--duration=2h", "--author=aiko", "--comment=deploy")
    assert await run("alert", "query", "--active", "-o", "json") == "[]"
    assert json.loads(await run("alert", "query", "--silenced", "-o", "json"))[0]["status"]["silencedBy"] == [name]
    assert name in await run("silence", "query")
    assert json.loads(await run("silence", "query", "service=web", "-o", "json"))[0]["createdBy"] == "aiko"
    assert await run("silence", "query", "-q", "service=other") == ""
    assert (await run("silence", "update", name, "--duration=3h")).startswith("ID")
    await run("silence", "expire", name)
    assert await run("silence", "query", "-q") == "" and await run("silence", "query", "-q", "--expired") == name
    assert "web is slow" in await run("alert", "query", "--active")
    assert "90 days" in await run("silence", "add", "service=web", "--duration=100d", "--author=a", "--comment=b", code=1)


async def test_an_acknowledgement_in_pagerduty_comes_home_signed(gateway: House) -> None:
    folder = gateway.settings.home / "secrets" / "channels"
    folder.mkdir(parents=True)
    (folder / "pd-hook").write_text("s3cret\n")
    event = {
        "id": f"01{gateway.settings.home.name}", "event_type": "incident.acknowledged", "occurred_at": datetime.now(UTC).isoformat(),
        "agent": {"summary": "Aiko"}, "data": {"incident_key": "group-7"},
    }  # fmt: skip
    heard: list[Feedback] = []
    came = asyncio.Event()

    def hear(record: Record) -> None:
        feedback = codec.decode(record.value, Feedback)
        if feedback.id == f"pagerduty-{event['id']}":
            heard.append(feedback)
            came.set()

    reader = BroadcastReader(gateway.settings.kafka, [topics.FEEDBACK.name], hear)
    await reader.start()
    body = json.dumps({"event": event}).encode()
    mark = {"X-PagerDuty-Signature": "v1=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()}
    async with gateway.client("default/read+operate+admin") as admin, gateway.client() as stranger:
        channel = {"type": "pagerduty", "routing_key_file": "pd", "webhook_secret_file": "pd-hook"}
        assert (await admin.put("/api/v1/config/channel/pd", json=channel)).status_code == 201
        assert (await stranger.post("/api/v1/hooks/pagerduty/default/pd", content=body, headers=mark)).status_code == 202
        for path, headers in (
            ("default/pd", {}),
            ("default/gone", mark),
            ("acme/pd", mark),
            ("default/pd", {"X-PagerDuty-Signature": "v1=0"}),
        ):
            assert (await stranger.post(f"/api/v1/hooks/pagerduty/{path}", content=body, headers=headers)).status_code == 401
        assert (await stranger.post("/api/v1/hooks/pagerduty/default/pd", content=b"x" * 300_000, headers=mark)).status_code == 413
    await asyncio.wait_for(came.wait(), 20)
    await reader.stop()
    (found,) = heard
    assert (found.target, found.verdict, found.author, found.tenant) == ("group-7", "acknowledge", "Aiko (PagerDuty)", "default")
