"""Range questions: bucket width, what the cache holds and what the store is asked, columns for the client."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from kizashi.clock import Clock
from kizashi.contracts.ids import format_series_id
from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from kizashi.observe.metrics import CACHE
from services.gateway.answers import Answers, Value
from services.gateway.gather import Gather
from services.gateway.live.hot import AHEAD_MS, HotRows
from services.gateway.live.lately import WIDTH_MS, Lately
from services.gateway.live.rows import shorten
from services.gateway.native import Array, read_native
from services.gateway.problems import Problem
from services.gateway.queries import range as q
from services.gateway.range_cache import BUCKETS, NEWEST_MS, Key, Plan, RangeCache, Stretch, kept_until
from services.gateway.series_index import Described
from services.gateway.tiers import Edges, Tier, choose, edges
from services.gateway.times import Span, bucket_ms

MEASURED = ("value", "low", "high", "score", "expected", "lower", "upper")
KEPT = ("bucket", "rows", "ts", "flags", *MEASURED)
BUCKET, ROWS, TS, FLAGS = range(4)
LOW, HIGH, SCORE = (KEPT.index(name) for name in ("low", "high", "score"))
"""From ``SCORE`` on the columns are stored as 32-bit numbers: digits that they do not carry would double the answer."""
EMPTY: Stretch = np.empty((len(KEPT), 0), np.float64)
"""A stretch is (11, n): the columns of KEPT, in order of bucket."""
STATEMENTS = {Tier.ROWS: q.BUCKETS, Tier.MINUTES: q.BY_MINUTE, Tier.HOURS: q.BY_HOUR}
EDGES_TTL_S = 5.0
THROUGH_TTL_S = 1.0
TOGETHER_S = 0.003
"""A browser sends the questions of one dashboard within this time."""
STORE_BEHIND_MS = 60_000
"""Of a series that is followed no more than so much of the store's answer is left away (``unsure_ms``): one that sends nothing, or a store
that is further behind, looks the same."""
NEAR_MS = 60_000
"""A chart's end is not asked of the store when at least so much of it is at hand for every series: it lies in many small parts there."""
NEAR_GRAIN_MS = 60_000
"""Who asks within a minute asks the store for the same."""
CELLS = 50_000
"""Buckets that one question brings back: 4 MB."""


@dataclass(frozen=True)
class Asked:
    """One range question of one tenant; ``series`` in the order they are drawn."""

    tenant: str
    series: list[int]
    span: Span
    points: int


Question = tuple[str, Tier, int, Span]
"""Tenant, tier, step, span: series that differ in nothing else are asked together."""


class Ranges:
    """Reads ranges through the cache; what is missing comes from the rows just followed, or is gathered over all who ask."""

    def __init__(self, answers: Answers, cache: RangeCache, clock: Clock, hot: HotRows, lately: Lately) -> None:
        self._answers, self._clock, self._hot, self._lately = answers, clock, hot, lately
        self.cache = cache
        self._gather: Gather[Question, Key, Stretch] = Gather(self._ask, wait_s=TOGETHER_S)
        self._renewing: dict[tuple[Question, int], asyncio.Task[None]] = {}

    @property
    def questions(self) -> int:
        """Questions that reached the store."""
        return self._gather.questions

    async def read(self, asked: Asked, described: dict[int, Described]) -> bytes:
        """The answer as JSON, as the API promises it."""
        now_ms = self._clock.now_ms()
        tier, step = choose(asked.span, bucket_ms(asked.span, asked.points), now_ms)
        if tier is Tier.ROWS and asked.span.end_ms > now_ms - NEWEST_MS:
            self._hot.want(asked.series, charted=True)
        plan = self.cache.plan(asked.tenant, asked.series, step, asked.span, now_ms, self._hot.since)
        CACHE.labels("range", "hit").inc(len(plan.have))
        for span, ids in plan.ageing.items():
            self._renew((asked.tenant, tier, step, span), ids)
        fresh = await asyncio.gather(*(self._fresh((asked.tenant, tier, step, span), ids) for span, ids in plan.missing.items()))
        return msgspec.json.encode(shape(complete(plan, fresh), asked, step, described))

    def _renew(self, question: Question, ids: list[int]) -> None:
        """Ask the store for what is at hand and ageing; of each series once at a time."""
        asked = [s for s in ids if (question, s) not in self._renewing]
        if not asked:
            return
        task = asyncio.create_task(self._renewed(question, asked), name="range-renew")
        self._renewing |= dict.fromkeys(((question, s) for s in asked), task)

    async def _renewed(self, question: Question, ids: list[int]) -> None:
        try:
            await self._fresh(question, ids)
        except (KizashiError, Problem) as x:  # it ends by itself, and the next question then waits for the store and says why not
            logger().debug("range.not_renewed", error=str(x))
        finally:
            for s in ids:
                del self._renewing[question, s]

    async def _fresh(self, question: Question, ids: list[int]) -> Mapping[Key, Stretch]:
        """A missing span: of the series whose rows have been followed long enough from memory, of all others from the store."""
        tenant, tier, step, span = question
        here = [s for s in ids if self._hot.holds(s, span.start_ms)] if tier is Tier.ROWS else []
        found: dict[Key, Stretch] = {}
        if here:
            now_ms = self._clock.now_ms()
            found = cut(self._hot.buckets(here, span, step), tenant, here, step, span)
            for key, stretch in found.items():
                self.cache.put(key, stretch, now_ms, span.start_ms)
            CACHE.labels("range", "followed").inc(len(found))
        away = [s for s in ids if s not in here]
        cuts = await self._cuts(tier, step, span) if away else ()
        now_ms, asking = self._clock.now_ms(), []
        tails: list[tuple[Span, dict[Key, Stretch]]] = []
        for cut_ms in cuts:
            if near := self._lately.holds(away, cut_ms):
                away = [s for s in away if s not in near]
                tail = Span(max(cut_ms, span.start_ms), span.end_ms)
                # Read now: after the store's answer it may be out of reach.
                tails.append((tail, cut(self._lately.buckets(near, tail, step, wide=tier is Tier.MINUTES), tenant, near, step, tail)))
                asking.append(self._asked((tenant, tier, step, Span(span.start_ms, tail.start_ms)), near))
        for part in await asyncio.gather(*asking, self._asked(question, away)):
            found |= part
        for tail, stretches in tails:
            for key, stretch in stretches.items():
                self.cache.put(key, stretch, now_ms, tail.start_ms)
                found[key] = seam(found[key], stretch) if key in found else stretch
            CACHE.labels("range", "lately").inc(len(stretches))
        return found

    async def _asked(self, question: Question, ids: list[int]) -> Mapping[Key, Stretch]:
        _, _, step, span = question
        if not ids or not span.length_ms:
            return {}
        asked = await self._gather.ask(question, ids)
        CACHE.labels("range", "miss").inc(len(ids) * -(-span.length_ms // (step * BUCKETS)))
        mine = frozenset(ids)
        return {key: stretch for key, stretch in asked.items() if key[1] in mine}

    async def _cuts(self, tier: Tier, step: int, span: Span) -> tuple[int, ...]:
        """Where (ms) the store's part of an answer may end, since the rest may be at hand for every series.

        The earliest place, and a later one for series of which a row came late since.
        """
        latest_ms = min(span.end_ms - 1, self._clock.now_ms() - NEAR_MS)
        since_ms = self._lately.since()
        if step % WIDTH_MS or tier is Tier.HOURS or latest_ms < since_ms:
            return ()
        if tier is Tier.MINUTES:
            edge_ms = (await self._edges()).minutes_end
            return (edge_ms,) if since_ms <= edge_ms <= latest_ms else ()
        grain = math.lcm(step, NEAR_GRAIN_MS)
        first, last = -(-since_ms // grain) * grain, latest_ms // grain * grain
        return (first, last) if first < last else (first,) if first == last else ()

    async def _ask(self, question: Question, ids: list[int]) -> dict[Key, Stretch]:
        tenant, tier, step, span = question
        values: dict[str, Value] = {"start": span.start_ms, "end": span.end_ms, "step": step}
        statement = STATEMENTS[tier]
        if tier is not Tier.ROWS:
            whole = await self._edges()
            if tier is Tier.MINUTES and span.end_ms <= whole.minutes_end:
                statement = q.WHOLE_MINUTES
            values |= {"minutes_end": whole.minutes_end} | ({"hours_end": whole.hours_end} if tier is Tier.HOURS else {})
        through = await self._through()  # before the question: what had landed then is in its answer
        most = max(1, CELLS // max(1, span.length_ms // step))
        groups = [ids[n : n + most] for n in range(0, len(ids), most)]
        asked = (self._answers.raw(tenant, statement, {**values, "ids": group}, "Native") for group in groups)
        asked_ms = self._clock.now_ms()
        answers = await asyncio.gather(*asked)
        out: dict[Key, Stretch] = {}
        for group, found in zip(groups, answers, strict=True):
            table = read_native(found)
            landed = newest_rows(table)
            certain = {s: self._certain(s, step, span.end_ms, landed.get(s, 0), through, asked_ms) for s in group}
            for key, stretch in cut(table, tenant, group, step, span).items():
                self.cache.put(key, stretch, asked_ms, span.start_ms, *certain[key[1]])
                out[key] = stretch
        return out

    def _certain(
        self, series: int, step: int, end_ms: int, landed_ms: int, through: Mapping[tuple[str, int], int], asked_ms: int
    ) -> tuple[int, bool]:
        """Until which time (ms) an answer that ends at ``end_ms`` is kept, and whether that has what was late before the series was whole.

        ``landed_ms`` is the time of the first row of the newest bucket in it; ``through`` is how far the store had come.
        """
        whole_ms, landed_ms = self._hot.since(series), self._hot.landed(series, landed_ms)
        end_ms = end_ms // step * step
        if landed_ms >= whole_ms:
            bucket = landed_ms // step * step
            # A row that we have seen has landed, so all before it in the log have, and those after it were younger.
            relied = self._hot.rely(series, bucket)
            return min(end_ms, bucket) if relied else kept_until(end_ms, asked_ms - unsure_ms(asked_ms - landed_ms), step), True
        if passed_ms := self._lately.landed(series, through):
            return kept_until(end_ms, min(passed_ms, asked_ms) - NEWEST_MS, step), passed_ms >= self._hot.began(series)
        if whole_ms <= asked_ms:
            return kept_until(end_ms, asked_ms - STORE_BEHIND_MS, step), whole_ms <= asked_ms - STORE_BEHIND_MS
        return kept_until(end_ms, asked_ms - NEWEST_MS, step), False

    async def _through(self) -> dict[tuple[str, int], int]:
        async def make() -> bytes:
            return await self._answers.raw("", q.THROUGH, None, "JSONCompactEachRow")

        lines = (await self._answers.remembered("landed-through", THROUGH_TTL_S, make, stale_s=4.0)).splitlines()
        return {(topic, partition): offset for topic, partition, offset in map(msgspec.json.decode, lines)}

    async def _edges(self) -> Edges:
        async def make() -> bytes:
            rows = await self._answers.rows("", q.PROGRESS)
            return msgspec.json.encode({row["tier"]: row["through_s"] for row in rows})

        return edges(msgspec.json.decode(await self._answers.remembered("tier-edges", EDGES_TTL_S, make, stale_s=25.0)))


def newest_rows(found: Mapping[str, Array]) -> dict[int, int]:
    """By series the time (ms) of the first row of its newest bucket in an answer, which is sorted by series and bucket."""
    if not found or not len(found["id"]):
        return {}
    last = np.flatnonzero(np.r_[found["id"][1:] != found["id"][:-1], True])
    return dict(zip(found["id"][last].tolist(), found["ts"][last].tolist(), strict=True))


def unsure_ms(age_ms: int) -> int:
    """How much of the store's answer is not kept of a series that was whole before a row that has landed and is so old.

    Rows of a series land in the order in which they came. What came after that row may be older by as much as rows are held to be timely,
    and its own clock may be ahead.
    """
    return min(STORE_BEHIND_MS, max(NEWEST_MS, age_ms + NEWEST_MS + AHEAD_MS))


def complete(plan: Plan, fresh: Sequence[Mapping[Key, Stretch]]) -> dict[Key, Stretch]:
    """The plan with the answers to its missing spans, in their order. Of series that others asked for along with ours nothing is taken."""
    out = dict(plan.have)
    for ids, found in zip(plan.missing.values(), fresh, strict=True):
        mine = frozenset(ids)
        for key, stretch in found.items():
            if key[1] in mine:
                out[key] = _join([out[key], stretch]) if key in plan.have else stretch
    return out


def cut(found: Mapping[str, Array], tenant: str, ids: list[int], step: int, span: Span) -> dict[Key, Stretch]:
    """An answer, sorted by series and bucket, as stretches; a stretch without rows is there too, empty."""
    width = step * BUCKETS
    out: dict[Key, Stretch] = {(tenant, s, step, n): EMPTY for s in ids for n in range(span.start_ms // width, -(-span.end_ms // width))}
    if not found or not len(found["id"]):
        return out
    table = np.array([found[name] for name in KEPT], np.float64)  # every number of it is below 2^53
    table[SCORE:] = shorten(table[SCORE:])
    series, numbers = found["id"], (found["bucket"].astype(np.int64)) // width
    starts = np.flatnonzero(np.r_[True, (series[1:] != series[:-1]) | (numbers[1:] != numbers[:-1])])
    ends = np.r_[starts[1:], len(series)]
    for s, n, start, end in zip(series[starts].tolist(), numbers[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        out[tenant, s, step, n] = table[:, start:end].copy()  # a view would keep the whole answer alive
    return out


def shape(stretches: Mapping[Key, Stretch], asked: Asked, step: int, described: dict[int, Described]) -> dict[str, Any]:
    """Columns by series. When no bucket holds more than one row these are the rows themselves, at their own times, and step_ms is 0."""
    width = step * BUCKETS
    numbers = range(asked.span.start_ms // width, -(-asked.span.end_ms // width))
    joined = {s: _join([stretches[k] for n in numbers if (k := (asked.tenant, s, step, n)) in stretches]) for s in asked.series}
    raw = all(float(table[ROWS].max(initial=0)) <= 1 for table in joined.values())
    series = []
    for s in asked.series:
        table = joined[s]
        at = table[TS] if raw else table[BUCKET]
        first, last = np.searchsorted(at, [asked.span.start_ms if raw else asked.span.start_ms // step * step, asked.span.end_ms])
        body = {name: table[KEPT.index(name), first:last].tolist() for name in MEASURED}
        body |= {"ts": at[first:last].astype(np.int64).tolist(), "flags": table[FLAGS, first:last].astype(np.int64).tolist()}
        body["last_rows"] = int(table[ROWS, last - 1]) if last > first else 0
        about = {k: described[s][k] for k in ("metric", "labels", "unit")}
        series.append({**about, "id": format_series_id(s), **body})
    return {"from": asked.span.start_ms, "to": asked.span.end_ms, "step_ms": 0 if raw else step, "series": series}


def seam(old: Stretch, new: Stretch) -> Stretch:
    """One after the other; when a bucket lies in both, what is in it together."""
    if not old.shape[1] or not new.shape[1] or old[BUCKET, -1] != new[BUCKET, 0]:
        return _join([old, new])
    a, b = old[:, -1], new[:, 0]
    both = np.where(np.isnan(a), b, np.where(np.isnan(b), a, (a * a[ROWS] + b * b[ROWS]) / (a[ROWS] + b[ROWS])))
    both[BUCKET], both[ROWS], both[TS], both[FLAGS] = a[BUCKET], a[ROWS] + b[ROWS], a[TS], int(a[FLAGS]) | int(b[FLAGS])
    both[LOW], both[HIGH], both[SCORE] = min(a[LOW], b[LOW]), max(a[HIGH], b[HIGH]), max(a[SCORE], b[SCORE])
    return np.concatenate((old[:, :-1], both[:, np.newaxis], new[:, 1:]), axis=1)


def _join(parts: list[Stretch]) -> Stretch:
    if not parts:
        return EMPTY
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
