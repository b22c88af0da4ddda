"""Configuration through the log: conflicts, versions, restore, keys, share links."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from kizashi.contracts.ids import format_series_id
from services.gateway import credentials
from services.roof.token import change_keys, key_file, who, without_hash
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline


async def test_versions_conflicts_and_restore(gateway: House) -> None:
    place = "/api/v1/config/dashboard/main"
    async with gateway.client("default/read+operate") as client:
        made = await client.put(place, json={"panels": [1]})
        assert made.status_code == 201 and made.headers["etag"] == '"1"'
        assert (await client.put(place, json={"panels": [2]})).status_code == 428
        two = await client.put(place, json={"panels": [2]}, headers={"If-Match": '"1"'})
        assert two.status_code == 200 and two.json()["version"] == 2
        stale = await client.put(place, json={"panels": [3]}, headers={"If-Match": '"1"'})
        assert stale.status_code == 412 and stale.json()["version"] == 2
        assert (await client.get(place, headers={"If-None-Match": '"2"'})).status_code == 304

        racers = await asyncio.gather(*(client.put(place, json={"panels": [n]}, headers={"If-Match": '"2"'}) for n in range(10, 15)))
        codes = sorted(r.status_code for r in racers)
        assert codes.count(200) == 1 and set(codes) <= {200, 409, 412}

        retry = {"params": {"change_id": "mine"}, "json": {"panels": [4]}, "headers": {"If-Match": '"3"'}}
        first, second = await client.put(place, **retry), await client.put(place, **retry)  # type: ignore[arg-type]  # httpx keywords
        assert (first.status_code, second.status_code) == (200, 200) and second.json()["version"] == 4

        assert (await client.delete(place, headers={"If-Match": '"4"'})).status_code == 204
        assert (await client.get(place)).status_code == 404
        deleted = (await client.get("/api/v1/config/dashboard", params={"deleted": True})).json()["items"]
        assert [d["id"] for d in deleted] == ["main"]
        restored = await client.post(f"{place}/restore", json={"version": 2})
        assert restored.status_code == 200 and restored.json()["body"] == {"panels": [2]} and restored.json()["version"] == 6
        versions = (await client.get(f"{place}/versions")).json()["items"]
        assert [v["version"] for v in versions] == [6, 5, 4, 3, 2, 1] and versions[1]["body"] is None


async def test_bad_objects_are_refused(gateway: House) -> None:
    async with gateway.client("default/read+operate+admin") as client:
        put = client.put
        assert (await put("/api/v1/config/dashboard/a", content=b"{", headers={"Content-Type": "application/json"})).status_code == 400
        assert (await put("/api/v1/config/dashboard/a", json=[1])).status_code == 400
        assert (await put("/api/v1/config/dashboard/a", content=b"[" * 100_000)).status_code == 400
        assert (await put("/api/v1/config/dashboard/a", json={"panels": ["x" * 300_000]})).status_code == 413
        assert (await put("/api/v1/config/dashboard/a", json={"panels": [0] * 30_000})).status_code == 400
        assert (await put("/api/v1/config/dashboard/a", json={}, headers={"If-Match": "new"})).status_code == 400
        assert (await put("/api/v1/config/user/a", json={"role": "king", "password": "long enough word"})).status_code == 400
        assert (await client.post("/api/v1/metrics", content=b"x" * (9 << 20))).status_code == 413
        assert (await client.get("/api/v1/config/dashboard")).json()["items"] == []


async def test_keys_are_shown_once_and_stop_when_deleted(gateway: House) -> None:
    async with gateway.person() as person, gateway.client() as program:
        made = (await person.post("/api/v1/tokens", json={"name": "ci", "scopes": ["read"], "expires_days": 1})).json()
        program.headers["Authorization"] = f"Bearer {made['key']}"
        assert (await program.get("/api/v1/me")).json()["scopes"] == ["read"]
        listed = await person.get(f"/api/v1/config/key/{made['prefix']}")
        assert "sha256" not in listed.text and made["key"].split(".")[1] not in listed.text
        assert (await person.put("/api/v1/config/key/own", json={"scopes": ["admin"]})).status_code == 400
        assert (await person.delete(f"/api/v1/config/key/{made['prefix']}", headers={"If-Match": '"1"'})).status_code == 204
        assert (await program.get("/api/v1/me")).status_code == 401
        audit = (await person.get("/api/v1/audit")).json()["items"]
        entries = [(a["kind"], a["deleted"], a["author"], a["outcome"]) for a in audit]
        assert entries == [("key", True, "local", ""), ("key", False, "local", ""), ("login", False, "local", "success")]
        noted = {"number": audit[0]["number"], "hash": audit[0]["hash"]}
        assert (await person.get("/api/v1/audit/verify", params=noted)).json()["intact"] is True
        assert (await person.get("/api/v1/audit/verify", params={**noted, "hash": "0" * 64})).json()["intact"] is False
        first = (await person.get("/api/v1/audit", params={"limit": 1})).json()
        older = (await person.get("/api/v1/audit", params={"limit": 1, "cursor": first["next"]})).json()
        assert [first["items"][0]["number"], older["items"][0]["number"]] == [3, 2]


async def test_keys_of_the_command_line_are_in_the_trail_of_their_tenant(gateway: House) -> None:
    file = key_file(gateway.settings.home)
    text, prefix, sha256 = credentials.new_key()
    key: dict[str, object] = {"prefix": prefix, "sha256": sha256, "tenant": "default", "scopes": ["read"], "name": "ci", "made_by": who()}
    async with gateway.client("default/read+operate+admin") as admin, gateway.client("acme/read+operate+admin") as other:

        async def trail(count: int) -> list[dict[str, Any]]:
            async with asyncio.timeout(20.0):
                while True:
                    items: list[dict[str, Any]] = (await admin.get("/api/v1/audit")).json()["items"]
                    if len(items) >= count:
                        return items
                    await asyncio.sleep(0.1)

        change_keys(file, lambda records: [*records, key])
        (made,) = await trail(1)
        assert (made["kind"], made["id"], made["author"], made["deleted"]) == ("key", prefix, who(), False)
        assert sha256 not in (await admin.get(f"/api/v1/config/key/{prefix}")).text
        async with gateway.client() as program:
            program.headers["Authorization"] = f"Bearer {text}"
            assert (await program.get("/api/v1/me")).json()["scopes"] == ["read"]
            change_keys(file, lambda records: [*records[:-1], without_hash(key) | {"revoked_by": "cli:ken"}])
            gone, _ = await trail(2)
            assert (gone["author"], gone["deleted"]) == ("cli:ken", True) and (await program.get("/api/v1/me")).status_code == 401
        noted = {"number": gone["number"], "hash": gone["hash"]}
        assert (await admin.get("/api/v1/audit/verify", params=noted)).json()["intact"] is True
        assert (await other.get("/api/v1/audit")).json()["items"] == []


async def test_a_key_cannot_grant_more_than_its_maker_has(gateway: House) -> None:
    async with gateway.client("default/read+operate+admin") as client:
        assert (await client.post("/api/v1/tokens", json={"name": "x", "scopes": ["read", "ingest"]})).status_code == 201
        assert (await client.post("/api/v1/tokens", json={"name": "x", "scopes": ["shared"]})).status_code == 403


async def test_share_links_show_their_series_only_and_can_be_revoked(gateway: House) -> None:
    start = int(time.time() * 1_000) - 60_000
    shown = gateway.add_series("default", "cpu", unique_labels())
    hidden = gateway.add_series("default", "mem", unique_labels())
    gateway.add_samples([shown, hidden], start, 1_000, 10)
    async with gateway.client("default/read+operate") as client, gateway.client() as visitor:
        await client.put("/api/v1/config/dashboard/d", json={"panels": [{"type": "text"}]})
        made = (await client.post("/api/v1/shares", json={"dashboard": "d", "series": [format_series_id(shown)]})).json()
        page = await visitor.get(f"/api/v1/shared/{made['token']}")
        assert page.json()["layout"] == {"panels": [{"type": "text"}]} and "sha256" not in page.text
        visitor.headers["Authorization"] = f"Bearer {made['token']}"
        both: dict[str, Any] = {"series": [format_series_id(shown), format_series_id(hidden)], "from": start}
        assert [s["metric"] for s in (await visitor.get("/api/v1/range", params=both)).json()["series"]] == ["cpu"]
        for path in ("series", "overview", "me", "config/dashboard", "shares"):
            assert (await visitor.get(f"/api/v1/{path}")).status_code == 403
        frozen = await client.post("/api/v1/shares", json={"dashboard": "d", "snapshot": {"series": [[1, 2]]}})
        opened = await visitor.get(f"/api/v1/shared/{frozen.json()['token']}")
        assert opened.json()["snapshot"] == {"series": [[1, 2]]}
        assert len((await client.get("/api/v1/shares")).json()["items"]) == 2
        assert (await client.delete(f"/api/v1/shares/{made['id']}")).status_code == 204
        assert (await visitor.get("/api/v1/range", params=both)).status_code == 401
        assert (await visitor.get(f"/api/v1/shared/{made['token']}")).status_code == 404
