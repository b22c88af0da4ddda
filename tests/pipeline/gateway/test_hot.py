"""Charts from rows that are followed are those that the store would give, and the store is hardly asked."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import Any

import numpy as np
import pytest

from kizashi.cache import MemoryCache
from kizashi.clock import ManualClock
from kizashi.contracts.batches import DUPLICATE, F32, F64, LATE, UNSCORED, ScoresBatch
from kizashi.store.client import Store
from services.gateway.answers import Answers, Value
from services.gateway.live.hot import HotRows
from services.gateway.live.lately import Lately
from services.gateway.native import read_native
from services.gateway.queries import Statement
from services.gateway.queries.range import BUCKETS
from services.gateway.queries.series import CURRENT
from services.gateway.range_cache import CALM_KEPT_MS, YOUNG_KEPT_MS, RangeCache
from services.gateway.ranges import Asked, Ranges
from services.gateway.settings import GatewaySettings
from services.gateway.times import Span
from services.sink.fence import Cut
from services.sink.score_rows import Arrival, current_block, sample_block
from services.sink.tiers import SETTLED_S, Tiers

pytestmark = pytest.mark.pipeline
SERIES = [7, 8, 1 << 63]
HOUR_MS = 3_600_000
LATE_AT = 60
WARM = 125
"""Seconds until charts are made of followed rows, however far behind the store is."""


class House:
    """Rows that land in the store, and pass by in the log, at the same moment; and what reads them.

    ``lately``: the last minutes of all series are kept too.
    """

    def __init__(self, store: Store, now_ms: int, lately: bool = False) -> None:
        self.store, self.clock, self.offset, self.dice = store, ManualClock(now_ms), 0, random.Random(3)
        self.waiting: list[Arrival] = []
        self.behind_s = 0
        """How long a row takes from the log into the store."""
        self.hot = HotRows(self.clock, 1, lambda _: True, lambda: None)
        self.lately = Lately(self.clock, 1, lambda _: lately)
        self.ranges = self.reader(self.hot)

    def reader(self, hot: HotRows | None = None, lately: Lately | None = None) -> Ranges:
        """A gateway that has just begun; without rows that it follows it asks the store for everything."""
        near = MemoryCache(self.clock)
        self.answers = Answers(self.store, near, near, GatewaySettings())
        idle = HotRows(self.clock, 1, lambda _: False, lambda: None), Lately(self.clock, 1, lambda _: False)
        return Ranges(self.answers, RangeCache(), self.clock, hot or idle[0], lately or idle[1])

    def come(self, rows: list[tuple[int, int, int]]) -> None:
        """Rows (series, time, flags) with numbers that a float holds only nearly."""
        n = len(rows)
        values: F64 = np.array([self.dice.random() * 100 for _ in rows])
        f32: F32 = np.array([self.dice.random() * 100 for _ in rows], np.float32)
        score: F32 = (f32 / 50).astype(np.float32)
        band = np.where(np.array([self.dice.random() < 0.1 for _ in rows]), np.float32("nan"), f32)
        batch = ScoresBatch(
            "hot", 0, self.clock.now_ms(), np.array([self.offset]), np.array([n], np.uint32), np.array([r[0] for r in rows], np.uint64),
            np.array([r[1] for r in rows], np.int64), values, score, band, band - 1, band + 1,
            np.array([r[2] for r in rows], np.uint8), f32, f32,
        )  # fmt: skip
        self.offset += 1
        self.waiting.append(Arrival(batch, Cut(0, 0), self.clock.now_ms() // 1_000))
        self.hot.take(0, batch)
        self.lately.take(0, batch)
        self.land(self.behind_s)

    def land(self, behind_s: int) -> None:
        """What came so long ago or before."""
        while self.waiting and self.waiting[0].landed_s <= self.clock.now_ms() // 1_000 - behind_s:
            arrival = self.waiting.pop(0)
            self.store.insert_block("samples", sample_block([arrival]))
            self.store.insert_block("current", current_block([arrival]))

    def second(self) -> None:
        self.clock.advance(1)
        now_ms = self.clock.now_ms()
        self.come([(s, now_ms - self.dice.randint(0, 900), 0) for s in SERIES for _ in range(self.dice.randint(0, 2))])

    def in_order(self) -> None:
        """A second with at most two rows of each series, none of them late."""
        self.clock.advance(1)
        now_ms = self.clock.now_ms()
        self.come([(s, now_ms - ago, 0) for s in SERIES for ago in (500, 0)[: self.dice.randint(0, 2)]])

    async def chart(self, ranges: Ranges, points: int = 600, hours: int = 1) -> dict[str, object]:
        described = {s: {"metric": "m", "labels": {}, "unit": ""} for s in SERIES}
        span = Span(self.clock.now_ms() - hours * HOUR_MS, self.clock.now_ms())
        return dict(json.loads(await ranges.read(Asked("t", SERIES, span, points), described)))


def close(found: object, wanted: object) -> bool:
    """The same but for the last digits of a mean."""
    if isinstance(wanted, float):
        return found == pytest.approx(wanted, rel=1e-6)
    if isinstance(wanted, dict):
        return isinstance(found, dict) and found.keys() == wanted.keys() and all(close(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(close, found, wanted))
    return found == wanted


def low(chart: Any, before_ms: int) -> dict[str, list[tuple[int, float]]]:
    """The times and lowest values of each series before a time."""
    return {s["id"]: [p for p in zip(s["ts"], s["low"], strict=True) if p[0] < before_ms] for s in chart["series"]}


async def test_a_chart_from_followed_rows_is_the_stores(store: Store) -> None:
    house = House(store, 1_800_000_000_000)
    house.come([(s, house.clock.now_ms() - 1_000 * n, 0) for s in SERIES for n in range(3_000)])
    free = 0
    for n in range(261):
        house.second()
        now_ms = house.clock.now_ms()
        if n == LATE_AT:  # a row that is late, one that repeats a time, and one that could not be scored
            house.come([(7, now_ms - 300_000, LATE), (8, now_ms - 20_000, DUPLICATE), (8, now_ms - 3_000, UNSCORED)])
        if n % 3 == 0:
            before = house.ranges.questions
            found, wanted = await house.chart(house.ranges), await house.chart(house.reader())
            assert close(found, wanted) or LATE_AT <= n <= LATE_AT + YOUNG_KEPT_MS / 1_000, f"after {n} s"
            free += house.ranges.questions == before
    assert free >= 15, "of thirty at the end, when two of three series are calm again"


async def test_a_calm_series_is_asked_of_the_store_once_a_minute(store: Store) -> None:
    house = House(store, 1_800_100_000_000)
    for _ in range(WARM):
        house.second()
        await house.chart(house.ranges)
    before = house.ranges.questions
    for _ in range(3 * CALM_KEPT_MS // 1_000):
        house.second()
        found = await house.chart(house.ranges)
    assert close(found, await house.chart(house.reader()))
    assert house.ranges.questions - before <= 8, "two a minute, when a stretch has just settled"


async def test_a_chart_that_was_just_opened_is_made_of_followed_rows_after_seconds(store: Store) -> None:
    house = House(store, 1_800_600_000_000)
    asked = []
    for n in range(60):
        house.in_order()
        found, wanted = await house.chart(house.ranges), await house.chart(house.reader())
        assert close(found, wanted), f"after {n} s"
        asked.append(house.ranges.questions)
    assert asked[-1] == asked[24] <= 20, "the store's newest row had been seen, and the bucket before it was kept"


async def test_nobody_asks_the_store_for_what_came_lately(store: Store) -> None:
    house = House(store, int(time.time()) // 60 * 60_000 - 660_000, lately=True)
    house.come([(s, house.clock.now_ms() - 1_000 * n, 0) for s in SERIES for n in range(3_000, 0, -1)])
    for n in range(650):
        house.in_order()
        if n == 300:  # a row that is late, one that comes twice, one without a score: the store is asked until that is a minute old
            now_ms = house.clock.now_ms()
            house.come([(7, now_ms - 30_000, LATE), (7, now_ms - 250, 0), (7, now_ms - 250, DUPLICATE), (8, now_ms, UNSCORED)])
        if n % 36 == 35:
            ages = await compare(house, 1)
            whole = n >= 120  # what has been followed reaches back to a full minute that is a minute old
            assert (ages[SERIES[2]] >= 60) == whole, f"after {n} s"
            assert (ages[7] >= 60) == (whole and not 300 < n < 339), f"after {n} s"
            assert (ages[8] >= 60) == (whole and not 300 < n < 419), f"after {n} s"
    newest = {s: house.lately.newest([s]).get(s) for s in SERIES}
    wanted = json.loads(store.query_bytes(CURRENT.sql, "JSON", {"ids": SERIES}, {"output_format_json_quote_64bit_integers": 0}))["data"]
    for row in wanted:
        row = {k: float("nan") if v is None else v for k, v in row.items()}
        assert newest[int(row.pop("id"), 16)] == pytest.approx(row, nan_ok=True)
    Tiers(store).roll(int(time.time()) + SETTLED_S)
    await compare(house, 24)


async def compare(house: House, hours: int) -> dict[int, float]:
    """A chart by a gateway that has just begun but knows what came lately is the store's; how many seconds ago its questions end."""
    fresh, ages = house.reader(lately=house.lately), dict.fromkeys(SERIES, 1e9)
    ask = house.answers.raw

    async def noting(tenant: str, statement: Statement, values: Any, form: str, asker: str = "") -> bytes:
        values = values or {}
        age_s = (house.clock.now_ms() - values.get("end", 0)) / 1_000
        ages.update({s: min(ages[s], age_s) for s in values.get("ids", ())})
        return await ask(tenant, statement, values, form, asker)

    house.answers.raw = noting  # type: ignore[method-assign]
    found, wanted = await house.chart(fresh, hours=hours), await house.chart(house.reader(), hours=hours)
    if hours > 1:  # where minutes end and rows begin, the store weighs a minute's band as a row's
        for chart in (found, wanted):
            for series in chart["series"]:  # type: ignore[attr-defined]
                for name in ("expected", "lower", "upper"):
                    del series[name][-3:]
    assert close(found, wanted), ages
    return ages


@pytest.mark.parametrize("behind_s", [2, 30])
async def test_a_store_that_is_behind_leaves_no_hole(store: Store, behind_s: int) -> None:
    house = House(store, 1_800_400_000_000 + behind_s * 10_000_000)
    house.behind_s = behind_s
    for n in range(130):
        house.second()
        late_ms = house.clock.now_ms() - 14_000
        house.come([(s, late_ms, LATE) for s in SERIES])  # nearly as late as may be
        found = await house.chart(house.ranges) if n % 4 == 1 else None
    assert found is not None
    house.land(0)
    assert close(found, await house.chart(house.reader()))


@pytest.mark.parametrize("late_s", [25, 45, 120])
async def test_a_late_row_that_a_slow_store_gets_later_shows_when_it_is_there(store: Store, late_s: int) -> None:
    house = House(store, 1_800_500_000_000 + late_s * 10_000_000)
    house.behind_s = 10
    for n in range(70):
        house.second()
        if n == 40:
            house.come([(s, house.clock.now_ms() - late_s * 1_000, LATE) for s in SERIES])
        if n < 30 or n == 46:  # the second when the series is called whole again, and the store has not got that row
            await house.chart(house.ranges)
    found, wanted = await house.chart(house.ranges), await house.chart(house.reader())
    assert close(low(found, house.clock.now_ms() - 20_000), low(wanted, house.clock.now_ms() - 20_000)), "but for what the store lacks"


async def test_who_asks_for_what_is_ageing_does_not_wait_for_the_store(store: Store) -> None:
    house = House(store, 1_800_300_000_000)
    for _ in range(WARM):
        house.second()
        await house.chart(house.ranges)
    raw, ask = asyncio.Event(), house.answers.raw

    async def slow(*args: Any) -> bytes:
        await raw.wait()
        return await ask(*args)

    house.answers.raw = slow  # type: ignore[method-assign, assignment]  # a store that takes its time
    before = house.ranges.questions
    for _ in range(CALM_KEPT_MS // 1_000 + 1):
        house.second()
        async with asyncio.timeout(5.0):
            await house.chart(house.ranges)
    assert house.ranges.questions > before
    raw.set()
    await asyncio.sleep(0)
    house.second()
    assert close(await house.chart(house.ranges), await house.chart(house.reader()))


def test_buckets_and_newest_rows_are_those_of_the_statements(store: Store) -> None:
    house = House(store, 1_800_200_000_000)
    house.hot.want(SERIES, charted=True)
    now_ms = house.clock.now_ms()
    for _ in range(20):
        house.come(
            [
                (house.dice.choice(SERIES), now_ms - house.dice.randint(0, 9_000), house.dice.choice((0, 0, 2, UNSCORED, DUPLICATE)))
                for _ in range(20)
            ]
        )
    house.come([(s, now_ms, 0) for s in SERIES])
    span = Span(now_ms - 8_000, now_ms + 1)
    values: dict[str, Value] = {"ids": SERIES, "start": span.start_ms, "end": span.end_ms, "step": 1_500}
    wanted = read_native(store.query_bytes(BUCKETS.sql, "Native", values, {}))
    found = house.hot.buckets(SERIES, span, 1_500)
    assert set(found) == set(wanted) and len(wanted["id"]) > 12
    for name, column in wanted.items():
        np.testing.assert_allclose(found[name].astype(np.float64), column.astype(np.float64), rtol=1e-6, err_msg=name)
    rows = json.loads(store.query_bytes(CURRENT.sql, "JSON", {"ids": SERIES}, {"output_format_json_quote_64bit_integers": 0}))["data"]
    newest = {int(row.pop("id"), 16): row for row in rows}
    assert close({s: {k: None if v != v else v for k, v in row.items()} for s, row in house.hot.newest(SERIES).items()}, newest)
