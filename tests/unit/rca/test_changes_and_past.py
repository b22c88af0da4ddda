"""What changes did, what past incidents teach, and the document that people start from."""

from __future__ import annotations

import pytest

from kizashi.contracts.findings import Affected, Cause, Incident, TimelineEntry
from kizashi.contracts.inputs import Event
from services.rca.changes import ChangeLog
from services.rca.past import PastIncident, PastIncidents
from services.rca.postmortem import postmortem

HOUR_MS = 3_600_000


def deploy(name: str, at_ms: int, entity: str = "db", kind: str = "deploy") -> Event:
    return Event("change", entity, at_ms, name, attributes={"kind": kind})


def test_the_sooner_after_the_change_the_likelier() -> None:
    log = ChangeLog()
    change = log.add(deploy("d1", 0))
    assert change is not None
    p = [log.probability(change, ms) for ms in (5_000, 600_000, 3_000_000, 2 * HOUR_MS)]
    assert p[0] > p[1] > p[2] > p[3] == 0
    assert log.probability(change, -5_000) > 0  # clocks differ
    assert log.probability(change, -60_000) == 0


def test_the_same_change_twice_is_one() -> None:
    log = ChangeLog()
    assert log.add(deploy("d1", 0)) is not None
    assert log.add(deploy("d1", 0)) is None


def test_every_change_gets_an_outcome_after_its_window() -> None:
    log = ChangeLog()
    log.add(deploy("harmless", 0))
    log.add(deploy("harmful", 0))
    log.blame("harmful", "incident-1", 0.8, 60_000)
    log.settle(HOUR_MS)
    assert log.changes["harmless"].outcome == "pending"
    log.settle(HOUR_MS + 1)
    said = {c.id: c.outcome for c in log.take_decided()}
    assert said == {"harmless": "nothing", "harmful": "suspected"}
    assert log.take_decided() == []
    assert (log.records["deploy"].seen, log.records["deploy"].caused) == (2, 1)


def test_a_kind_that_broke_things_before_is_suspected_sooner() -> None:
    log = ChangeLog()
    for i in range(20):
        log.add(deploy(f"bad{i}", 0, kind="flag"))
        log.add(deploy(f"good{i}", 0, kind="config"))
        log.judge(f"bad{i}", True, 10)
        log.judge(f"good{i}", False, 10)
    flag, config = log.add(deploy("f", HOUR_MS, kind="flag")), log.add(deploy("c", HOUR_MS, kind="config"))
    assert flag is not None
    assert config is not None
    assert log.probability(flag, HOUR_MS + 900_000) > log.probability(config, HOUR_MS + 900_000) + 0.2


def test_a_persons_word_outweighs_and_can_be_changed() -> None:
    log = ChangeLog()
    change = log.add(deploy("d1", 0))
    assert change is not None
    log.judge("d1", True, 10)
    assert log.probability(change, 5_000) == 1.0
    log.judge("d1", False, 20)
    assert log.probability(change, 5_000) == 0.0
    assert log.records["deploy"].caused == 0
    assert not log.judge("unknown", True, 30)


def test_outcomes_are_annotations() -> None:
    log = ChangeLog()
    change = log.add(deploy("d1", 7))
    assert change is not None
    e = change.event("acme")
    assert (e.type, e.ts_ms, e.tenant, e.attributes["change"], e.attributes["outcome"]) == ("annotation", 7, "acme", "d1", "pending")


def past(i: int, features: list[str], cause: str = "", ranked: tuple[str, ...] = ()) -> PastIncident:
    return PastIncident(f"incident-{i}", i, i, features, list(ranked), cause=cause)


def test_rare_features_make_incidents_alike() -> None:
    book = PastIncidents()
    for i in range(10):
        book.add(past(i, ["entity:shop", f"entity:s{i}"]))
    book.add(past(99, ["entity:shop", "metric:db:deadlocks"]))
    found = book.similar(["entity:shop", "metric:db:deadlocks"])
    assert found[0][0].id == "incident-99"
    assert found[0][1] == pytest.approx(1.0)
    assert book.similar(["entity:nobody"]) == []


def test_accuracy_counts_judged_incidents_only() -> None:
    book = PastIncidents()
    book.add(past(1, [], "db", ("db", "cart")))
    book.add(past(2, [], "db", ("cart", "shop", "db")))
    book.add(past(3, [], "db", ("a", "b", "c", "db")))
    book.add(past(4, [], "", ("db",)))
    score = book.accuracy()
    assert score.judged == 3
    assert [score.top1, score.top3] == pytest.approx([1 / 3, 2 / 3])
    assert book.accuracy(2, 3).judged == 1


def test_history_speaks_up_slowly_and_can_be_taken_back() -> None:
    book = PastIncidents()
    book.add(past(1, [], "db"))
    assert book.priors([])["db"] < 0.1
    for i in range(2, 40):
        book.add(past(i, [], "db"))
    assert book.priors([])["db"] > 0.7
    book.incidents["incident-1"].judge("db", "")
    assert book.incidents["incident-1"].cause == ""
    book.incidents["incident-1"].judge("db", "not_cause")
    assert book.incidents["incident-1"].not_causes == ["db"]


def test_a_past_incident_that_looks_alike_says_more_than_ten_that_do_not() -> None:
    book = PastIncidents()
    for i in range(10):
        book.add(past(i, [f"entity:s{i}"], "cache"))
    book.add(past(10, ["entity:shop", "metric:shop:errors"], "db"))
    said = book.priors(["entity:shop", "metric:shop:errors"])
    assert said["db"] > said["cache"]
    book.incidents["incident-10"].judge("db", "not_cause")
    assert "db" not in book.priors(["entity:shop", "metric:shop:errors"])
    assert book.priors(["entity:shop"], but="incident-10")["cache"] > 0


def test_the_oldest_past_incident_makes_room_and_is_forgotten_wholly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.rca.past.MAX_PAST", 3)
    book = PastIncidents()
    for i in range(5):
        book.add(past(i, [f"entity:s{i}"]))
    assert list(book.incidents) == ["incident-2", "incident-3", "incident-4"]
    assert book.similar(["entity:s0"]) == []
    assert [p.id for p, _share in book.similar(["entity:s4"])] == ["incident-4"]


INCIDENT = Incident(
    "incident-1", 3, "default", "closed", "db | affects\nshop", "critical", 0, 600_000, 600_000, verdict="cause", entities=["db", "shop"],
    causes=[Cause("db", 4.2, {"own": 2.5, "callers": 1.7}, change_id="deploy-7", text="db:cpu went from 1 to 9")],
    blast=[Affected("shop", "live", 0.9, 1, 0.0, ["db", "shop"]), Affected("mail", "structural", 0.4, 1, 30.0, ["db", "mail"])],
    changes=["deploy-7"], timeline=[TimelineEntry(1_000, "finding", "<script>alert(1)</script>")], similar=["incident-0"],
)  # fmt: skip


@pytest.mark.parametrize(("language", "heading"), [("en", "## Suspected causes"), ("ja", "## 原因の候補")])
def test_postmortem_says_what_is_known_and_asks_the_rest(language: str, heading: str) -> None:
    text = postmortem(INCIDENT, language)  # type: ignore[arg-type]  # parametrised literal
    assert heading in text
    for said in ("deploy-7", "own +2.50", "db → shop", "incident-0"):
        assert said in text
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert text.splitlines()[0] == "# db \\| affects shop"
    assert text == postmortem(INCIDENT, language)  # type: ignore[arg-type]  # as above


def test_postmortem_of_an_open_question() -> None:
    open_question = Incident("incident-2", 1, "default", "open", "x", "info", 0, 60_000)
    assert "Inconclusive" in postmortem(open_question)
    assert "still open" in postmortem(open_question)
