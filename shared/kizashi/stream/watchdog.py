"""Ends a process whose consumer stands still while work waits: the supervisor starts it again.

Faust's own livelock detector only logs, and five ways of standing still were found in which the process lives on. So a plain thread asks
an independent client for the end of each partition; "cannot ask the broker" is unknown, not lag.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping

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
        self._moved: dict[tuple[str, int], tuple[int, float]] = {}
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
        for tp in [tp for tp in self._moved if tp not in positions]:
            del self._moved[tp]
        for tp, at in positions.items():
            if tp not in self._moved or self._moved[tp][0] != at:
                self._moved[tp] = (at, now)
        if not positions:
            return []
        try:
            ends = self._ends()
        except Exception as x:
            logger().warning("watchdog.cannot_ask", error=repr(x))
            self._moved = {tp: (at, now) for tp, at in positions.items()}
            return []
        lag: dict[str, int] = {}
        for tp, at in positions.items():
            lag[tp[0]] = lag.get(tp[0], 0) + max(0, ends.get(tp, at) - at)
        for topic, n in lag.items():
            LAG.labels(topic).set(n)
        backlog = any(now - since <= STUCK_AFTER_S and ends.get(tp, at) - at >= BACKLOG for tp, (at, since) in self._moved.items())
        patience_s = STARVED_AFTER_S if backlog else STUCK_AFTER_S
        return [tp for tp, (at, since) in self._moved.items() if ends.get(tp, at) > at and now - since > patience_s]

    def _run(self) -> None:
        while not self._stop.wait(ASK_EVERY_S):
            stuck = self.look()
            if stuck:
                logger().error("watchdog.stuck", partitions=stuck, seconds=STUCK_AFTER_S)
                self._exit(EXIT_STUCK)
