"""Load: thousands of series as native JSON lists, made as cheaply as Python can, so that the benchmark measures the house, not the sender.

Run as ``python -m services.demo.load`` with its instructions as JSON on standard input; one line of JSON on standard output each second.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np

from kizashi.contracts.topics import METRICS
from kizashi.settings import KafkaSettings
from kizashi.stream.producer import Producer, Record

VARIANTS = 16
"""Prepared values of each series; the walk through them is what a scorer sees as a noisy season."""
SAMPLES_A_SECOND = 1_000
"""Most of one series: times are ms and never repeat, so that more would run ahead of the clock, into the times of the next load."""


@dataclass(frozen=True)
class Order:
    """What to send. ``rate`` in samples a second, 0 for all that is taken. ``outstanding`` bounds the lead over the rows that have landed,
    0 for no bound: a bound ends the flow unless somebody tells the sender what has landed."""

    bootstrap: str
    series: int = 10_000
    list_length: int = 500
    rate: float = 0.0
    seconds: float = 120.0
    outstanding: int = 0
    metric: str = "bench.load"


def now_ms() -> int:
    """The time, as samples carry it."""
    return time.time_ns() // 1_000_000


def lists(order: Order, seed: int = 1, clock_ms: Callable[[], int] = now_ms) -> Iterator[tuple[int, bytes]]:
    """Endless messages (samples in it, JSON list), each series once a round; ``ts`` is the time of making in ms and never repeats."""
    rng = np.random.default_rng(seed)
    groups = []
    for first in range(0, order.series, order.list_length):
        members = range(first, min(first + order.list_length, order.series))
        heads = [f'{{"metric":"{order.metric}","labels":{{"service":"s{k % 20}","host":"h{k}"}},"value":'.encode() for k in members]
        level = 50 + 10 * rng.standard_normal(len(heads))
        rounds = [level + np.sin(i / VARIANTS * 2 * np.pi) + 0.3 * rng.standard_normal(len(heads)) for i in range(VARIANTS)]
        groups.append([[head + f'{v:.3f},"ts":'.encode() for head, v in zip(heads, values, strict=True)] for values in rounds])
    last, round_ = [0] * len(groups), 0
    while True:
        for k, prepared in enumerate(groups):
            last[k] = max(last[k] + 1, clock_ms())
            parts = prepared[round_ % VARIANTS]
            tail = f"{last[k]}}}".encode()
            yield len(parts), b"".join((b"[", (tail + b",").join(parts), tail, b"]"))
        round_ += 1


class Sender:
    """Sends as ordered; ``landed`` is told from outside how many rows can be queried already."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.landed = 0
        self.sent = 0

    def listen(self) -> None:
        """Follow standard input: each line is the number of rows landed."""
        for line in sys.stdin:
            self.landed = int(line)

    def run(self) -> None:
        """Send for the ordered time, then wait until Kafka has acknowledged all."""
        producer = Producer(KafkaSettings(bootstrap=self.order.bootstrap), "kizashi-load", linger_ms=5, buffer_mb=64)
        begun = told = time.monotonic()
        for n, message in lists(self.order):
            now = time.monotonic()
            if now - begun >= self.order.seconds:
                break
            producer.send_waiting(Record(METRICS.name, message))
            producer.poll(0)
            self.sent += n
            while self._ahead(now - begun):
                time.sleep(0.002)
                now = time.monotonic()
            if now - told >= 1.0:
                told = now
                self._tell(False)
        producer.flush(60.0)
        self._tell(True)

    def _ahead(self, elapsed_s: float) -> bool:
        rate = min(self.order.rate or math.inf, self.order.series * SAMPLES_A_SECOND)
        too_far = bool(self.order.outstanding) and self.sent - self.landed > self.order.outstanding
        return elapsed_s < self.order.seconds and (too_far or self.sent > rate * (elapsed_s + 0.05))

    def _tell(self, done: bool) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        sys.stdout.write(json.dumps({"sent": self.sent, "done": done, "cpu_s": used.ru_utime + used.ru_stime}) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Entry point of the load process."""
    sender = Sender(Order(**json.loads(sys.stdin.readline())))
    threading.Thread(target=sender.listen, daemon=True).start()
    sender.run()


def instructions(order: Order) -> str:
    """The first line that the load process reads."""
    return json.dumps(asdict(order)) + "\n"


if __name__ == "__main__":
    main()
