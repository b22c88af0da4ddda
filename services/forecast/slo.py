"""All objectives of the tenants of one partition, fed from ten-second rollups."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec
import numpy as np

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Risk
from kizashi.contracts.objective import Objective, Role
from kizashi.errors import Damaged
from services.forecast.ledger import Ledger, SavedLedger

JUDGE_EVERY_MS = 60_000
MAX_SERIES = 500_000
"""Names remembered of series; objectives made later find their series among them."""


class _Saved(msgspec.Struct, array_like=True):
    objectives: list[Objective]
    ledgers: list[SavedLedger]
    names: bytes
    highs: dict[int, float]
    now_ms: int
    judged_ms: int
    versions: list[tuple[str, str, int]]


class SloBook:
    """Ledgers by objective. Counters are counted by their increments, other ``total``, ``bad`` and ``good`` series as rates per second."""

    def __init__(self) -> None:
        self.ledgers: dict[tuple[str, str], Ledger] = {}
        self._infos: dict[int, SeriesInfo] = {}
        self._watched: dict[int, list[tuple[Ledger, Role]]] = {}
        self._highs: dict[int, float] = {}
        self._names = b""
        """The names packed for a snapshot, kept until one is added: there may be hundreds of thousands, and they change rarely."""
        self._versions: dict[tuple[str, str], int] = {}
        """Versions of deleted objectives: one of the same id goes on counting."""
        self._now_ms = self._judged_ms = -1

    def configure(self, tenant: str, id_: str, objective: Objective | None) -> Risk | None:
        """Make, change or (None) delete an objective. A change of name or minimum keeps the counts, any other starts them anew.

        Gives the last word about a deleted one, if people were told of it.
        """
        key = (tenant, id_)
        old = self.ledgers.pop(key, None)
        if objective is not None:
            ledger = Ledger(objective)
            if old is not None and _same_promise(old.objective, objective):
                ledger = Ledger.load(old.dump(), objective)
            else:
                ledger.version = old.version if old is not None else self._versions.pop(key, 0)
            self.ledgers[key] = ledger
        self._watched = {}
        for info in self._infos.values():
            self._watch(info)
        if old is None or objective is not None:
            return None
        last = old.last_word()
        self._versions[key] = old.version
        return last

    def learn(self, batch: RollupBatch) -> None:
        """Count one rollup message."""
        for info in batch.series:
            if info.id not in self._infos and len(self._infos) < MAX_SERIES:
                self._infos[info.id], self._names = info, b""
                self._watch(info)
        self._now_ms = max(self._now_ms, batch.start_ms + batch.step_ms)
        if not self._watched:
            return
        mine = np.flatnonzero(np.isin(batch.ids, np.fromiter(self._watched, np.uint64, len(self._watched))))
        for k in mine.tolist():
            for ledger, role in self._watched[int(batch.ids[k])]:
                self._count(ledger, role, batch, k)

    def advance(self, now_ms: int) -> list[Risk]:
        """Time goes on; once a minute every objective is judged, and a new one as soon as it has counted. What changed is told."""
        self._now_ms = max(self._now_ms, now_ms)
        if self._now_ms - self._judged_ms < JUDGE_EVERY_MS:
            return self._judge(key for key, ledger in self.ledgers.items() if _waits_for_first_word(ledger))
        self._judged_ms = self._now_ms
        return self._judge(self.ledgers)

    def settle(self) -> list[Risk]:
        """Nothing has come for a while: judge what was counted since it was last judged, at the time of the newest rollup.

        Time would bring it a minute later, but time stands still with the rollups: the end of a file would never be judged.
        """
        return self._judge(key for key, ledger in self.ledgers.items() if ledger.unjudged)

    def _judge(self, keys: Iterable[tuple[str, str]]) -> list[Risk]:
        risks = []
        for key in sorted(keys):
            ledger = self.ledgers[key]
            ledger.advance(self._now_ms)
            if ledger.first_ms >= 0 and (risk := ledger.risk()) is not None:
                risks.append(risk)
        return risks

    def _watch(self, info: SeriesInfo) -> None:
        roles = [(ledger, role) for ledger in self.ledgers.values() if (role := ledger.objective.role_of(info)) is not None]
        if roles:
            self._watched[info.id] = roles

    def _count(self, ledger: Ledger, role: Role, batch: RollupBatch, k: int) -> None:
        ts, count = batch.start_ms, float(batch.count[k])
        mean, low, high = float(batch.mean[k]), float(batch.low[k]), float(batch.high[k])
        match role:
            case "latency":
                share = _share_above(low, high, mean, ledger.objective.threshold or 0.0)
                ledger.count(ts, count, count * (1.0 - share if ledger.objective.low_is_bad else share))
            case "probe":
                ledger.count(ts, count, count * (1.0 - min(max(mean, 0.0), 1.0)))
            case _:
                events = self._events(int(batch.ids[k]), low, high, mean, batch.step_ms)
                total, bad = {"total": (events, 0.0), "bad": (0.0, events), "good": (0.0, -events)}[role]
                if role == "total" and ledger.objective.good is not None:
                    bad = events  # every event is bad until a good one takes it back
                ledger.count(ts, total, bad)

    def _events(self, series: int, low: float, high: float, mean: float, step_ms: int) -> float:
        """Events of one rollup of a counter (a fall is a reset) or of a rate per second."""
        if self._infos[series].kind != "counter":
            return max(mean, 0.0) * step_ms / 1000.0
        before = self._highs.get(series)
        self._highs[series] = high
        if before is None:
            return high - low
        return high - before if high >= before else high

    def dump(self) -> bytes:
        """State as bytes."""
        ledgers = [ledger for _, ledger in sorted(self.ledgers.items())]
        self._names = self._names or zlib.compress(msgspec.msgpack.encode(list(self._infos.values())), 1)
        saved = _Saved(
            [x.objective for x in ledgers], [x.dump() for x in ledgers], self._names, self._highs, self._now_ms, self._judged_ms,
            [(*key, version) for key, version in self._versions.items()],
        )  # fmt: skip
        return msgspec.msgpack.encode(saved)

    @classmethod
    def load(cls, data: bytes) -> SloBook:
        """Inverse of ``dump``; raises Damaged."""
        out = cls()
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
            for objective, ledger in zip(saved.objectives, saved.ledgers, strict=True):
                out.ledgers[objective.tenant, objective.id] = Ledger.load(ledger, objective)
            infos = msgspec.msgpack.decode(zlib.decompress(saved.names), type=list[SeriesInfo])
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError, zlib.error) as x:
            raise Damaged(f"the state of the objectives is not readable: {x}") from x
        out._infos, out._names = {info.id: info for info in infos}, saved.names
        out._highs, out._now_ms, out._judged_ms = saved.highs, saved.now_ms, saved.judged_ms
        out._versions = {(tenant, id_): version for tenant, id_, version in saved.versions}
        for info in infos:
            out._watch(info)
        return out


def _share_above(low: float, high: float, mean: float, threshold: float) -> float:
    """Share of a rollup's samples above ``threshold``: none, all, or by where the threshold lies between low and high."""
    if high <= threshold:
        return 0.0
    if low > threshold:
        return 1.0
    # two-sided triangle around the mean: exact at the ends, one half at the mean
    if threshold >= mean:
        return 0.5 * (high - threshold) / (high - mean) if high > mean else 0.0
    return 1.0 - 0.5 * (threshold - low) / (mean - low)


def _waits_for_first_word(ledger: Ledger) -> bool:
    """Whether people wait to hear of an objective for the first time, and it has something to say.

    Not a ratio: of its two series the first to come says that all is well or all has failed.
    """
    return not ledger.told and ledger.first_ms >= 0 and ledger.objective.kind != "ratio"


def _same_promise(a: Objective, b: Objective) -> bool:
    return msgspec.structs.replace(a, name=b.name, entity=b.entity, minimum_events=b.minimum_events) == b
