"""The chart of a message by the kind of its finding: an incident's cause, a risk's series with its forecast, a change that names one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kizashi.contracts.findings import Cause, Incident, Indicator, Risk
from kizashi.contracts.inputs import Event
from kizashi.contracts.pictures import Picture, read, sign
from services.alerting import snapshot
from services.alerting.charts import BACK_MS, RISK_BACK_MS, chart_of, series_of_incident
from services.alerting.notification import Notification
from services.alerting.rules import AnyRule, BurnRule, ForecastRule, IncidentRule, OutcomeRule, ProbabilityRule
from services.alerting.tenant import Tenant
from tests.unit.alerting.situation import T0, S, deliver, episode, incident, run, tenant

CAUSE, OTHER, NONE = f"{7:016x}", f"{8:016x}", f"{0:016x}"
LATENCY = Indicator(OTHER, "latency", 0.4)
DISK = Indicator(CAUSE, "disk_free", 0.9)


def told(t: Tenant) -> Notification:
    """The one message that is said."""
    run(t, t.now_ms + 5 * S)
    (message,) = deliver(t)
    return message


def chart(message: Notification) -> Picture | None:
    """As a channel has it; whatever is drawn can be asked for by its link."""
    found = chart_of(message, "en", "UTC")
    if found is not None:
        assert read(sign(found, 10, b"k"), 9, b"k") == found
    return found


def about(i: Incident, *indicators: Indicator) -> Incident:
    return msgspec.structs.replace(
        i, causes=[Cause("db-1", 0.9, {}, list(indicators)), Cause("web", 0.1, {}, [Indicator(OTHER, "x", 9.0)])]
    )


def risk(kind: Any, **given: Any) -> Risk:
    made: dict[str, Any] = {"probability": 0.95, "severity": "critical", "title": "disk full", "eta_ms": T0 + 3_600 * S, "threshold": 90.0}
    return Risk("risk-1", 1, "default", "db-1", kind, T0, **made | given)


def test_an_incident_shows_the_strongest_indicator_of_its_first_cause() -> None:
    t = tenant({"r": IncidentRule()})
    t.incident(about(incident(episodes=["e"]), LATENCY, DISK))
    message = told(t)
    found = chart(message)
    assert message.alerts[0].series == CAUSE and found is not None and found.series == [CAUSE]
    assert found.title == "db-1 affects 2 · db-1: disk_free" and not found.forecast
    assert found.to_ms - found.from_ms == BACK_MS and found.shaded == [(T0, found.to_ms)]


def test_an_incident_without_indicators_shows_its_strongest_episode() -> None:
    weak, strong, foreign = episode(1), episode(2, peak_score=5.0), episode(3, peak_score=9.0)
    t = tenant({"r": IncidentRule()})
    for e in (weak, strong, foreign):
        t.episode(e)
    t.incident(about(incident(episodes=[weak.id, strong.id]), Indicator(NONE, "reported", 1.0)))
    found = chart(told(t))
    assert found is not None and (found.series, found.title) == ([strong.series_id], "db-1 affects 2 · svc-2: latency")


def test_an_incident_of_which_no_series_is_known_has_no_chart() -> None:
    assert series_of_incident(incident(episodes=["gone"]), [episode(1)]) == ("", "")
    t = tenant({"r": IncidentRule()})
    t.incident(incident(episodes=["gone"]))
    assert chart(told(t)) is None


def test_an_incident_keeps_its_chart_when_later_versions_name_no_series_and_over_a_restart() -> None:
    t = tenant({"r": IncidentRule()})
    t.incident(about(incident(episodes=["e"]), DISK))
    run(t, T0 + 2 * S)
    again = tenant({"r": IncidentRule()})
    (kept,) = snapshot.unpack(snapshot.pack({"default": t}, [])).tenants
    snapshot.restore(again, kept)
    deliver(again)
    again.incident(incident(episodes=["e"], version=2))
    again.incident(incident(episodes=["e"], version=3, state="closed"))
    run(again, again.now_ms + 600 * S)
    *_, last = deliver(again)
    found = chart(last)
    assert last.kind == "resolved" and found is not None and found.series == [CAUSE]


def test_a_limit_that_is_foreseen_shows_its_series_with_the_forecast_and_the_limit() -> None:
    t = tenant({"r": ForecastRule(within_s=7_200)})
    t.risk(risk("capacity", series_id=CAUSE))
    found = chart(told(t))
    assert found is not None and (found.series, found.threshold, found.forecast, found.shaded) == ([CAUSE], 90.0, True, [])
    assert found.to_ms - found.from_ms == RISK_BACK_MS


@pytest.mark.parametrize(("kind", "rule"), [("slo", BurnRule()), ("ticket", ProbabilityRule(of="ticket"))])
def test_other_risks_have_the_chart_of_their_series_when_they_name_one(kind: str, rule: AnyRule) -> None:
    for series, expected in ((CAUSE, [CAUSE]), ("", None)):
        t = tenant({"r": rule})
        t.risk(risk(kind, series_id=series, firing=True))
        found = chart(told(t))
        assert (found.series if found else None) == expected


@pytest.mark.parametrize(
    ("named", "expected"), [({"series": CAUSE}, [CAUSE]), ({}, None), ({"series": "latency"}, None), ({"series": 7}, None)]
)
def test_a_change_has_a_chart_only_when_it_names_a_series(named: dict[str, Any], expected: list[str] | None) -> None:
    t = tenant({"r": OutcomeRule()})
    t.outcome(Event("annotation", "db-1", T0, "outcome-1", "default", attributes={"outcome": "confirmed", "change": "deploy-1"} | named))
    found = chart(told(t))
    assert (found.series if found else None) == expected
