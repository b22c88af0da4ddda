"""The probability that a service has an incident within a horizon, learned from its own history.

Incidents excite incidents: five intensities with memories of 1 to 100 days, each a Gamma-Poisson posterior over exponentially forgotten
counts (a Hawkes process with fixed exponential kernels; Hawkes 1971), are joined by an online Bayesian logistic regression with the time
since the last one, the day of the week and what is live: anomalies, changes, budget burn. Each question is learned when its answer is
known.

The model abstains until it beats the base rate on its own record. Cost: 20 µs a question, under 4 kB a service and horizon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.online.logistic import BayesianLogistic

F64 = NDArray[np.float64]

HOUR = 3600.0
DAY = 24 * HOUR
MEMORIES_DAYS = (1.0, 3.0, 10.0, 30.0, 100.0)
REFERENCE = 3
"""The month is what the others are differences to: the prior says "as in the last month"."""
FEATURES = ("last month's rate", "bias", "last day", "last three days", "last ten days", "last hundred days", "time since the last one",
            "weekday (sine)", "weekday (cosine)", "anomalies", "changes", "budget burn")  # fmt: skip
LIVE = ("anomaly", "change", "burn")
LIVE_DAYS = 0.5
"""Half-life of live evidence: half a day."""
FIRST_DAYS = 7.0
"""Days of history before the first question is asked: less cannot tell a week."""
FEWEST_ANSWERS = 20
FALL_SILENT = -0.25
"""Once it has beaten the base rate, the model falls silent only when it loses by a quarter: around zero it would come and go."""
RECORD_KEEP = 0.995
"""The track record forgets half in 140 answers: ten weeks of two questions a day."""


class Record(msgspec.Struct, array_like=True):
    """Decayed sums over answered questions: count, squared errors of the model and of the base rate; reliability in ten bins."""

    answers: int = 0
    model: float = 0.0
    base: float = 0.0
    weight: float = 0.0
    bins: list[list[float]] = msgspec.field(default_factory=lambda: [[0.0, 0.0, 0.0] for _ in range(10)])
    """For each tenth of probability: questions, sum of probabilities, incidents."""

    def add(self, p: float, base: float, y: float) -> None:
        """One answered question."""
        self.answers += 1
        self.weight = RECORD_KEEP * self.weight + 1.0
        self.model = RECORD_KEEP * self.model + (p - y) ** 2
        self.base = RECORD_KEEP * self.base + (base - y) ** 2
        b = self.bins[min(9, int(10 * p))]
        b[0], b[1], b[2] = b[0] + 1, b[1] + p, b[2] + y

    @property
    def skill(self) -> float:
        """Brier skill over the base rate, lately; 0 without a record."""
        return 1.0 - self.model / self.base if self.base > 0.0 else 0.0


class Question(msgspec.Struct, array_like=True):
    """Asked at ``at`` (s): did an incident start until at + horizon?"""

    at: float
    x: list[float]
    p: float
    base: float
    hit: bool = False


@dataclass(frozen=True)
class Answer:
    """``probability`` is None while the model abstains; ``estimate`` is what it would say, ``base`` the share of past horizons with one."""

    probability: float | None
    estimate: float
    base: float
    reason: str
    factors: list[tuple[str, float]]


class _Saved(msgspec.Struct, array_like=True):
    first: float | None
    last: float | None
    asked: float
    count: int
    sums: list[float]
    sums_at: float
    live: list[float]
    live_at: float
    open: list[Question]
    asked_n: int
    hits: int
    record: Record
    speaking: bool
    weights: list[float]


class Hazard:
    """One service and one horizon (s). Events and questions come in order of time; a late event counts as of the newest."""

    def __init__(self, horizon_s: float) -> None:
        self.horizon_s = horizon_s
        self.every_s = min(max(HOUR, horizon_s / 2), DAY / 2)
        self.first: float | None = None
        self.last: float | None = None
        self.asked = -math.inf
        self.count = 0
        self.sums, self.sums_at = np.zeros(len(MEMORIES_DAYS)), 0.0
        self.live, self.live_at = np.zeros(len(LIVE)), 0.0
        self.open: list[Question] = []
        self.asked_n = self.hits = 0
        self.record, self.speaking = Record(), False
        self.model = _new_model()

    def incident(self, at: float) -> None:
        """An incident started at ``at`` (s)."""
        at = max(at, self.sums_at)
        self.advance(np.nextafter(at, -math.inf))  # a question asked at this very moment already knows of it
        for question in self.open:
            if question.at < at <= question.at + self.horizon_s:
                question.hit = True
        self.sums = self._faded(at) + 1.0
        self.sums_at, self.last = at, at
        self.first = at if self.first is None else self.first
        self.count += 1

    def note(self, kind: str, at: float, amount: float = 1.0) -> None:
        """Live evidence: ``anomaly``, ``change`` or ``burn``."""
        at = max(at, self.live_at)
        self.live = self._live(at)
        self.live[LIVE.index(kind)] += amount
        self.live_at = at

    def advance(self, now: float) -> None:
        """Settle the questions whose answer is known and ask those that are due, up to ``now``."""
        if self.first is None:
            return
        start = max(self.asked + self.every_s, (math.ceil((self.first + FIRST_DAYS * DAY) / self.every_s)) * self.every_s)
        for k in range(max(0, math.floor((now - start) / self.every_s) + 1)):
            at = start + k * self.every_s
            self._settle(at)
            x = self._features(at)
            self.open.append(Question(at, x.tolist(), self.model.predict(x), self._base()))
            self.asked = at
        self._settle(now)

    def ask(self, now: float) -> Answer:
        """Probability of an incident in (now, now + horizon]."""
        self.advance(now)
        base = self._base()
        if self.first is None or now - self.first < FIRST_DAYS * DAY:
            return Answer(None, base, base, "less than a week of history", [])
        x = self._features(now)
        p, parts = self.model.predict(x), self.model.contributions(x)
        top = sorted(zip(FEATURES, parts.tolist(), strict=True), key=lambda f: -abs(f[1]))[:4]
        if self.record.answers < FEWEST_ANSWERS:
            return Answer(None, p, base, f"{self.record.answers} of {FEWEST_ANSWERS} questions answered", top)
        if not self._speaks():
            return Answer(None, p, base, f"does not beat the base rate lately (skill {self.record.skill:.2f})", top)
        return Answer(p, p, base, "", top)

    def _speaks(self) -> bool:
        self.speaking = self.record.skill > (FALL_SILENT if self.speaking else 0.0)
        return self.speaking

    def _settle(self, now: float) -> None:
        known = 0
        for question in self.open:
            if question.at + self.horizon_s > now:
                break
            known += 1
            y = float(question.hit)
            self.record.add(question.p, question.base, y)
            self.asked_n += 1
            self.hits += question.hit
            # questions overlap when the horizon is longer than the step: together they count as one a horizon
            self.model.learn(np.array(question.x), y, min(1.0, self.every_s / self.horizon_s))
        del self.open[:known]

    def _base(self) -> float:
        return (1.0 + self.hits) / (2.0 + self.asked_n)

    def _faded(self, now: float) -> F64:
        days = max(0.0, now - self.sums_at) / DAY
        return np.asarray(self.sums * 0.5 ** (days / np.array(MEMORIES_DAYS)))

    def _live(self, now: float) -> F64:
        return np.asarray(self.live * 0.5 ** (max(0.0, now - self.live_at) / DAY / LIVE_DAYS))

    def _features(self, now: float) -> F64:
        assert self.first is not None
        assert self.last is not None
        age, h = max(now - self.first, DAY) / DAY, self.horizon_s / DAY
        rate = np.log(2.0) / np.array(MEMORIES_DAYS)
        shape = 0.5 + self._faded(now)
        exposure = 0.5 * age / self.count - np.expm1(-rate * age) / rate
        quiet = np.clip(np.exp(-shape * np.log1p(h / exposure)), 1e-4, 1.0 - 1e-4)
        odds = np.log1p(-quiet) - np.log(quiet)
        others = np.delete(odds, REFERENCE) - odds[REFERENCE]
        since = (math.log1p((now - self.last) / HOUR) - 3.0) / 2.0
        week = 2.0 * math.pi * now / (7.0 * DAY)
        return np.array([odds[REFERENCE], 1.0, *others, since, math.sin(week), math.cos(week), *np.log1p(self._live(now))])

    def dump(self) -> bytes:
        """State as bytes."""
        s = _Saved(
            self.first, self.last, self.asked, self.count, self.sums.tolist(), self.sums_at, self.live.tolist(), self.live_at,
            self.open, self.asked_n, self.hits, self.record, self.speaking, self.model.dump(),
        )  # fmt: skip
        return msgspec.msgpack.encode(s)

    @classmethod
    def load(cls, data: bytes, horizon_s: float) -> Hazard:
        """Inverse of ``dump``; raises msgspec.DecodeError, msgspec.ValidationError or ValueError."""
        s = msgspec.msgpack.decode(data, type=_Saved)
        out = cls(horizon_s)
        out.first, out.last, out.asked, out.count = s.first, s.last, s.asked, s.count
        out.sums, out.sums_at, out.live, out.live_at = np.array(s.sums), s.sums_at, np.array(s.live), s.live_at
        out.open, out.asked_n, out.hits, out.record, out.speaking = s.open, s.asked_n, s.hits, s.record, s.speaking
        out.model.restore(s.weights)
        return out


def _new_model() -> BayesianLogistic:
    """Prior: the last month's rate as it is; every other feature starts at nothing and may move the odds by a little."""
    mean, deviation = np.zeros(len(FEATURES)), np.full(len(FEATURES), 0.15)
    mean[0], deviation[0], deviation[1] = 1.0, 0.3, 0.3
    return BayesianLogistic(mean, deviation)
