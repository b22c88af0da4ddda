"""The screen of queries: which program asked the store, and which person asked the gateway."""

from __future__ import annotations

import pytest

from kizashi.store.client import connect
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline


async def test_slow_queries_name_the_program_and_the_person(gateway: House) -> None:
    gateway.add_series("default", "asked.cpu", unique_labels())
    sink = connect(gateway.settings.store, asker="sink")
    sink.command("CREATE TABLE asked_by_sink (a UInt8) ENGINE = MergeTree ORDER BY a")
    sink.command("INSERT INTO asked_by_sink SELECT 1")
    sink.close()
    async with gateway.client("default/read+operate+admin") as admin, gateway.client("default/read") as reader:
        assert (await reader.get("/api/v1/series", params={"metric": "asked.cpu"})).status_code == 200
        assert (await admin.get("/api/v1/episodes")).status_code == 200
        gateway.store.command("SYSTEM FLUSH LOGS")
        items = (await admin.get("/api/v1/queries/slow", params={"minutes": 2, "limit": 200})).json()["items"]
    (insert,) = [i for i in items if "asked_by_sink" in i["query"] and i["query"].startswith("INSERT")]
    assert (insert["asked_by"], insert["people"]) == ("sink", [])
    people = {(i["asked_by"].partition(".")[0], who) for i in items for who in i["people"]}
    assert {("gateway/series", "key:default read"), ("gateway/episodes", "key:default read+operate+admin")} <= people
    assert not any(" " in i["asked_by"] for i in items if i["asked_by"].startswith("gateway/")), "tenant and person are not in the name"
