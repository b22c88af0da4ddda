"""Groups under random alerts: what must hold of every message, whatever happens; and the question why something did not fire."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.contracts.findings import Feedback
from services.alerting.notification import Notification
from services.alerting.rules import AnomalyRule
from services.alerting.why_not import why_not
from tests.unit.alerting.situation import T0, S, deliver, episode, run, tenant

WAIT, INTERVAL = 10, 60
STEPS = st.lists(
    st.tuples(
        st.integers(1, 40),  # seconds since the step before
        st.sampled_from(["open", "open", "close", "close", "ack"]),
        st.integers(0, 5),  # which series
        st.sampled_from(["warning", "warning", "critical"]),
    ),
    max_size=40,
)


@given(steps=STEPS, silent=st.sets(st.integers(0, 5), max_size=2))
@settings(max_examples=150, deadline=None)
def test_every_alert_is_told_once_and_its_end_is_told(steps: list[tuple[int, str, int, str]], silent: set[int]) -> None:
    route = {"group_by": ["team"], "group_wait_s": WAIT, "critical_wait_s": WAIT, "group_interval_s": INTERVAL, "repeat_interval_s": 1e6}
    t = tenant({"odd": AnomalyRule(labels={"team": "x"})}, route=route)
    if silent:
        pattern = "|".join(f"svc-{n}" for n in silent)
        body = {"match": [f"service=~{pattern}"], "ends_ms": T0 + 90 * 86_400 * S - 1, "owner": "m", "reason": "r"}
        assert t.config("silence", "s", body, T0)
    open_: dict[int, int] = {}
    said: list[Notification] = []
    acked = False

    def wait(until_ms: int) -> None:
        while t.now_ms < until_ms:
            run(t, t.now_ms + S)
            said.extend(deliver(t))

    for pause, what, n, severity in steps:
        wait(t.now_ms + pause * S)
        if what == "open" and n not in open_:
            open_[n] = t.now_ms
            t.episode(episode(n, at_ms=t.now_ms, severity=severity))
        elif what == "close" and n in open_:
            t.episode(episode(n, at_ms=open_.pop(n), version=2, state="closed", closed_ms=t.now_ms))
        elif what == "ack" and open_:
            acked = True
            t.feedback(Feedback(f"f{t.now_ms}", "default", next(iter(t.groups), ""), "acknowledge", "m", t.now_ms))
        said.extend(deliver(t))
    for n in list(open_):
        wait(t.now_ms + S)
        t.episode(episode(n, at_ms=open_.pop(n), version=2, state="closed", closed_ms=t.now_ms))
    wait(t.now_ms + 3_600 * S)

    assert len({m.key for m in said}) == len(said)
    assert not t.groups and not t.in_groups and not t.book.alerts, "nothing is left over"
    told: dict[str, list[str]] = defaultdict(list)
    for m in said:
        for x in m.alerts:
            if not told[x.id] or told[x.id][-1] != x.state:
                told[x.id].append(x.state)
            assert int(x.labels["service"][-1]) not in silent, "a silenced alert is never said"
    for states in told.values():
        assert states[0] != "resolved" and states[-1] == "resolved" and states.count("resolved") == 1, states
    for a, b in pairwise(said):
        hurried = a.kind == "resolved" or b.severity == "critical" or any(x.state == "resolved" for x in b.alerts)
        assert b.kind != "firing" or hurried or acked or b.created_ms - a.created_ms >= INTERVAL * S


@given(starts=st.lists(st.integers(0, 200), min_size=1, max_size=6, unique=True))
@settings(max_examples=60, deadline=None)
def test_whatever_lasts_is_told_within_wait_and_interval(starts: list[int]) -> None:
    route = {"group_by": [], "group_wait_s": WAIT, "critical_wait_s": WAIT, "group_interval_s": INTERVAL}
    t = tenant({"odd": AnomalyRule()}, route=route)
    first: dict[str, int] = {}
    for at in range(400):
        t.advance(T0 + at * S)
        if at in starts:
            t.episode(episode(starts.index(at), at_ms=t.now_ms, severity="warning"))
        for m in deliver(t):
            for a in m.alerts:
                first.setdefault(a.labels["service"], at)
    for n, start in enumerate(starts):
        assert start + min(WAIT, 1) <= first[f"svc-{n}"] + WAIT and first[f"svc-{n}"] - start <= WAIT + INTERVAL


def gates(t: object, **asked: str) -> tuple[str, dict[str, bool | None]]:
    found = why_not(t, "odd", **asked)  # type: ignore[arg-type]
    return found.verdict, {g.gate: g.passed for g in found.gates}


def test_why_not_names_the_first_gate_that_stopped_it() -> None:
    t = tenant({"odd": AnomalyRule(min_score=3.0, for_s=60.0)}, route={"group_wait_s": 30, "critical_wait_s": 30})
    assert why_not(t, "none").verdict == "stopped at rule: there is no rule 'none'"
    series = f"{1:016x}"
    assert "has had no episode" in gates(t, series=series)[0]
    t.episode(episode(1))
    assert gates(t, series=series)[0] == "stopped at condition: its last episode peaked at 2.00, the rule needs 3"
    t.episode(episode(1, version=2, peak_score=4.0))
    verdict, passed = gates(t, series=series)
    assert verdict.startswith("stopped at duration") and passed["condition"] and passed["route"] is None
    run(t, T0 + 61 * S)
    assert gates(t, series=series)[0].startswith("stopped at group: its group speaks in")
    run(t, T0 + 95 * S)
    assert gates(t, target=episode(1).id)[0].startswith("stopped at delivery: still to be delivered through topic")
    deliver(t)
    found = why_not(t, "odd", series)
    assert found.fired and all(g.passed for g in found.gates)


def test_why_not_tells_a_silence() -> None:
    t = tenant({"odd": AnomalyRule()})
    t.config("silence", "s1", {"match": ["service=svc-1"], "ends_ms": T0 + 3_600 * S, "owner": "m", "reason": "r"}, T0)
    t.episode(episode(1))
    run(t, T0 + 5 * S)
    assert gates(t, series=f"{1:016x}")[0] == "stopped at held back: silence (s1)"
