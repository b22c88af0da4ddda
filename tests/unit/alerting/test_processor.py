"""Records in, emits out, and what the courier and the inner port see of it."""

from __future__ import annotations

import asyncio
import gc
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import encode_rollups
from kizashi.contracts.civil_time import LONGEST_CALENDAR_DAYS
from kizashi.contracts.findings import Alert, ConfigChange, Delivery, Feedback
from kizashi.contracts.ids import tenant_partition
from kizashi.errors import BusUnavailable, ConfigurationError, InvalidMessage, Refused
from kizashi.stream.config import internal_token, sign
from kizashi.stream.records import Record
from services.alerting.answers import answer
from services.alerting.port import Busy, InnerPort, Replayer
from services.alerting.processor import LONGEST_TICKS, OLD_MS, QUIET_TICKS, AlertingFactory
from tests.unit.alerting.situation import T0, S, episode
from tests.unit.alerting.test_tenant import rollup

KEY = b"k" * 32
PARTITION = tenant_partition("default", 12)


def record(topic: str, value: bytes, at_ms: int = T0) -> Record:
    return Record(topic, PARTITION, 0, value, timestamp_ms=at_ms)


def change(kind: str, id_: str, body: dict[str, Any] | None, based_on: int = 0) -> Record:
    made = ConfigChange(kind, id_, based_on, body, "mika", T0, f"{kind}-{id_}-{based_on}")
    return Record(topics.CONFIG.name, 0, 0, codec.encode(sign(made, KEY)))


def factory_with_an_alert() -> tuple[AlertingFactory, Any]:
    factory = AlertingFactory(KEY, 12)
    p = factory.new(PARTITION)
    for _ in range(QUIET_TICKS):
        p.tick(T0)
    p.control(change("rule", "anomaly", {"kind": "anomaly"}))
    p.process(record(topics.EPISODES.name, codec.encode(episode())))
    return factory, p


def test_an_episode_becomes_an_alert_a_message_and_after_its_delivery_nothing() -> None:
    factory, p = factory_with_an_alert()
    woken: list[bool] = []
    factory.on_pending = lambda: woken.append(True)
    (emit,) = p.drain()
    alert = codec.decode(emit.value, Alert)
    assert (emit.topic, emit.partition, alert.state, alert.rule) == (topics.ALERTS.name, PARTITION, "firing", "anomaly")
    assert woken and p.drain() == [] and len(woken) == 1
    (m,) = factory.pending()
    done = Delivery("d", alert.id, "default", "topic", T0, "sent", dedup_key=m.key)
    p.process(record(topics.DELIVERIES.name, codec.encode(done)))
    assert factory.pending() == []


def test_feedback_and_rollups_and_bad_records() -> None:
    _factory, p = factory_with_an_alert()
    p.control(change("rule", "full", {"kind": "threshold", "metric": "disk", "above": 0.9}))
    p.process(record(topics.ROLLUPS.name, encode_rollups(rollup(7, T0, 0.95))))
    p.control(Record(topics.FEEDBACK.name, 0, 0, codec.encode(Feedback("f", "default", episode().id, "acknowledge", "mika", T0))))
    alerts = [codec.decode(e.value, Alert) for e in p.drain()]
    assert {(a.rule, a.state) for a in alerts} == {("anomaly", "acknowledged"), ("full", "firing")}
    for topic in (topics.EPISODES, topics.ROLLUPS, topics.DELIVERIES, topics.RISKS, topics.INCIDENTS, topics.OUTCOMES):
        with pytest.raises(InvalidMessage):
            p.process(record(topic.name, b"{"))
    p.skip(record(topics.EPISODES.name, b"{"))
    assert p.drain() == []


def test_after_a_restore_the_log_is_read_before_anything_is_sent_again() -> None:
    factory, p = factory_with_an_alert()
    data = p.dump()
    keys = [m.key for m in factory.pending()]
    gc.disable()  # nothing may wait for the collector: until it came, two workers would send the same messages
    try:
        del p
        assert factory.pending() == [] and factory.tenant("default") is None, "a partition that another worker has is gone here"
    finally:
        gc.enable()
    q = factory.load(PARTITION, data)
    assert factory.pending() == []
    for k in range(QUIET_TICKS):
        q.tick(T0 + (k + 1) * S)
    assert [m.key for m in factory.pending()] == keys
    assert factory.turned_ms() == T0 + QUIET_TICKS * S


def old(n: int, state: str) -> Record:
    at = T0 - OLD_MS - 3_600 * S + n * S
    made = episode(n, at_ms=at, state=state, version=1 + (state == "closed"), closed_ms=at + S if state == "closed" else None)
    return record(topics.EPISODES.name, codec.encode(made), at)


def test_a_backlog_wakes_nobody_for_what_is_over() -> None:
    factory = AlertingFactory(KEY, 12)
    p = factory.new(PARTITION)
    p.control(change("rule", "anomaly", {"kind": "anomaly"}))
    p.tick(T0)
    for n in range(100):
        p.process(old(n, "open"))
        p.tick(T0 + n * S // 10)
        if n != 42:
            p.process(old(n, "closed"))
    assert p.reading and factory.pending() == []
    for k in range(QUIET_TICKS):
        p.tick(T0 + 20 * S + k * S)
    told = [m.alerts[0].labels["service"] for m in factory.pending()]
    assert not p.reading and told == ["svc-42"], "what still holds is told when the log is read"
    p.process(record(topics.EPISODES.name, codec.encode(episode(7, at_ms=T0 + 30 * S)), T0 - OLD_MS - S))
    assert not p.reading, "a worker that lags later keeps telling"


def test_a_backlog_without_end_does_not_keep_people_waiting_for_ever() -> None:
    p = AlertingFactory(KEY, 12).new(PARTITION)
    for k in range(LONGEST_TICKS + 1):
        p.process(old(k, "open"))
        p.tick(T0 + k * S)
    assert not p.reading


def test_channels_are_seen_by_the_courier_and_bad_ones_are_not() -> None:
    factory, p = factory_with_an_alert()
    p.control(change("channel", "ops", {"type": "slack", "url_file": "slack"}))
    p.control(change("channel", "bad", {"type": "slack", "url": "https://x"}))
    assert [(t, n) for t, n, _ in factory.channels()] == [("default", "ops")]
    assert factory.channel("default", "ops") == {"type": "slack", "url_file": "slack"}
    assert factory.channel("default", "bad") is None is factory.channel("other", "ops")


@pytest.mark.parametrize(
    ("method", "path", "body", "found"),
    [
        ("GET", "state", {}, {"firing": 1, "to_send": 1}),
        ("GET", "silences", {}, {"items": []}),
        ("GET", "maintenance", {}, {"items": []}),
        ("GET", "oncall", {}, {"schedules": []}),
        ("POST", "check", {"kind": "rule", "id": "r", "body": {"kind": "anomaly", "min_score": 0.1}}, {"ok": False, "path": "$.min_score"}),
        ("POST", "check", {"kind": "rule", "id": "r", "body": {"kind": "incident"}}, {"ok": True}),
        ("POST", "silences/preview", {"match": ["service=svc-9"], "alerts": [{"id": "x", "labels": {"service": "svc-9"}}]},
         {"now": [], "given": ["x"]}),
        ("POST", "why-not", {"rule": "anomaly", "series": f"{1:016x}"}, {"fired": False}),
    ],
)  # fmt: skip
def test_questions_about_a_running_tenant(method: str, path: str, body: dict[str, Any], found: dict[str, Any]) -> None:
    factory, p = factory_with_an_alert()
    tenant = factory.tenant("default")
    assert tenant is not None
    said = answer(tenant, method, path, {}, body)
    json.dumps(said)
    assert {k: said[k] for k in found} == found
    del p


def test_the_lists_hold_what_there_is() -> None:
    factory, p = factory_with_an_alert()
    p.control(change("silence", "s", {"match": ["service=svc-2"], "ends_ms": T0 + 9 * S, "owner": "m", "reason": "r"}))
    p.control(change("maintenance", "m", {"match": ["service=a"], "start": "2026-02-25T06:00", "duration_s": 3_600}))
    rota = [{"people": ["mika"], "start": "2026-01-01T00:00"}]
    p.control(change("schedule", "oc", {"time_zone": "UTC", "rotations": rota}))
    tenant = factory.tenant("default")
    assert tenant is not None

    def ask(path: str, q: dict[str, str] | None = None) -> Any:
        return answer(tenant, "GET", path, q or {}, {})

    assert [s["active"] for s in ask("silences")["items"]] == [True]
    assert [m["active"] for m in ask("maintenance")["items"]] == [True]
    assert ask("oncall", {"days": "1"})["schedules"][0]["now"] == "mika"
    rules = {r["id"]: r["origin"] for r in ask("rules")["items"]}
    assert (rules["anomaly"], rules["incident"]) == ("replaced", "default")
    assert ask("groups")["items"][0]["alerts"][0]["held_back_by"] == ""
    for path, body in (("route", {}), ("silences/preview", {}), ("why-not", {}), ("check", {"kind": "user"}), ("nothing", {})):
        with pytest.raises(Refused):
            answer(tenant, "POST", path, {}, body)
    for days in ("x", "0", "-1", str(LONGEST_CALENDAR_DAYS + 1), ""):
        for path in ("oncall", "maintenance"):
            with pytest.raises(ConfigurationError, match=r"\$\.days"):
                ask(path, {"days": days})
    with pytest.raises(ConfigurationError, match="at_ms"):
        ask("oncall", {"at_ms": "99999999999999999"})


async def test_the_inner_port_wants_the_token_and_answers_in_json() -> None:
    async def ask(method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        if path == "busy":
            raise Busy("one at a time")
        if path == "bad":
            raise Refused("no")
        if path == "bug":
            raise AttributeError("'str' object has no attribute 'get'")
        if path == "away":
            raise BusUnavailable("not now")
        return {"method": method, "path": path, "query": query, "body": body}

    token = internal_token(KEY, "alerting")
    port = InnerPort("127.0.0.1", 0, token, ask, asyncio.get_running_loop())

    def fetch(path: str, data: bytes | None = None, bearer: str = token) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port.port}/{path}", data, {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as r:
                return r.status, json.loads(r.read())
        except urllib.error.HTTPError as x:
            with x:
                return x.code, json.loads(x.read())

    try:
        good = await asyncio.to_thread(fetch, "alerting/v1/a/b?tenant=t", b'{"x":1}')
        assert good == (200, {"method": "POST", "path": "a/b", "query": {"tenant": "t"}, "body": {"x": 1}})
        asked: dict[str, tuple[str, bytes | None, str]] = {
            "get": ("alerting/v1/state", None, token), "no token": ("alerting/v1/state", None, "x"), "elsewhere": ("metrics", None, token),
            "busy": ("alerting/v1/busy", None, token), "bad": ("alerting/v1/bad", None, token), "not json": ("alerting/v1/a", b"{", token),
            "a list": ("alerting/v1/a", b"[]", token), "a bug": ("alerting/v1/bug", None, token), "away": ("alerting/v1/away", None, token),
        }  # fmt: skip
        statuses = {name: (await asyncio.to_thread(fetch, *given))[0] for name, given in asked.items()}
        said = {"no token": 401, "elsewhere": 404, "busy": 503, "bad": 400, "not json": 400, "a list": 400, "a bug": 500, "away": 503}
        assert statuses == {"get": 200, **said}
    finally:
        port.close()


async def test_replays_run_one_at_a_time_and_say_why_they_fail() -> None:
    replayer = Replayer()
    with pytest.raises(Refused):
        await replayer.run(["no-such-command"], {})
    async with replayer._one:
        with pytest.raises(Busy):
            await replayer.run(["version"], {})
