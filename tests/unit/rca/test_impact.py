"""How much an incident matters, what tickets do, and what the timeline tells."""

from __future__ import annotations

import msgspec

from kizashi.contracts.findings import Affected, Feedback, Incident, Risk
from kizashi.contracts.inputs import Event
from services.rca.impact import Promises, impact
from services.rca.model import PartitionModel
from tests.unit.rca.landscape import T0, episode, feed, info, topology
from tests.unit.rca.test_partition_model import newest, outage


def risk(id: str, entity: str, kind: str, version: int = 1, reason: str = "", firing: bool = False, at_s: float = 0.0) -> Risk:
    return Risk(id, version, "default", entity, kind, T0 + round(1000 * at_s), title=id, reason=reason, firing=firing)  # type: ignore[arg-type]  # a literal


def test_shares_count_what_is_hit_against_what_is_known() -> None:
    promises = Promises()
    for r in (
        risk("shop 99.9", "shop", "slo"),
        risk("mail 99", "mail", "slo"),
        risk("T-1", "shop", "ticket"),
        risk("run out", "shop", "capacity"),
    ):
        promises.note(r)
    affected = [Affected("shop", "live", 0.9, 1), Affected("mail", "structural", 0.2, 1)]
    found = impact("db", affected, {"shop": 300.0, "mail": 100.0}, promises)
    assert found.users == 0.725  # (300·0.9 + 100·0.2) / 400
    assert (found.slos, found.slo_share, found.tickets, found.ticket_share) == (["shop 99.9"], 0.5, ["T-1"], 1.0)


def test_what_is_unknown_has_no_share() -> None:
    found = impact("db", [], {}, Promises())
    assert (found.users, found.slo_share, found.ticket_share) == (None, None, None)


def test_an_ended_promise_is_forgotten_and_an_older_statement_changes_nothing() -> None:
    promises = Promises()
    promises.note(risk("T-1", "shop", "ticket", version=2))
    promises.note(risk("T-1", "cart", "ticket", version=1))
    assert promises.known["T-1"].entity == "shop"
    promises.note(risk("T-1", "shop", "ticket", version=3, reason="resolved"))
    assert promises.known == {}


def test_an_incident_tells_its_share_of_users_and_promises() -> None:
    model = PartitionModel()
    model.risk(risk("checkout 99.9 %", "shop", "slo"))
    model.risk(risk("mail 99 %", "mail", "slo"))
    feed(model, [info(s, "requests_total") for s in ("shop", "cart", "db")], 1_790, 1_800)
    found = next(iter(newest(outage(model)).values()))
    assert found.impact is not None
    assert found.impact.slos == ["checkout 99.9 %"]
    assert found.impact.slo_share == 0.5
    assert found.impact.users is not None and 0.4 < found.impact.users <= 1.0  # the shop is the only way in
    again = PartitionModel.load(model.dump())
    assert set(again.tenants["default"].promises.known) == {"checkout 99.9 %", "mail 99 %"}


def ticket(id: str, entity: str, at_s: float, priority: str = "P3") -> Event:
    return Event("ticket", entity, T0 + round(1000 * at_s), id, title="cannot pay", attributes={"priority": priority})


def test_a_ticket_alone_is_no_incident_but_an_urgent_one_is() -> None:
    model = PartitionModel()
    model.event(ticket("T-1", "service-desk", 1))
    model.tick(T0 + 5_000)
    assert model.drain().incidents == []
    model.event(ticket("T-2", "service-desk", 6, "P1"))
    model.tick(T0 + 9_000)
    assert [i.entities for i in model.drain().incidents] == [["service-desk"]]


def test_a_ticket_joins_the_incident_of_its_entity_and_is_told_in_the_one_beside_it() -> None:
    model = PartitionModel()
    outage(model)
    model.event(ticket("T-1", "shop", 1_926))
    model.event(topology(("kiosk", "shop"), at_s=1_927))
    model.event(ticket("T-2", "kiosk", 1_928))
    model.tick(T0 + 1_935_000)
    found = newest(model.drain().incidents)
    assert len(found) == 1
    incident = next(iter(found.values()))
    assert "T-1" in incident.episodes and "T-2" not in incident.episodes
    assert [t.ref for t in incident.timeline if t.what == "ticket"] == ["T-2"]


def test_a_changed_rhythm_is_a_line_in_the_timeline_and_never_an_incident() -> None:
    model = PartitionModel()
    rhythm = msgspec.structs.replace(episode("shop", "load", 5), kind="season")
    model.episode(rhythm)
    model.tick(T0 + 9_000)
    assert model.drain().incidents == []
    outage(model)
    model.episode(msgspec.structs.replace(episode("shop", "load", 1_926), kind="season"))
    model.tick(T0 + 1_930_000)
    incident = next(iter(newest(model.drain().incidents).values()))
    assert [t.text for t in incident.timeline if t.what == "pattern"] == ["shop: load lost its rhythm"]
    assert all("load" not in ref for ref in incident.entities)


def closed_and_again(model: PartitionModel) -> list[Incident]:
    """The outage twice: the second incident looks like the first, hours later."""
    found = outage(model)
    for service, opened in (("db", 1815), ("cart", 1845), ("shop", 1880)):
        model.episode(episode(service, "latency", opened, version=2, closed_s=2_000))
    model.tick(T0 + 2_400_000)
    for service, at in (("db", 10_000), ("cart", 10_030), ("shop", 10_060)):
        model.episode(episode(service, "latency", at))
        model.tick(T0 + 1000 * at + 2_000)
    for s in range(10_062, 10_100):
        model.tick(T0 + 1000 * s)
    return found + model.drain().incidents


def test_what_looks_alike_is_told_once_however_long_it_lasts() -> None:
    last = max(closed_and_again(PartitionModel()), key=lambda i: i.opened_ms + i.version)
    assert last.similar
    assert len([t for t in last.timeline if t.what == "similar"]) == 1


def test_merging_splitting_and_reopening_say_why() -> None:
    model = PartitionModel()
    model.event(topology(("shop", "cart"), ("cart", "db")))
    model.episode(episode("shop", "latency", 10))
    model.episode(episode("cart", "latency", 40))  # slower than the shop, and what the shop depends on
    model.tick(T0 + 42_000)
    model.episode(episode("db", "latency", 45))
    model.tick(T0 + 60_000)
    incident = next(i for i in newest(model.drain().incidents).values() if i.state == "open")
    merged = [t.text for t in incident.timeline if t.what == "merged"]
    assert merged and all("depends on" in t for t in merged)


def test_a_better_explanation_takes_a_part_away_and_both_incidents_say_so() -> None:
    model = PartitionModel()
    model.event(topology(("shop", "old"), ("shop", "new")))
    for i, (service, at) in enumerate((("old", 0), ("old", 3), ("shop", 150), ("shop", 155), ("new", 118), ("new", 121), ("new", 125))):
        closed = msgspec.structs.replace(episode(service, f"m{i}", at), state="closed", closed_ms=T0 + 1000 * at)
        model.episode(closed)
    model.tick(T0 + 200_000)
    told = [t for i in newest(model.drain().incidents).values() for t in i.timeline if t.what in ("moved", "split")]
    assert {t.text.split(" ")[0] for t in told} == {"came", "went"}
    assert all(t.ref.startswith("incident-") for t in told)


def test_a_note_is_kept_and_told_with_what_looks_alike() -> None:
    model = PartitionModel()
    first = next(iter(newest(outage(model)).values()))
    model.feedback(Feedback("n1", "default", first.id, "note", "mika", T0 + 1_926_000, note="restarted db-1"))
    model.tick(T0 + 1_930_000)
    noted = next(iter(newest(model.drain().incidents).values()))
    assert [t.text for t in noted.timeline if t.what == "note"] == ["mika: restarted db-1"]
    for service, opened in (("db", 1815), ("cart", 1845), ("shop", 1880)):
        model.episode(episode(service, "latency", opened, version=2, closed_s=2_000))
    model.tick(T0 + 2_400_000)
    model.feedback(Feedback("n2", "default", first.id, "note", "mika", T0 + 2_500_000, note="the pool was too small"))
    for service, at in (("db", 10_000), ("cart", 10_030), ("shop", 10_060)):
        model.episode(episode(service, "latency", at))
        model.tick(T0 + 1000 * at + 2_000)
    last = max(model.drain().incidents, key=lambda i: i.opened_ms + i.version)
    assert any("noted: the pool was too small" in t.text for t in last.timeline if t.what == "similar")


def test_a_change_is_named_by_its_title() -> None:
    model = PartitionModel()
    model.event(Event("change", "db", T0 + 1_800_000, "deploy-81", title="db 8.4.1", attributes={"kind": "deploy"}))
    incident = next(iter(newest(outage(model)).values()))
    assert incident.change_titles == {"deploy-81": "db 8.4.1"}
    top = incident.causes[0]
    assert (top.change_id, top.change_title) == ("deploy-81", "db 8.4.1")
    assert "db 8.4.1" in top.text and "deploy-81" not in top.text


def test_workers_that_share_tenants_give_what_one_alone_gives() -> None:
    def play(model: PartitionModel, tenant: str) -> None:
        model.event(Event("topology", "map", T0, f"map-{tenant}", tenant, edges=[("shop", "db")]))
        model.episode(episode("db", "latency", 10, tenant=tenant))
        model.episode(episode("shop", "latency", 40, tenant=tenant))
        model.tick(T0 + 50_000)

    alone, first, second = PartitionModel(), PartitionModel(), PartitionModel()
    for worker, tenant in ((first, "red"), (second, "blue")):
        play(worker, tenant)
        play(alone, tenant)
    together = {i.id: i for i in alone.drain().incidents}
    apart = {i.id: i for worker in (first, second) for i in worker.drain().incidents}
    assert together == apart
    assert {i.tenant for i in together.values()} == {"red", "blue"}
