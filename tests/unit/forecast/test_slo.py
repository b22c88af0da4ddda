"""Error budgets: arithmetic against brute force, clock changes, empty and negative windows, gates, restore."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.objective import Objective, Selector, decode_objective
from kizashi.contracts.slo_window import Calendar, Rolling, parse_window, whole_days
from kizashi.errors import ConfigurationError, Damaged
from services.forecast.burn import RULES, BurnRule, CountRing, burn_rate, judge
from services.forecast.config import DAY_MS, HOUR_MS, MINUTE_MS
from services.forecast.ledger import Ledger
from services.forecast.slo import SloBook

START = 1_700_000_000_000 // DAY_MS * DAY_MS
REQUESTS, FAILURES = Selector("requests_total"), Selector("failures_total")


def objective(**changes: object) -> Objective:
    body: dict[str, object] = {
        "name": "Checkout", "entity": "checkout", "objective": 0.999, "kind": "ratio",
        "total": {"metric": "requests_total"}, "bad": {"metric": "failures_total"}, **changes,
    }  # fmt: skip
    return decode_objective(body, "o1", "acme")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 50), st.integers(0, 50)), max_size=60),
    st.integers(1, 400),
)
def test_ring_sums_equal_brute_force(events: list[tuple[int, int, int]], span_minutes: int) -> None:
    ring, seen = CountRing(MINUTE_MS, 361), list[tuple[int, int, int]]()
    for minute, total, bad in events:
        ring.add(START + minute * MINUTE_MS, total, bad)
        newest = max([minute, *(m for m, _, _ in seen)])
        if minute > newest - 361:
            seen.append((minute, total, bad))
        inside = [(t, b) for m, t, b in seen if newest - min(span_minutes, 361) < m <= newest]
        assert ring.last(span_minutes * MINUTE_MS) == (sum(t for t, _ in inside), sum(b for _, b in inside))


@given(st.floats(1, 1e9), st.floats(0, 1), st.floats(0.5, 0.99999))
def test_burn_rate_one_uses_exactly_the_budget(total: float, share: float, promise: float) -> None:
    rate = burn_rate(total, total * share, promise)
    assert rate is not None
    assert rate * (1 - promise) * total == pytest.approx(total * share)
    assert burn_rate(0, 0, promise) is None


def test_thresholds_keep_their_share_of_the_budget() -> None:
    for hours in (168, 672, 720, 2160):
        shares = [rule.scaled(hours) * rule.long_ms / HOUR_MS / hours for rule in RULES]
        assert shares == pytest.approx([0.02, 0.05, 0.1, 0.1])


def test_rule_fires_at_the_less_severe_window_only() -> None:
    rule = BurnRule(HOUR_MS, 5 * MINUTE_MS, 14.4, True)

    def fires(
        long: tuple[float, float], short: tuple[float, float], history: int = DAY_MS, minimum: int = 100, before: bool = False
    ) -> bool:
        return judge(rule, long, short, 0.999, 720, history, minimum, before).firing

    burning, calm = (10_000.0, 200.0), (10_000.0, 1.0)
    assert fires(burning, burning)
    assert not fires(burning, calm)
    assert not fires(calm, burning)
    assert not fires(burning, burning, history=HOUR_MS - 1)
    assert not fires((50.0, 50.0), (50.0, 50.0))
    assert fires((0.0, 0.0), (0.0, 0.0), before=True)
    assert not fires((0.0, 0.0), (0.0, 0.0), before=False)


@pytest.mark.parametrize("text", ["-7d", "0d", "93d", "soon", "", "7", "d"])
def test_windows_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_window(text)


@pytest.mark.parametrize(
    "changes",
    [{"objective": 1.0}, {"objective": 0.0}, {"bad": None}, {"good": {"metric": "ok"}}, {"kind": "latency"}, {"window": "-1d"},
     {"kind": "latency", "metric": {"metric": "m"}}, {"minimum_events": -1}, {"objective": "high"},
     {"window": "month", "zone": "Mars/Olympus"}],
)  # fmt: skip
def test_objectives_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        objective(**changes)


def test_calendar_windows_begin_at_civil_midnight_across_clock_changes() -> None:
    march = int(datetime(2024, 3, 31, 12, tzinfo=UTC).timestamp() * 1000)
    start, end = Calendar("day", "Europe/Berlin").bounds(march)
    assert (end - start) == 23 * HOUR_MS
    october = int(datetime(2024, 10, 27, 12, tzinfo=UTC).timestamp() * 1000)
    start, end = Calendar("day", "Europe/Berlin").bounds(october)
    assert (end - start) == 25 * HOUR_MS
    start, end = Calendar("month", "Europe/Berlin").bounds(march)
    assert whole_days(start, end) == 31
    assert (end - start) == 31 * DAY_MS - HOUR_MS
    start, end = Calendar("quarter", "Asia/Tokyo").bounds(march)
    assert datetime.fromtimestamp(start / 1000, UTC).isoformat() == "2023-12-31T15:00:00+00:00"
    start, end = Calendar("week", "UTC").bounds(march)
    assert datetime.fromtimestamp(start / 1000, UTC).weekday() == 0
    assert Rolling(24).bounds(march) == (march - DAY_MS, march)


def fed(ledger: Ledger, hours: int, bad_share: float, start: int = START) -> Ledger:
    for minute in range(0, hours * 60, 5):
        ledger.count(start + minute * MINUTE_MS, 500.0, 500.0 * bad_share)
    return ledger


def test_budget_left_and_outlook_follow_the_error_rate() -> None:
    half = fed(Ledger(objective(window="7d")), 100, 0.0005).standing()
    assert half.budget_left == pytest.approx(1 - 0.5 * 100 / 168, abs=0.01)  # of a whole week's budget
    assert half.outlook.probability < 0.5
    assert fed(Ledger(objective(window="7d")), 168, 0.0005).standing().budget_left == pytest.approx(0.5, abs=0.01)
    gone = fed(Ledger(objective(window="7d")), 100, 0.004).standing()
    assert gone.budget_left < 0
    assert gone.outlook.probability == 1.0
    assert sum(total for _, total, _ in fed(Ledger(objective(window="7d")), 50, 0.1).daily()) == 50 * 12 * 500


def test_a_bad_first_minute_is_a_small_part_of_a_month() -> None:
    ledger = Ledger(objective(window="28d", objective=0.99))
    for k in range(12):
        ledger.count(START + 10_000 * k, 10.0, 10.0 if k < 6 else 0.0)
    assert ledger.standing().budget_left == pytest.approx(1 - 60 / (0.01 * 28 * 86_400), abs=0.001)
    risk = ledger.risk()
    assert risk is not None
    assert risk.probability is None
    assert "hour" in risk.reason


def test_burning_fires_and_stops() -> None:
    ledger = fed(Ledger(objective()), 80, 0.0001)
    calm = ledger.risk()
    assert calm is not None
    assert not calm.firing
    fed(ledger, 2, 0.05, START + 80 * HOUR_MS)
    burning = ledger.risk()
    assert burning is not None
    assert burning.firing
    assert burning.severity == "critical"
    assert burning.version == 2
    fed(ledger, 1, 0.0, START + 82 * HOUR_MS)
    after = ledger.risk()
    assert after is not None
    assert after.severity != "critical"


def test_zero_traffic_is_no_verdict() -> None:
    ledger = Ledger(objective())
    ledger.count(START, 0.0, 0.0)
    ledger.advance(START + 100 * HOUR_MS)
    risk = ledger.risk()
    assert risk is not None
    assert risk.value is None
    assert not risk.firing
    assert risk.budget_left == 1.0
    assert all(np.isfinite(h) or h == float("inf") for h in ledger.standing().outlook.hours)


def test_a_calendar_month_starts_with_a_whole_budget() -> None:
    first = int(datetime(2024, 5, 1, tzinfo=UTC).timestamp() * 1000)
    ledger = fed(Ledger(objective(window="month")), 48, 0.5, first - 48 * HOUR_MS)
    assert ledger.standing().budget_left < 0
    fed(ledger, 2, 0.0, first)
    assert ledger.standing().budget_left == pytest.approx(1.0)


def rollup(start: int, values: dict[int, tuple[float, float, float]], infos: list[SeriesInfo] | None = None) -> RollupBatch:
    n = len(values)
    mean, low, high = (np.array([v[i] for v in values.values()]) for i in range(3))
    return RollupBatch(
        "acme", "t", 0, 0, 0, start, 10_000, np.array(list(values), np.uint64), np.full(n, 10, np.uint32), mean, low, high,
        np.zeros(n, np.float32), infos or [],
    )  # fmt: skip


NAMES = [SeriesInfo(1, "acme", "requests_total", {}, "", "counter"), SeriesInfo(2, "acme", "failures_total", {}, "", "counter"),
         SeriesInfo(3, "acme", "latency_ms", {}), SeriesInfo(4, "acme", "up", {}), SeriesInfo(5, "else", "up", {})]  # fmt: skip


def test_counters_are_counted_by_their_increments_with_resets() -> None:
    book = SloBook()
    book.configure("acme", "o1", objective())
    requests = [0.0, 100.0, 300.0, 50.0]
    for k, high in enumerate(requests):
        book.learn(rollup(START + 10_000 * k, {1: (high, high, high), 2: (0.0, 0.0, 0.0)}, NAMES if k == 0 else None))
    assert book.ledgers["acme", "o1"].fine.last(HOUR_MS) == (350.0, 0.0)


def test_latency_and_probes_count_samples() -> None:
    book = SloBook()
    slow = {"kind": "latency", "metric": {"metric": "latency_ms"}, "threshold": 200.0, "total": None, "bad": None}
    book.learn(rollup(START, {3: (100.0, 50.0, 150.0), 4: (1.0, 1.0, 1.0), 5: (0.0, 0.0, 0.0)}, NAMES))
    book.configure("acme", "slow", objective(**slow))
    book.configure("acme", "up", objective(kind="availability", metric={"metric": "up"}, total=None, bad=None))
    for k, (low, mean, high) in enumerate([(50.0, 100.0, 150.0), (250.0, 300.0, 400.0), (100.0, 200.0, 300.0)]):
        book.learn(rollup(START + 10_000 * (k + 1), {3: (mean, low, high), 4: (0.5, 0.0, 1.0), 5: (0.0, 0.0, 0.0)}))
    assert book.ledgers["acme", "slow"].fine.last(HOUR_MS) == pytest.approx((30.0, 15.0))
    assert book.ledgers["acme", "up"].fine.last(HOUR_MS) == pytest.approx((30.0, 15.0))


def test_good_events_and_rates_per_second() -> None:
    book = SloBook()
    names = [SeriesInfo(1, "acme", "requests", {}), SeriesInfo(2, "acme", "ok", {})]
    book.configure("acme", "o1", objective(total={"metric": "requests"}, good={"metric": "ok"}, bad=None))
    book.learn(rollup(START, {1: (10.0, 10.0, 10.0), 2: (9.0, 9.0, 9.0)}, names))
    assert book.ledgers["acme", "o1"].fine.last(HOUR_MS) == pytest.approx((100.0, 10.0))


def test_book_restores_and_refuses_damage() -> None:
    book = SloBook()
    book.configure("acme", "o1", objective())
    for k in range(200):
        book.learn(rollup(START + 600_000 * k, {1: (100.0 * k, 100.0 * k, 100.0 * k), 2: (k, k, k)}, NAMES if k == 0 else None))
        book.advance(START + 600_000 * k)
    again = SloBook.load(book.dump())
    assert again.dump() == book.dump()
    for b in (book, again):
        b.learn(rollup(START + 600_000 * 200, {1: (5.0, 5.0, 5.0), 2: (1.0, 1.0, 1.0)}))
    assert again.advance(START + 600_000 * 201) == book.advance(START + 600_000 * 201)
    with pytest.raises(Damaged):
        SloBook.load(b"no")


def test_a_ratio_is_not_judged_on_the_first_of_its_two_series() -> None:
    book = SloBook()
    names = [SeriesInfo(1, "acme", "requests", {}), SeriesInfo(2, "acme", "ok", {}), SeriesInfo(3, "acme", "other", {})]
    book.configure("acme", "o1", objective(total={"metric": "requests"}, good={"metric": "ok"}, bad=None))
    book.learn(rollup(START, {3: (1.0, 1.0, 1.0)}, names))
    assert book.advance(START + 10_000) == []
    book.learn(rollup(START, {1: (10.0, 10.0, 10.0)}))
    assert book.advance(START + 10_000) == [], "all requests, of which none seems good"
    book.learn(rollup(START, {2: (9.0, 9.0, 9.0)}))
    assert book.advance(START + 10_000) == []
    [first] = book.settle()
    assert first.value == pytest.approx(0.9)
    assert book.settle() == []


def test_a_share_that_moves_is_told_though_the_budget_hardly_does() -> None:
    ledger = Ledger(objective(window="28d", objective=0.99))
    ledger.count(START, 10.0, 0.0)
    first = ledger.risk()
    ledger.count(START + 10_000, 10.0, 10.0)
    second = ledger.risk()
    assert first is not None and second is not None
    assert (first.value, second.value) == (1.0, 0.5)
    ledger.count(START + 20_000, 0.1, 0.0)
    assert ledger.risk() is None


def test_states_of_earlier_versions_are_read_and_judged_once_more() -> None:
    book = SloBook()
    book.configure("acme", "o1", objective())
    fed(book.ledgers["acme", "o1"], 3, 0.1)
    assert len(book.advance(START + 3 * HOUR_MS)) == 1
    objectives, ledgers, *rest = msgspec.msgpack.decode(book.dump())
    old = SloBook.load(msgspec.msgpack.encode([objectives, [ledger[:11] for ledger in ledgers], *rest]))
    assert [ledger.unjudged for ledger in old.ledgers.values()] == [True]
    assert old.settle() == [], "nothing is new"
    assert old.dump() == book.dump()


def test_a_new_name_keeps_the_counts_and_a_new_promise_does_not() -> None:
    book = SloBook()
    book.configure("acme", "o1", objective())
    fed(book.ledgers["acme", "o1"], 3, 0.1)
    book.configure("acme", "o1", objective(name="Kasse"))
    assert book.ledgers["acme", "o1"].standing().total > 0
    book.configure("acme", "o1", objective(objective=0.99))
    assert book.ledgers["acme", "o1"].first_ms == -1
    book.configure("acme", "o1", None)
    assert book.ledgers == {}
