"""The partition model as its service uses it."""

from __future__ import annotations

from kizashi.contracts import codec
from kizashi.contracts.findings import Feedback, Incident
from kizashi.contracts.inputs import Event
from services.rca.model import PartitionModel
from tests.unit.rca.landscape import T0, episode, feed, info, topology

SERIES = [info(s, m) for s in ("shop", "cart", "db") for m in ("latency", "errors")]


def outage(model: PartitionModel) -> list[Incident]:
    """db breaks, cart follows, shop follows; everything else is quiet."""
    model.event(topology(("shop", "cart"), ("cart", "db")))
    feed(model, SERIES, 0, 1800)
    feed(model, SERIES, 1800, 1830, {"db": 3.0})
    model.episode(episode("db", "latency", 1815))
    feed(model, SERIES, 1830, 1860, {"db": 3.0, "cart": 1.0})
    model.episode(episode("cart", "latency", 1845))
    feed(model, SERIES, 1860, 1920, {"db": 3.0, "cart": 1.0, "shop": 0.5})
    model.episode(episode("shop", "latency", 1880))
    model.tick(T0 + 1_925_000)
    return model.drain().incidents


def newest(incidents: list[Incident]) -> dict[str, Incident]:
    """Highest version of each incident."""
    return {i.id: i for i in sorted(incidents, key=lambda i: i.version)}


def test_a_cascade_is_one_incident_with_its_cause_first() -> None:
    found = list(newest(outage(PartitionModel())).values())
    assert len(found) == 1
    assert found[0].verdict == "cause"
    assert found[0].causes[0].entity == "db"
    assert set(found[0].entities) == {"db", "cart", "shop"}
    assert {a.entity: a.hops for a in found[0].blast if a.meaning == "live"} == {"cart": 1, "shop": 2}  # the cause is not in its radius
    assert any(i.name.startswith("db:latency") for i in found[0].causes[0].indicators)


def test_versions_grow_by_one() -> None:
    versions: dict[str, list[int]] = {}
    for i in outage(PartitionModel()):
        versions.setdefault(i.id, []).append(i.version)
    assert all(v == list(range(1, len(v) + 1)) for v in versions.values())


def test_a_repeated_message_changes_nothing() -> None:
    model = PartitionModel()
    outage(model)
    before = model.dump()
    model.episode(episode("db", "latency", 1815))
    model.episode(episode("shop", "latency", 1880))
    model.event(topology(("shop", "cart"), ("cart", "db")))
    assert model.drain().incidents == []
    assert model.dump() == before


def test_the_same_messages_give_the_same_bytes() -> None:
    first, second = (b"".join(codec.encode(i) for i in outage(PartitionModel())) for _ in range(2))
    assert first == second


def test_a_restored_model_goes_on_as_if_nothing_happened() -> None:
    straight, broken = PartitionModel(), PartitionModel()
    outage(straight)
    outage(broken)
    restored = PartitionModel.load(broken.dump())
    for m in (straight, restored):
        m.event(Event("change", "db", T0 + 1_700_000, "deploy-1", attributes={"kind": "deploy", "version": "2"}))
        m.episode(episode("db", "errors", 1930))
        m.episode(episode("db", "latency", 1815, version=2, closed_s=1940))
        feed(m, SERIES, 1930, 1990)
    assert [codec.encode(i) for i in straight.drain().incidents] == [codec.encode(i) for i in restored.drain().incidents]
    assert straight.dump() == restored.dump()


def test_an_incident_closes_when_all_is_quiet_and_reopens_when_it_breaks_again() -> None:
    model = PartitionModel()
    outage(model)
    for service, at in (("db", 1815), ("cart", 1845), ("shop", 1880)):
        model.episode(episode(service, "latency", at, version=2, closed_s=2000))
    model.tick(T0 + 2_400_000)
    closed = newest(model.drain().incidents)
    assert [i.state for i in closed.values()] == ["closed"]
    model.episode(episode("db", "latency", 2500))
    model.tick(T0 + 2_502_000)
    again = newest(model.drain().incidents)
    assert list(again) == list(closed)
    assert next(iter(again.values())).state == "open"
    assert any(t.what == "reopened" for t in next(iter(again.values())).timeline)


def test_a_deploy_just_before_is_suspected_and_can_be_confirmed() -> None:
    model = PartitionModel()
    model.event(Event("change", "db", T0 + 1_780_000, "deploy-1", title="db 2.1", attributes={"kind": "deploy"}))
    found = next(iter(newest(outage(model)).values()))
    assert found.causes[0].change_id == "deploy-1"
    assert found.changes == ["deploy-1"]
    model.feedback(Feedback("f1", "default", f"{found.id}/deploy-1", "cause", "mika", T0 + 1_930_000))
    model.tick(T0 + 1_940_000)
    outcomes = [e.attributes["outcome"] for e in model.drain().changes]
    assert outcomes[-1] == "confirmed"


def test_a_verdict_moves_the_ranking_but_not_the_track_record() -> None:
    model = PartitionModel()
    first = next(iter(newest(outage(model)).values()))
    assert first.said[0] == "db"
    model.feedback(Feedback("f1", "default", f"{first.id}/cart", "cause", "mika", T0 + 1_926_000))
    model.feedback(Feedback("f2", "default", f"{first.id}/db", "not_cause", "mika", T0 + 1_926_000))
    model.tick(T0 + 1_930_000)
    judged = next(iter(newest(model.drain().incidents).values()))
    assert judged.causes[0].entity == "cart"
    assert judged.said == first.said
    for service, at in (("db", 1815), ("cart", 1845), ("shop", 1880)):
        model.episode(episode(service, "latency", at, version=2, closed_s=2000))
    model.tick(T0 + 2_400_000)
    record = model.tenants["default"].past.accuracy()
    assert (record.judged, record.top1, record.top3) == (1, 0.0, 1.0)


def test_tenants_do_not_see_each_other() -> None:
    model = PartitionModel()
    model.event(topology(("cart", "db")))
    model.episode(episode("db", "latency", 10, tenant="default"))
    model.episode(episode("cart", "latency", 40, tenant="other"))
    model.tick(T0 + 60_000)
    found = newest(model.drain().incidents)
    assert sorted((i.tenant, i.entities) for i in found.values()) == [("default", ["db"]), ("other", ["cart"])]
