"""Notes on charts through the API: written, seen, changed with a version, taken away; by whom, and for whom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kizashi.contracts.ids import format_series_id
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline
PLACE = "/api/v1/annotations"
AT = 1_790_000_000_000
WIDE = {"from": AT - 60_000, "to": AT + 60_000}


async def test_a_note_is_written_seen_changed_and_taken_away(gateway: House) -> None:
    series = format_series_id(gateway.add_series("default", "cpu", unique_labels()))
    async with gateway.client("default/read+operate") as client, gateway.client("default/read") as viewer:
        body: dict[str, Any] = {"at_ms": AT, "title": "Campaign", "tags": ["sales"], "series": [series]}
        made = await client.post(PLACE, json=body, params={"change_id": "mine"})
        assert made.status_code == 201 and made.headers["etag"] == '"1"', made.text
        again = await client.post(PLACE, json=body, params={"change_id": "mine"})
        assert again.json() == made.json(), "a retry writes nothing"
        place = f"{PLACE}/{made.json()['id']}"
        found = (await viewer.get(PLACE, params=WIDE)).json()["items"]
        assert [(n["title"], n["kind"], n["author"]) for n in found] == [("Campaign", "note", "key:default read+operate")]
        assert (await viewer.get(PLACE, params={**WIDE, "series": "00000000000000ff"})).json()["items"] == []
        assert len((await viewer.get(PLACE, params={**WIDE, "series": series})).json()["items"]) == 1
        for answer in (
            await viewer.post(PLACE, json=body),
            await viewer.patch(place, json={"title": "x"}, headers={"If-Match": '"1"'}),
            await viewer.delete(place, headers={"If-Match": '"1"'}),
        ):
            assert answer.status_code == 403, "a viewer reads"

        assert (await client.patch(place, json={"title": "Sale"})).status_code == 428
        changed = await client.patch(place, json={"title": "Sale", "until_ms": AT + 5_000}, headers={"If-Match": '"1"'})
        assert changed.status_code == 200 and changed.headers["etag"] == '"2"'
        assert (changed.json()["title"], changed.json()["end_ms"], changed.json()["tags"]) == ("Sale", AT + 5_000, ["sales"])
        assert (await client.patch(place, json={"title": "Late"}, headers={"If-Match": '"1"'})).status_code == 412
        moment = await client.patch(place, json={"until_ms": None}, headers={"If-Match": '"2"'})
        assert moment.json()["end_ms"] == AT
        assert (await client.delete(place)).status_code == 428
        assert (await client.delete(place, headers={"If-Match": '"3"'})).status_code == 204
        assert (await client.get(place)).status_code == 404 and (await viewer.get(PLACE, params=WIDE)).json()["items"] == []
        versions = (await client.get(f"/api/v1/config/annotation/{made.json()['id']}/versions")).json()["items"]
        assert [v["version"] for v in versions] == [4, 3, 2, 1]
    async with gateway.client("default/read+operate+admin") as admin:
        trail = (await admin.get("/api/v1/audit")).json()["items"]
        assert [(e["kind"], e["version"]) for e in trail] == [("annotation", n) for n in (4, 3, 2, 1)]


async def test_bad_notes_are_refused_and_those_of_others_do_not_exist(gateway: House) -> None:
    async with gateway.client("default/read+operate") as client, gateway.client("acme/read+operate") as acme:
        for body in ({"title": "x"}, {"at_ms": AT}, {"at_ms": AT, "title": ""}, {"at_ms": AT, "title": "x", "more": 1}):
            assert (await client.post(PLACE, json=body)).status_code == 422
        for body in ({"at_ms": AT, "title": "x", "until_ms": AT - 1}, {"at_ms": AT, "title": "x", "series": ["no"]}):
            answer = await client.post(PLACE, json=body)
            assert answer.status_code == 400 and "$." in answer.json()["detail"]
        made = (await client.post(PLACE, json={"at_ms": AT, "title": "secret"})).json()
        place = f"{PLACE}/{made['id']}"
        assert "secret" not in (await acme.get(PLACE, params=WIDE)).text
        assert (await acme.get(place)).status_code == 404
        assert (await acme.patch(place, json={"title": "mine"}, headers={"If-Match": '"1"'})).status_code == 404
        assert (await acme.delete(place, headers={"If-Match": '"1"'})).status_code == 404
        racers = await asyncio.gather(*(client.patch(place, json={"text": str(n)}, headers={"If-Match": '"1"'}) for n in range(4)))
        assert sorted(r.status_code for r in racers).count(200) == 1
        csv = await client.get(PLACE, params={**WIDE, "format": "csv"})
        assert csv.headers["content-type"].startswith("text/csv") and "secret" in csv.text
