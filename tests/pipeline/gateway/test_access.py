"""Who gets in, who does not, and that a tenant never sees another's data."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from kizashi.contracts.ids import format_series_id
from services.gateway import login_link
from services.gateway.roles import ROUTES, Scope
from tests.pipeline.gateway.house import House, unique_labels

pytestmark = pytest.mark.pipeline

KEY_WITH = {
    "read": {Scope.READ},
    "read+operate": {Scope.READ, Scope.OPERATE},
    "read+operate+admin": {Scope.READ, Scope.OPERATE, Scope.ADMIN},
}
FILL = {
    "{series_id}": "0" * 16, "{incident_id}": "none", "{kind}": "dashboard", "{object_id}": "none", "{share_id}": "none", "{token}": "a.b",
    "{silence_id}": "none", "{annotation_id}": "none",
}  # fmt: skip


def concrete(path: str) -> str:
    for name, value in FILL.items():
        path = path.replace(name, value)
    return path


async def test_every_guarded_route_refuses_strangers_and_too_few_rights(gateway: House) -> None:
    guarded = [(m, concrete(p), a) for (m, p), a in ROUTES.items() if isinstance(a, Scope) and m != "WS" and not p.endswith("/stream")]
    assert len(guarded) > 35
    async with gateway.client() as stranger:
        for method, path, _ in guarded:
            answer = await stranger.request(method, path)
            assert answer.status_code == 401, f"{method} {path} let a stranger in: {answer.status_code}"
        for key in ("kz0.secret", gateway.keys["default/read"] + "x", "x"):
            answer = await stranger.get("/api/v1/overview", headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 401
    for name, scopes in KEY_WITH.items():
        async with gateway.client(f"default/{name}") as client:
            for method, path, access in guarded:
                answer = await client.request(method, path)
                if access in scopes:
                    assert answer.status_code not in (401, 403), f"{name}: {method} {path} gives {answer.text}"
                else:
                    assert answer.status_code == 403, f"{name}: {method} {path} gives {answer.status_code}"


async def test_browser_needs_csrf_and_our_own_origin(gateway: House) -> None:
    async with gateway.person() as person:
        body = {"target": "episode-1", "verdict": "false"}
        assert (await person.post("/api/v1/feedback", json=body)).status_code == 202
        csrf = person.headers.pop("X-CSRF-Token")
        assert (await person.post("/api/v1/feedback", json=body)).status_code == 403
        assert (await person.post("/api/v1/feedback", json=body, headers={"X-CSRF-Token": "x" + csrf})).status_code == 403
        evil = {"X-CSRF-Token": csrf, "Origin": "https://evil.example"}
        assert (await person.post("/api/v1/feedback", json=body, headers=evil)).status_code == 403
        assert (await person.get("/api/v1/overview", headers=evil)).status_code == 403
        cookie = person.cookies["kizashi"]
        assert (await person.post("/api/v1/logout", headers={"X-CSRF-Token": csrf})).status_code == 204
        person.cookies.set("kizashi", cookie)
        assert (await person.get("/api/v1/me")).status_code == 401


async def test_log_ins_are_in_the_audit_trail_and_chained(gateway: House) -> None:
    async with gateway.client("default/read+operate+admin") as admin, gateway.client() as stranger:
        made = await admin.put("/api/v1/config/user/mika", json={"role": "viewer", "password": "a long pass phrase"})
        assert made.status_code == 201
        for user, password in (("mika", "wrong"), ("hunter2 typed into the wrong field", "x")):
            assert (await stranger.post("/api/v1/login", json={"user": user, "password": password})).status_code == 401
        opened = await stranger.post("/api/v1/login", json={"user": "mika", "password": "a long pass phrase"})
        assert opened.status_code == 200
        assert (await stranger.get("/login", params={"token": "guessed"})).headers["location"] == "/login?expired=1"
        assert (
            await stranger.post("/api/v1/logout", headers={"X-CSRF-Token": opened.json()["csrf"], "Origin": gateway.url})
        ).status_code == 204
        items = (await admin.get("/api/v1/audit")).json()["items"]
        told = [(i["author"], i["outcome"], i["reason"]) for i in items if i["kind"] == "login"]
        assert told == [
            ("mika", "logout", ""), ("local", "failure", "the link is wrong, used or expired"), ("mika", "success", ""),
            ("unknown", "failure", "no such user"), ("mika", "failure", "wrong password"),
        ]  # fmt: skip
        assert {i["address"] for i in items if i["kind"] == "login"} == {"127.0.0.1"} and [i["number"] for i in items] == [6, 5, 4, 3, 2, 1]
        assert "hunter2" not in json.dumps(items)
        newest = {"number": items[0]["number"], "hash": items[0]["hash"]}
        assert (await admin.get("/api/v1/audit/verify", params=newest)).json()["intact"] is True
        assert (await admin.get("/api/v1/config/login")).status_code == 400, "entries are no objects"
        forged = await admin.put("/api/v1/config/login/login-1", json={"outcome": "success"})
        assert forged.status_code == 400 and len((await admin.get("/api/v1/audit")).json()["items"]) == 6


async def test_login_link_works_once_and_guesses_are_throttled(gateway: House) -> None:
    token = login_link.issue(gateway.settings.home)
    async with gateway.client() as client:
        first = await client.get("/login", params={"token": token})
        assert first.status_code == 303 and first.headers["location"] == "/"
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie
        again = await client.get("/login", params={"token": token})
        assert again.headers["location"] == "/login?expired=1" and "set-cookie" not in again.headers
        wrong = [await client.get("/login", params={"token": "guessed"}) for _ in range(5)]
        assert [a.status_code for a in wrong] == [303] * 4 + [429] and wrong[-1].headers["retry-after"] == "60"
        for _ in range(8):
            opened = await client.get("/login", params={"token": login_link.issue(gateway.settings.home)})
            assert opened.status_code == 303 and "set-cookie" in opened.headers, "a right link opens however many wrong ones there were"


async def test_only_wrong_passwords_count_and_a_burst_of_them_is_bounded(gateway: House) -> None:
    async with gateway.person() as person, gateway.client() as client:
        right, wrong = ({"user": "mika", "password": word} for word in ("a long enough word", "a wrong enough word"))
        assert (await person.put("/api/v1/config/user/mika", json={"role": "viewer", "password": right["password"]})).status_code == 201
        at_once = await asyncio.gather(*(client.post("/api/v1/login", json=right) for _ in range(8)))
        assert [a.status_code for a in at_once] == [200] * 8
        guessed = await asyncio.gather(*(client.post("/api/v1/login", json=wrong) for _ in range(20)))
        assert sorted(a.status_code for a in guessed) == [401] * 5 + [429] * 15
        refused = await client.post("/api/v1/login", json=right)
        assert refused.status_code == 429 and refused.headers["retry-after"] == "60"


async def test_a_share_opens_as_often_as_people_like(gateway: House) -> None:
    async with gateway.person() as person, gateway.client() as anyone:
        assert (await person.put("/api/v1/config/dashboard/wall", json={"panels": []})).status_code == 201
        link = f"/api/v1/shared/{(await person.post('/api/v1/shares', json={'dashboard': 'wall'})).json()['token']}"
        wrong = [(await anyone.get(link + "x")).status_code for _ in range(7)]
        assert wrong == [404] * 5 + [429] * 2
        assert [(await anyone.get(link)).status_code for _ in range(20)] == [200] * 20
        signed = await anyone.post("/api/v1/login", json={"user": "nobody", "password": "at all"})
        assert signed.status_code == 401, "old links keep nobody from signing in"


async def test_users_log_in_and_lose_their_session_with_their_role(gateway: House) -> None:
    async with gateway.person() as person, gateway.client() as mika:
        put = await person.put("/api/v1/config/user/mika", json={"role": "viewer", "password": "a long enough word"})
        assert put.status_code == 201 and "password" not in put.json()["body"]
        logged = await mika.post("/api/v1/login", json={"user": "mika", "password": "a long enough word"})
        assert logged.status_code == 200 and logged.json()["role"] == "viewer"
        mika.headers["X-CSRF-Token"] = logged.json()["csrf"]
        assert (await mika.get("/api/v1/config/user/mika")).status_code == 403
        assert (await mika.put("/api/v1/config/dashboard/d", json={"panels": []})).status_code == 403
        promoted = await person.put("/api/v1/config/user/mika", json={"role": "operator"}, headers={"If-Match": '"1"'})
        assert promoted.status_code == 200
        assert (await mika.get("/api/v1/me")).status_code == 401
        again = await mika.post("/api/v1/login", json={"user": "mika", "password": "a long enough word"})
        mika.headers["X-CSRF-Token"] = again.json()["csrf"]
        assert (await mika.put("/api/v1/config/dashboard/d", json={"panels": []})).status_code == 201
        assert (await mika.put("/api/v1/config/rule/r", json={})).status_code == 403
        assert (await person.delete("/api/v1/config/user/mika", headers={"If-Match": '"2"'})).status_code == 204
        assert (await mika.get("/api/v1/me")).status_code == 401


async def test_a_tenant_sees_nothing_of_another(gateway: House) -> None:
    start = int(time.time() * 1_000) - 60_000
    ours = gateway.add_series("default", "cpu", unique_labels("secret-service"))
    theirs = gateway.add_series("acme", "mem", unique_labels("acme-service"))
    gateway.add_samples([ours, theirs], start, 1_000, 50)
    episode: dict[str, str | int] = {"opened": start, "tenant": "default"}
    gateway.store.command(
        "INSERT INTO episodes (tenant, opened, id, version, series_id, state, body) VALUES "
        "({tenant:String}, fromUnixTimestamp64Milli({opened:Int64}), 'e1', 1, 1, 'open', '{}')",
        episode,
    )
    name = format_series_id(ours)
    async with gateway.client("acme/read+operate+admin") as acme, gateway.client("default/read+operate+admin") as house:
        put = await house.put("/api/v1/config/dashboard/private", json={"panels": []})
        assert put.status_code == 201
        assert [s["metric"] for s in (await acme.get("/api/v1/series")).json()["items"]] == ["mem"]
        facets = (await acme.get("/api/v1/facets")).json()
        assert facets["service"] == [["acme-service", 1]]
        overview = (await acme.get("/api/v1/overview")).json()
        assert overview["totals"]["series"] == 1 and overview["totals"]["open_episodes"] == 0
        assert "secret-service" not in str(overview)
        assert [c["metric"] for c in (await acme.get("/api/v1/changed", params={"from": start + 25_000})).json()["items"]] == ["mem"]
        assert (await acme.get("/api/v1/episodes")).json()["items"] == []
        unknown = "00000000000000ff"
        for path in ("series/{}", "series/{}/explain", "series/{}/pattern", "range?series={}", "forecasts?series={}", "stream?series={}"):
            known, other = await acme.get("/api/v1/" + path.format(name)), await acme.get("/api/v1/" + path.format(unknown))
            assert known.status_code == other.status_code, path
            assert known.text.replace(name, "") == other.text.replace(unknown, ""), f"{path} tells that the series exists"
        mixed = (await acme.get("/api/v1/range", params={"series": [name, format_series_id(theirs)]})).json()
        assert [s["metric"] for s in mixed["series"]] == ["mem"]
        csv = await acme.get("/api/v1/range", params={"series": [name, format_series_id(theirs)], "format": "csv"})
        assert name not in csv.text and len(csv.text.splitlines()) == 51
        assert (await acme.get("/api/v1/config/dashboard")).json()["items"] == []
        assert (await acme.get("/api/v1/config/dashboard/private")).status_code == 404
        assert (await acme.get("/api/v1/audit")).json()["items"] == []
        assert (await acme.put("/api/v1/config/dashboard/private", json={"panels": [1]})).status_code == 201
        assert (await house.get("/api/v1/config/dashboard/private")).json()["body"] == {"panels": []}
        share = await acme.post("/api/v1/shares", json={"dashboard": "private", "series": [name]})
        assert share.status_code == 404
        for path in ("dead_letters", "queries/slow"):
            assert (await acme.get(f"/api/v1/{path}")).status_code == 403
        assert (await acme.get("/api/v1/stats")).json()["history"]["ts"] == []
