"""Ends a process whose consumer stands still while work waits: the supervisor starts it again.

Faust's own livelock detector only logs, and five ways of standing still were found in which the process lives on. So a plain thread asks
an independent client for the end of each partition; "cannot ask the broker" is unknown, not lag.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kizashi.observe.logs import logger
from kizashi.observe.metrics import LAG

STUCK_AFTER_S = 60.0
STARVED_AFTER_S = 300.0
"""While another partition moves and has a backlog: a busy worker serves some of its partitions late. That is no fault, and a restart
would throw away what it has done since the last snapshot."""
BACKLOG = 100
"""Records that wait; ticks alone are one a second."""
ASK_EVERY_S = 5.0
EXIT_STUCK = 75

Positions = Mapping[tuple[str, int], int]


@dataclass(frozen=True)
class _Still:
    """Where a partition stands, since when records wait there, and whether it came there from another place where some waited."""

    at: int
    since_s: float
    moved: bool


class Watchdog:
    """``positions`` gives the next offset of each owned (topic, partition); ``ends`` asks the broker for their ends, or raises."""

    def __init__(
        self,
        positions: Callable[[], Positions],
        ends: Callable[[], Positions],
        exit_process: Callable[[int], object] = os._exit,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._positions, self._ends, self._exit, self._now = positions, ends, exit_process, monotonic_s
        self._still: dict[tuple[str, int], _Still] = {}
        """Those with records that wait: what has nothing to do stands still by right."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def look(self) -> list[tuple[str, int]]:
        """One look; gives the partitions that stand still although records wait, and publishes the lag."""
        positions = dict(self._positions())
        now = self._now()
        if not positions:
            self._still.clear()
            return []
        try:
            ends = self._ends()
        except Exception as x:
            logger().warning("watchdog.cannot_ask", error=repr(x))
            self._still.clear()
            return []
        waiting = {tp: max(0, ends.get(tp, at) - at) for tp, at in positions.items()}
        lag: dict[str, int] = {}
        for tp, n in waiting.items():
            lag[tp[0]] = lag.get(tp[0], 0) + n
        for topic, n in lag.items():
            LAG.labels(topic).set(n)
        before = self._still
        self._still = {
            tp: before[tp] if tp in before and before[tp].at == at else _Still(at, now, moved=tp in before)
            for tp, at in positions.items()
            if waiting[tp]
        }
        backlog = any(s.moved and now - s.since_s <= STUCK_AFTER_S and waiting[tp] >= BACKLOG for tp, s in self._still.items())
        patience_s = STARVED_AFTER_S if backlog else STUCK_AFTER_S
        return [tp for tp, s in self._still.items() if now - s.since_s > patience_s]

    def _run(self) -> None:
        while not self._stop.wait(ASK_EVERY_S):
            stuck = self.look()
            if stuck:
                logger().error("watchdog.stuck", partitions=stuck, seconds=STUCK_AFTER_S)
                self._exit(EXIT_STUCK)
