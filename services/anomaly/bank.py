"""All series of one samples partition: fixed records in one array, scored by compiled kernels, saved and restored as bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import F32, F64, I64, U8, U64, SeriesInfo
from kizashi.contracts.ids import format_series_id
from kizashi.contracts.scoring import Scoring, Sensitivity
from kizashi.errors import Damaged, NotFound
from kizashi.online.slots import build, find, rows_of
from services.anomaly.civil import Calendar
from services.anomaly.cohort import LOOKED_AT, Key, cohort_of, lend
from services.anomaly.config import ModelConfig
from services.anomaly.explain import Explanation, explanation
from services.anomaly.feedback import FeedbackBook, Kept
from services.anomaly.kernel import COUNT, FREE, SCANNED, advance_rows, row_of, score_rows
from services.anomaly.river_head import MOST_HEADS, RiverHead
from services.anomaly.river_head import Saved as SavedHead
from services.anomaly.state import DIRECTIONS, EVENT, HABITS, SERIES, new_series, tuning_of
from services.anomaly.unlearn import take_back

FORMAT = 2
DEFAULT_TENANT = "default"
DAY_MS = 86_400_000
MODEL = "point+novelty/1"
TURNS = 3
"""Turns that one row can bring: a missing episode ends, an episode opens, a change point is confirmed."""
SCAN_MS = 1000
"""How often, by the writer's clock, all series are looked at for silence."""
START = 256
"""Rows of a new bank; it doubles as needed."""


@dataclass(frozen=True)
class Scored:
    """What the bank says of rows (n,), in order of arrival; ``row`` is the bank's own number of each row's series.

    score, expected, lower, upper, point, novelty (n,) f32, all finite; flags (n,) u8. ``events`` are turns of episodes.
    """

    row: NDArray[np.int32]
    score: F32
    expected: F32
    lower: F32
    upper: F32
    point: F32
    novelty: F32
    flags: U8
    events: NDArray[Any]


class _Saved(msgspec.Struct, array_like=True):
    format: int
    layout: str
    infos: list[SeriesInfo]
    rows: int
    scanned_ms: int
    states: bytes
    habits: bytes
    free: bytes
    digest: bytes
    given: Kept = {}
    heads: dict[int, SavedHead] = {}


class Bank:
    """Struct-of-arrays model of every series of a partition.

    ``score`` costs about 1 µs a sample; a series costs ``SERIES.itemsize`` bytes. Where a message ends never changes a result.
    """

    def __init__(self, config: ModelConfig | None = None, rows: int = START) -> None:
        self.config = (config or ModelConfig()).check()
        self.tuning = tuning_of(self.config)
        self.calendars: dict[str, Calendar] = {}
        self._calendar = Calendar(self.config.time_zone)
        self._members: dict[str, U64] | None = None
        self._alarm_days: dict[str, float] = {}
        self._cohorts: dict[Key, list[int]] = {}
        self.heads: dict[int, RiverHead] = {}
        self.feedback = FeedbackBook()
        self.states = new_series(rows)
        self.habits = np.zeros(rows, HABITS)
        self.free = np.zeros(rows, np.int32)
        self.meta = np.zeros(3, np.int64)
        self.infos: dict[int, SeriesInfo] = {}
        self.changed = True
        """Rows or their meaning changed since somebody set this to False."""
        self._index(rows)

    def __len__(self) -> int:
        return int(self.meta[COUNT] - self.meta[FREE])

    @property
    def rows_used(self) -> int:
        """Rows that have ever held a series: the length that arrays indexed by row need."""
        return int(self.meta[COUNT])

    def info(self, series_id: int) -> SeriesInfo:
        """What a series means; a series that nobody announced belongs to the default tenant and is named by its id."""
        return self.infos.get(series_id) or SeriesInfo(series_id, DEFAULT_TENANT, format_series_id(series_id), {})

    def no_events(self) -> NDArray[Any]:
        """An empty array of turns."""
        return np.zeros(0, EVENT)

    def register(self, info: SeriesInfo) -> None:
        """Learn what an id means; arrives before its first sample."""
        new = info.id not in self.infos
        self.infos[info.id] = info
        self.changed = True
        self._members = None
        cohort = self._cohorts.setdefault(cohort_of(info), [])
        if new:
            cohort.append(info.id)
        lenders = self._rows(cohort[:LOOKED_AT]) if new and self._find(info.id) < 0 else self.free[:0]
        if info.kind != "counter" and not len(lenders) and info.tenant not in self._alarm_days:
            return
        self._room(1)
        record = self.states[self._row(info.id, make=True)]
        record["counter"] = info.kind == "counter"
        record["alarm_ms"] = DAY_MS * self._alarm_days.get(info.tenant, 0.0)
        if len(lenders):
            lend(record, self.states, lenders)

    def score(self, ids: U64, ts_ms: I64, values: F64, flags: U8, now_ms: int = 0) -> Scored:
        """Judge rows (n,), then learn them; ``now_ms`` is the writer's clock, 0 when there is none (files)."""
        n = len(ids)
        self._room(n)
        row = np.zeros(n, np.int32)
        score, expected, lower, upper, point, novelty = (np.zeros(n, np.float32) for _ in range(6))
        out = np.zeros(n, np.uint8)
        events = np.zeros(TURNS * n, EVENT)
        local, civil = self._clocks(ids, ts_ms)
        extra = self._extra(ids, ts_ms, values)
        told = score_rows(
            self.states, self.habits, self.keys, self.rows, self.free, self.meta, self.tuning, now_ms,
            ids, ts_ms, local, civil, values, flags, extra, row, score, expected, lower, upper, point, novelty, out, events,
        )  # fmt: skip
        return Scored(row, score, expected, lower, upper, point, novelty, out, events[:told])

    def advance(self, now_ms: int) -> NDArray[Any]:
        """A time tick by the writer's clock: silence is noticed, long silence forgotten. Returns the turns of episodes."""
        if now_ms - self.meta[SCANNED] < SCAN_MS:
            return self.no_events()
        self.meta[SCANNED] = now_ms
        events = np.zeros(len(self), EVENT)
        had = int(self.meta[FREE])
        told = advance_rows(self.states, self.keys, self.rows, self.free, self.meta, self.tuning, now_ms, events)
        gone = self.free[had : self.meta[FREE]]
        if len(gone):
            for row in gone:
                self._forget(int(self.states[row]["id"]))
            self.states[gone] = np.zeros(1, SERIES)[0]
            self.habits[gone] = np.zeros(1, HABITS)[0]
            self._index(len(self.states))
            self.changed = True
        return events[:told]

    def apply_feedback(self, series_id: int, verdict: str, undo: bool = False, target: str = "") -> None:
        """Move the boundary of a series at once; each verdict counts once a ``target``, and an ``undo`` takes exactly it back.

        false, expected: two steps up, and an open episode that was expected ends; true: one step down, and what the episode taught is
        taken back, now or when it ends; duplicate: counted. Raises NotFound.
        """
        row = self._row(series_id)
        before = self.feedback.in_force(series_id, target, verdict)
        self.states[row]["feedback"] += self.feedback.give(series_id, target, verdict, undo)
        if undo or before:
            return
        is_open = bool(self.states[row]["open"])
        if verdict == "expected" and is_open:
            self.states[row]["end_now"] = 1
        if verdict == "true" and is_open:
            self.states[row]["unlearn"] = 1
        elif verdict == "true" and self.states[row]["last_ms"] < self.states[row]["kept_until_ms"]:
            take_back(self.states[row])

    def set_rule(self, series_id: int, rule: Sensitivity) -> None:
        """What deviations of a series count, from now on, and which River model it has as a further head. Raises ConfigurationError."""
        self._room(1)
        record = self.states[self._row(series_id, make=True)]
        record["min_deviation"], record["min_relative"] = rule.min_deviation, rule.min_relative
        record["direction"] = DIRECTIONS[rule.direction]
        standing = self.heads.get(series_id)
        if not rule.model:
            self.heads.pop(series_id, None)
        elif (standing is None and len(self.heads) < MOST_HEADS) or (standing is not None and standing.path != rule.model):
            self.heads[series_id] = RiverHead(rule.model, self.info(series_id).kind == "counter")

    def ruled(self, series_id: int) -> bool:
        """Whether a rule is in force for the series."""
        row = self._find(series_id)
        s = self.states[row]
        return series_id in self.heads or (row >= 0 and bool(s["min_deviation"] or s["min_relative"] or s["direction"]))

    def set_calendar(self, tenant: str, scoring: Scoring) -> None:
        """Civil time, holidays and alarm rate of a tenant's series, from now on."""
        self.calendars[tenant] = Calendar(scoring.time_zone, tuple(scoring.holidays), scoring.country)
        self._alarm_days[tenant] = scoring.alarm_days
        self._members = None
        ids = [i.id for i in self.infos.values() if i.tenant == tenant]
        for row in (self._find(i) for i in ids):
            if row >= 0:
                self.states[row]["alarm_ms"] = DAY_MS * scoring.alarm_days

    def keep_quiet(self, series_id: int, until_ms: int) -> None:
        """Maintenance: until then (sample time) the series opens no episode and what it does is not learned; 0 ends it."""
        row = self._find(series_id)
        if row >= 0:
            self.states[row]["quiet_until_ms"] = until_ms

    def explain(self, series_id: int) -> Explanation:
        """Why the series' newest score is what it is, or why nothing fired; raises NotFound."""
        row = self._row(series_id)
        record = self.states[row]
        local = int(self._clocks(np.array([series_id], np.uint64), np.array([record["last_ms"]]))[0][0])
        return explanation(record, self.habits[row], self.tuning, local, MODEL, self.state_hash(series_id))

    def state_hash(self, series_id: int) -> str:
        """Eight hexadecimal digits over every byte the model knows of a series."""
        record = self.states[self._row(series_id)]
        return hashlib.blake2b(record.tobytes(), digest_size=4).hexdigest()

    def dump(self) -> bytes:
        """Everything the bank knows; ``load`` continues bit for bit."""
        used = int(self.meta[COUNT])
        states = self.states[:used].tobytes()
        free = self.free[: self.meta[FREE]].tobytes()
        habits = self.habits[:used].tobytes()
        infos, scanned = list(self.infos.values()), int(self.meta[SCANNED])
        saved = _Saved(FORMAT, _layout(), infos, used, scanned, states, habits, free, _digest(states, habits, free))
        saved.given, saved.heads = self.feedback.kept(), {i: h.saved() for i, h in self.heads.items()}
        return msgspec.msgpack.encode(saved)

    @classmethod
    def load(cls, data: bytes, config: ModelConfig | None = None) -> Bank:
        """Inverse of ``dump``; raises Damaged when the bytes are not what was written, or of another format."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"anomaly state is not readable: {x}; it will be rebuilt from the samples") from x
        if saved.format != FORMAT or saved.layout != _layout():
            raise Damaged("anomaly state is of another format; it will be rebuilt from the samples")
        if _digest(saved.states, saved.habits, saved.free) != saved.digest:
            raise Damaged("anomaly state fails its checksum; it will be rebuilt from the samples")
        bank = cls(config)
        free = np.frombuffer(saved.free, np.int32)
        capacity = max(START, 1 << int(saved.rows).bit_length())
        bank.states = new_series(capacity)
        bank.states[: saved.rows] = np.frombuffer(saved.states, SERIES)
        bank.habits = np.zeros(capacity, HABITS)
        bank.habits[: saved.rows] = np.frombuffer(saved.habits, HABITS)
        bank.free = np.zeros(capacity, np.int32)
        bank.free[: len(free)] = free
        bank.meta[:] = saved.rows, len(free), saved.scanned_ms
        bank.infos = {info.id: info for info in saved.infos}
        for info in saved.infos:
            bank._cohorts.setdefault(cohort_of(info), []).append(info.id)
        bank.feedback = FeedbackBook(saved.given)
        bank.heads = {series: RiverHead.restored(head) for series, head in saved.heads.items()}
        bank._index(capacity)
        return bank

    def _clocks(self, ids: U64, ts_ms: I64) -> tuple[I64, I64]:
        """Local time (n,), and local time with holidays as Sundays (n,), each row by its tenant's calendar."""
        local = self._calendar.local(ts_ms)
        civil = local
        if self._members is None:
            self._members = {t: np.array(sorted(i.id for i in self.infos.values() if i.tenant == t), np.uint64) for t in self.calendars}
        for tenant, members in self._members.items():
            mine = np.isin(ids, members)
            if mine.any():
                calendar = self.calendars[tenant]
                here = calendar.local(ts_ms)
                local, civil = np.where(mine, here, local), np.where(mine, calendar.civil(here), civil)
        return local, civil

    def _extra(self, ids: U64, ts_ms: I64, values: F64) -> F32:
        """Scores (n,) of the configured heads, 0 where there is none."""
        extra = np.zeros(len(ids), np.float32)
        if self.config.model:
            for series in np.unique(ids).tolist():
                if series not in self.heads and len(self.heads) < MOST_HEADS:
                    self.heads[series] = RiverHead(self.config.model, self.info(series).kind == "counter")
        if self.heads:
            for k in np.flatnonzero(np.isin(ids, np.array(list(self.heads), np.uint64))).tolist():
                extra[k] = self.heads[int(ids[k])].step(int(ts_ms[k]), float(values[k]))
        return extra

    def _forget(self, series_id: int) -> None:
        info = self.infos.pop(series_id, None)
        self.feedback.forget(series_id)
        self.heads.pop(series_id, None)
        if info is not None:
            self._cohorts[cohort_of(info)].remove(series_id)
            self._members = None

    def _rows(self, ids: list[int]) -> NDArray[np.int32]:
        """Rows (k,) of those of the series that have one. One kernel call: ten thousand new series are asked for in one second."""
        rows = rows_of(self.keys, self.rows, np.array(ids, np.uint64))
        return rows[rows >= 0]

    def _find(self, series_id: int) -> int:
        key: Any = np.uint64(series_id)
        return int(find(self.keys, self.rows, key))

    def _row(self, series_id: int, make: bool = False) -> int:
        row = self._find(series_id)
        if row < 0 and make:
            key: Any = np.uint64(series_id)
            row = row_of(key, 0, self.states, self.keys, self.rows, self.free, self.meta)
        if row < 0:
            raise NotFound(f"series {format_series_id(series_id)} has no model here: no sample of it has arrived yet")
        return int(row)

    def _index(self, capacity: int) -> None:
        """Build the table from ids to rows afresh; also drops entries of forgotten series."""
        alive = np.flatnonzero(self.states["alive"][: self.meta[COUNT]]).astype(np.int32)
        self.keys, self.rows = build(self.states["id"][alive], alive, capacity)

    def _room(self, n: int) -> None:
        """Make room for up to ``n`` new series before a kernel runs."""
        used = int(self.meta[COUNT])
        if used + n > len(self.states):
            capacity = 2 * max(len(self.states), n)
            grown = new_series(capacity)
            grown[:used] = self.states[:used]
            self.states = grown
            habits = np.zeros(capacity, HABITS)
            habits[:used] = self.habits[:used]
            self.habits = habits
            self.free = np.concatenate([self.free, np.zeros(capacity - len(self.free), np.int32)])
            self._index(capacity)


def warm_up() -> None:
    """Compile every kernel (seconds once, then from numba's cache), before a consumer group is joined."""
    bank = Bank()
    bank.register(SeriesInfo(2, "default", "warm_up", {}, kind="counter"))
    bank.register(SeriesInfo(1, "default", "warm_up", {}))
    none = np.zeros(3, np.uint8)
    bank.score(np.array([1, 2, 1], np.uint64), np.array([1, 2, 3], np.int64), np.zeros(3), none)
    bank.advance(4)


def _layout() -> str:
    return hashlib.blake2b(repr((SERIES.descr, HABITS.descr)).encode(), digest_size=8).hexdigest()


def _digest(*parts: bytes) -> bytes:
    sum_ = hashlib.blake2b(digest_size=16)
    for part in parts:
        sum_.update(part)
    return sum_.digest()
