"""``kizashi dashboards`` and ``kizashi queries`` against a running gateway: with a key, and with the one the command makes for itself."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from services.gateway.query_samples import Reach, ScheduledQuery, admitted
from services.gateway.routes.queries import READABLE
from services.roof import annotate, dashboards, queries
from tests.pipeline.gateway.house import House

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
    assert listed[0]["outcome"] in ("published", "unavailable"), listed  # the tenant's topic is made with its first sender


async def test_every_view_can_be_read_by_a_tenant_alone(gateway: House) -> None:
    reach = Reach("default", READABLE, gateway.settings.store.database)
    for view in sorted(reach.views):
        sql = admitted(ScheduledQuery(metric="m", sql=f"SELECT count() AS n FROM {view}"), reach, "acme")  # names of ours
        assert gateway.store.query(sql).rows[0][0] in (0, 1), view


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
