"""``kizashi dashboards`` and ``kizashi queries`` against a running gateway: with a key, and with the one the command makes for itself."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from kizashi.contracts.inputs import SampleIn
from kizashi.settings import KafkaSettings
from kizashi.stream.consumer import Lookout
from services.ingest.decode import decode
from services.roof import annotate, dashboards, queries
from tests.pipeline.gateway.house import House
from tests.pipeline.ingest_lane import tenant_topic

pytestmark = pytest.mark.pipeline
PLACE = "/api/v1/config/dashboard"


async def run(gateway: House, app: Typer, *words: str, key: str = "") -> Result:
    """A command as on a terminal, in a thread, because the gateway lives in this loop."""
    environ = {"KIZASHI_HOME": str(gateway.settings.home), "KIZASHI_URL": gateway.url, "KIZASHI_KEY": key}
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(words), env=environ))


def document(result: Result) -> Any:
    """The JSON on standard output; the gateway of the same process logs there too."""
    found = re.search(r"^([\[{]\n.*^[\]}]|\[\])$", result.stdout, re.MULTILINE | re.DOTALL)
    assert found, result.output
    return json.loads(found[0])


async def test_dashboards_are_applied_compared_and_exported(gateway: House, tmp_path: Path) -> None:
    folder = tmp_path / "boards"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps({"title": "One", "panels": []}))
    (folder / "two.json").write_text(json.dumps({"title": "Two", "panels": []}))
    key = gateway.keys["default/read+operate"]
    made = await run(gateway, dashboards.app, "apply", str(folder), "--json", key=key)
    assert made.exit_code == 0, made.output
    assert document(made) == [{"id": "one", "did": "made"}, {"id": "two", "did": "made"}]
    again = await run(gateway, dashboards.app, "apply", str(folder), "--json", key=key)
    assert {item["did"] for item in document(again)} == {"unchanged"}
    assert (await run(gateway, dashboards.app, "diff", str(folder), key=key)).exit_code == 0

    async with gateway.client("default/read+operate") as person:
        answer = await person.put(f"{PLACE}/two", json={"title": "Deux", "panels": []}, headers={"If-Match": '"1"'})
        assert answer.status_code == 200
    differs = await run(gateway, dashboards.app, "diff", str(folder))
    assert differs.exit_code == 1 and "Deux" in differs.stdout and "one" not in differs.stdout
    (folder / "one.json").unlink()
    pruned = await run(gateway, dashboards.app, "apply", str(folder), "--prune", "--json")
    assert document(pruned) == [{"id": "two", "did": "changed"}, {"id": "one", "did": "deleted"}]
    assert (
        json.loads((gateway.settings.home / "secrets" / "api_keys.json").read_text())
        and "command line" not in (gateway.settings.home / "secrets" / "api_keys.json").read_text()
    ), "the command's own key ends with it"
    out = tmp_path / "out"
    assert (await run(gateway, dashboards.app, "export", str(out))).exit_code == 0
    assert [f.name for f in out.iterdir()] == ["two.json"] and json.loads((out / "two.json").read_text())["title"] == "Two"
    (folder / "bad.json").write_text("[")
    assert (await run(gateway, dashboards.app, "apply", str(folder))).exit_code != 0


async def test_queries_are_explained_and_advised(gateway: House) -> None:
    plan = await run(gateway, queries.app, "explain", "SELECT count() FROM v_episodes WHERE severity = 'critical'")
    assert plan.exit_code == 0 and "Aggregating" in plan.stdout
    slow = await run(gateway, queries.app, "slow", "--json")
    assert slow.exit_code == 0 and isinstance(document(slow), list)
    advice = await run(gateway, queries.app, "advise", "SELECT count() FROM v_episodes WHERE severity = 'critical'", "--json")
    assert advice.exit_code == 0, advice.output
    found = document(advice)
    assert [c["kind"] for c in found["candidates"]] == ["bloom_filter"] and found["advice"] == [], "an empty table needs no index"
    refused = await run(gateway, queries.app, "advise", "SELECT * FROM system.users")
    assert refused.exit_code != 0


SCHEDULED = """
queries:
  - {id: late, metric: tickets.late, every_s: 30, sql: "SELECT count() AS n FROM v_tickets_at_risk"}
  - {id: open, metric: episodes.open, sql: "SELECT service, count() AS n FROM v_episodes GROUP BY service"}
"""


async def test_scheduled_queries_are_applied_compared_and_listed_for_the_tenant_of_the_key(gateway: House, tmp_path: Path) -> None:
    file, key = tmp_path / "queries.yaml", gateway.keys["acme/read+operate+admin"]
    kafka, began_ms = gateway.settings.kafka, int(time.time() * 1_000)
    topic = await asyncio.to_thread(tenant_topic, kafka, "acme")  # made with the tenant's first sender
    await gateway.producer.send(topic, 0, b"first", msgspec.json.encode([SampleIn("tickets.seen", 1.0, began_ms, {}, "")]))
    file.write_text(SCHEDULED)
    for command, what in (("diff", "made"), ("apply", "made"), ("apply", "unchanged")):
        done = await run(gateway, queries.app, "scheduled", command, str(file), "--json", key=key)
        assert done.exit_code == 0, done.output
        assert document(done) == [{"id": "late", "what": what}, {"id": "open", "what": what}]
    listed = document(await run(gateway, queries.app, "scheduled", "list", "--json", key=key))
    assert [(i["id"], i["version"], i["problem"]) for i in listed] == [("late", 1, ""), ("open", 1, "")]
    assert document(await run(gateway, queries.app, "scheduled", "list", "--json")) == [], "the house has none"
    file.write_text(SCHEDULED.replace("v_episodes", "samples"))
    refused = await run(gateway, queries.app, "scheduled", "apply", str(file), key=key)
    assert refused.exit_code != 0 and "queries.yaml:4" in str(refused.exception), "a mistake is named with its line, and nothing is changed"
    file.write_text("\n".join(SCHEDULED.splitlines()[:3]).replace("30", "10"))
    pruned = document(await run(gateway, queries.app, "scheduled", "apply", str(file), "--prune", "--json", key=key))
    assert pruned == [{"id": "late", "what": "changed"}, {"id": "open", "what": "deleted"}]
    async with asyncio.timeout(40):
        while True:
            listed = document(await run(gateway, queries.app, "scheduled", "list", "--json", key=key))
            if listed[0]["outcome"]:
                break
            await asyncio.sleep(1)
    assert (listed[0]["outcome"], listed[0]["samples"], listed[0]["problem"]) == ("published", 1, ""), listed
    late = [
        sample for m in await asyncio.to_thread(messages, kafka, topic, began_ms) if m.key() == b"late" for sample in decode(m.value())[0]
    ]
    assert late and {(s.metric, s.value) for s in late} == {("tickets.late", 0.0)}, late
    assert listed[0]["at_ms"] in {s.ts for s in late}


def messages(kafka: KafkaSettings, topic: str, since_ms: int) -> list[Any]:
    """What was written to the topic since then."""
    lookout = Lookout(kafka, topic, since_ms=since_ms)
    try:
        return list(lookout.until_end())
    finally:
        lookout.close()


@pytest.mark.parametrize(
    ("kind", "room", "body"),
    [
        ("query", "services.gateway.query_samples.MOST", {"metric": "m", "sql": "SELECT count() AS n FROM v_episodes"}),
        ("annotation", "services.gateway.notes.MOST", {"title": "t", "at_ms": 1}),
    ],
)
async def test_there_is_room_for_so_many_and_restoring_makes_no_more(
    gateway: House, monkeypatch: pytest.MonkeyPatch, kind: str, room: str, body: dict[str, Any]
) -> None:
    monkeypatch.setattr(room, 1)
    async with gateway.client("acme/read+operate+admin") as person:
        place = f"/api/v1/config/{kind}"
        assert (await person.put(f"{place}/one", json=body)).status_code == 201
        assert (await person.put(f"{place}/one", json=body, headers={"If-Match": '"1"'})).status_code == 200, "it has its room"
        full = await person.put(f"{place}/two", json=body)
        assert full.status_code == 400 and "1 can be kept" in full.text, full.text
        assert (await person.delete(f"{place}/one", headers={"If-Match": '"2"'})).status_code == 204
        assert (await person.put(f"{place}/two", json=body)).status_code == 201
        back = await person.post(f"{place}/one/restore", json={"version": 1})
        assert back.status_code == 400 and "1 can be kept" in back.text, back.text
        assert (await person.delete(f"{place}/two", headers={"If-Match": '"1"'})).status_code == 204
        assert (await person.post(f"{place}/one/restore", json={"version": 1})).status_code == 200


async def test_a_note_is_written_from_the_terminal(gateway: House) -> None:
    one = Typer()
    one.command()(annotate.annotate)
    made = await run(gateway, one, "Campaign", "--at", "now-10m", "--until", "now", "--tag", "sales", "--entity", "web", "--json")
    assert made.exit_code == 0, made.output
    note = document(made)
    assert (note["title"], note["tags"], note["entity"], note["author"]) == ("Campaign", ["sales"], "web", "key:command line")
    assert note["end_ms"] - note["at_ms"] == 600_000
    assert (await run(gateway, one, "x", "--at", "yesterday")).exit_code != 0
    assert (await run(gateway, one, "x", key=gateway.keys["default/read"])).exit_code != 0
