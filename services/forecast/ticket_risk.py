"""Will this ticket be late? A calibrated probability with its reasons, learned from the desk's own tickets.

Two things are known of a class of tickets (queue and priority): how large a share of the promise such tickets took, from which follows
how many that got this far were late; and how much work they needed once somebody began. To these come the queue (who is ahead, how fast
it moves), waits and reopenings, and anomalies of the entity, joined by an online Bayesian logistic regression. A ticket is asked about at
each tenth of its promise, and learned when it is over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.online.logistic import BayesianLogistic

F64 = NDArray[np.float64]

EDGES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Borders of the histogram over the share of the promise that a ticket took; the last cell is "late"."""
BORROWED = 4.0
"""Tickets' worth of the whole desk's histogram that a class starts with."""
KEEP = 0.995
"""A class forgets half in 140 tickets."""
FEATURES = ("tickets like it", "bias", "room against queue and work", "somebody works on it", "room, once begun", "queue length",
            "waits for others", "reopened", "share used", "anomalies of the entity")  # fmt: skip
FEWEST = 30
"""Settled tickets before a probability is given."""


class Class(msgspec.Struct, array_like=True):
    """What tickets of one queue and priority were like: decayed histogram of the share taken, mean log of the work (s) after the start."""

    cells: list[float]
    work_log: float = math.log(7200.0)
    work_weight: float = 1.0

    def settle(self, share: float, work_s: float | None) -> None:
        """One finished ticket: share of the promise it took, and open seconds from start to end."""
        self.cells = [KEEP * c for c in self.cells]
        self.cells[int(np.searchsorted(EDGES, share, side="left"))] += 1.0
        if work_s is not None:
            self.work_weight = KEEP * self.work_weight + 1.0
            self.work_log += (math.log(max(work_s, 60.0)) - self.work_log) / self.work_weight


class Flow(msgspec.Struct, array_like=True):
    """How fast a queue moves: decayed mean of open seconds between two tickets being started."""

    gap_s: float = 1800.0
    weight: float = 1.0
    started_ms: int = 0

    def start(self, gap_s: float, at_ms: int) -> None:
        """A ticket was started ``gap_s`` open seconds after the one before."""
        self.weight = KEEP * self.weight + 1.0
        self.gap_s += (gap_s - self.gap_s) / self.weight
        self.started_ms = at_ms


@dataclass(frozen=True)
class Situation:
    """An open ticket at one moment. ``room_s`` of the promise are left after ``share`` of it; ``worked_s`` since the start, None before it;
    ``ahead`` tickets come first, ``queue`` wait in all."""

    group: str
    queue_name: str
    share: float
    room_s: float
    worked_s: float | None
    ahead: int
    queue: int
    waiting: bool
    reopened: int
    anomalies: float


class _Saved(msgspec.Struct, array_like=True):
    desk: Class
    classes: dict[str, Class]
    flows: dict[str, Flow]
    weights: list[float]
    settled: int


class BreachModel:
    """P(late) of open tickets; ``settle`` with what became of them. About 40 µs a question."""

    def __init__(self) -> None:
        self.desk = Class([1.0] * (len(EDGES) + 1))
        self.classes: dict[str, Class] = {}
        self.flows: dict[str, Flow] = {}
        self.settled = 0
        mean, deviation = np.zeros(len(FEATURES)), np.full(len(FEATURES), 0.7)
        mean[0], deviation[0] = 1.0, 0.3
        self.model = BayesianLogistic(mean, deviation)

    def features(self, s: Situation) -> F64:
        """Features (10,) of a situation; see ``FEATURES``."""
        like = self._late_like(s.group, s.share)
        group, flow = self.classes.get(s.group, self.desk), self.flows.get(s.queue_name, Flow())
        work = math.exp(group.work_log)
        begun = s.worked_s is not None
        # once begun, log-normal work of that median has about as much left as a fresh one, a little more the longer it lasts
        need = 0.7 * work + 0.5 * (s.worked_s or 0.0) if begun else s.ahead * flow.gap_s + work
        room = math.log(max(s.room_s, 60.0) / max(need, 60.0))
        room = min(max(room, -4.0), 4.0)
        return np.array(
            [
                math.log(like / (1.0 - like)),
                1.0,
                0.0 if begun else -room,
                1.0 if begun else 0.0,
                -room if begun else 0.0,
                math.log1p(s.queue),
                float(s.waiting),
                math.log1p(s.reopened),
                s.share,
                math.log1p(s.anomalies),
            ]
        )

    def probability(self, x: F64) -> float | None:
        """P(late) for features ``x``; None until enough tickets have been settled."""
        return self.model.predict(x) if self.settled >= FEWEST else None

    def reasons(self, x: F64) -> list[tuple[str, float]]:
        """The four features that move the log-odds most."""
        parts = self.model.contributions(x)
        return sorted(zip(FEATURES, parts.tolist(), strict=True), key=lambda f: -abs(f[1]))[:4]

    def settle(self, group: str, share: float, work_s: float | None, asked: list[F64]) -> None:
        """A ticket is over, having taken ``share`` of its promise; ``asked`` are the features of the questions about it."""
        for x in asked:
            self.model.learn(x, float(share > 1.0), 1.0 / math.sqrt(len(asked)))
        own = self.classes.setdefault(group, Class([0.0] * (len(EDGES) + 1), self.desk.work_log, 1.0))
        own.settle(share, work_s)
        self.desk.settle(share, work_s)
        self.settled += 1

    def started(self, queue: str, gap_s: float, at_ms: int) -> None:
        """Work on a ticket of ``queue`` began."""
        self.flows.setdefault(queue, Flow()).start(gap_s, at_ms)

    def _late_like(self, group: str, share: float) -> float:
        """Late ones among the class's tickets that had taken at least ``share`` of their promise; the cell that holds it counts in part."""
        desk = np.array(self.desk.cells) / sum(self.desk.cells)
        cells = BORROWED * desk + (np.array(self.classes[group].cells) if group in self.classes else 0.0)
        k = int(np.searchsorted(EDGES, share, side="left"))
        if k >= len(EDGES):
            return 0.99
        low = EDGES[k - 1] if k else 0.0
        rest = cells[k] * (EDGES[k] - share) / (EDGES[k] - low) + cells[k + 1 :].sum()
        return float(min(max((cells[-1] + 0.05) / (rest + 0.1), 0.005), 0.99))

    def dump(self) -> bytes:
        """State as bytes."""
        return msgspec.msgpack.encode(_Saved(self.desk, self.classes, self.flows, self.model.dump(), self.settled))

    @classmethod
    def load(cls, data: bytes) -> BreachModel:
        """Inverse of ``dump``; raises msgspec.DecodeError, msgspec.ValidationError or ValueError."""
        saved = msgspec.msgpack.decode(data, type=_Saved)
        out = cls()
        out.desk, out.classes, out.flows, out.settled = saved.desk, saved.classes, saved.flows, saved.settled
        out.model.restore(saved.weights)
        return out
