"""A past for a benchmark's house: charts of a day need rows of a day, and a new house has none."""

from __future__ import annotations

import time
from collections.abc import Callable

from kizashi.contracts.topics import METRICS
from kizashi.errors import Recoverable
from kizashi.settings import KafkaSettings
from kizashi.stream.producer import Producer, Record
from services.demo.load import Order, lists
from services.roof.bench_house import BenchHouse

STRETCHES_S = ((86_400, 3_600, 300), (3_600, 0, 10))
"""(from, to, step) in seconds before now: a day at five minutes, its last hour at ten seconds; 636 samples a series."""
LANDED_WITHIN_S = 600.0


def times_ms(now_ms: int) -> list[int]:
    """When each series has a sample, in order.

    >>> len(times_ms(0))
    636
    """
    return [now_ms - ago * 1_000 for start, end, step in STRETCHES_S for ago in range(start, end, -step)]


def fill(house: BenchHouse, order: Order) -> int:
    """Send the past of every series of ``order`` through ingest, and wait until it can be queried; the samples sent.

    Raises Recoverable when it cannot be queried within LANDED_WITHIN_S.
    """
    base = house.landed()
    producer = Producer(KafkaSettings(bootstrap=order.bootstrap), "kizashi-load-past", linger_ms=5, buffer_mb=64)
    moment = [0]
    messages = lists(order, clock_ms=lambda: moment[0])
    rounds = -(-order.series // order.list_length)
    sent = 0
    for moment[0] in times_ms(time.time_ns() // 1_000_000):
        for _ in range(rounds):
            n, message = next(messages)
            producer.send_waiting(Record(METRICS.name, message))
            producer.poll(0)
            sent += n
    producer.flush(60.0)
    wait_landed(lambda: house.landed() - base, sent)
    return sent


def wait_landed(landed: Callable[[], int], sent: int) -> None:
    """Until so many samples have landed. Raises Recoverable when they have not within LANDED_WITHIN_S."""
    deadline = time.monotonic() + LANDED_WITHIN_S
    while (found := landed()) < sent:
        if time.monotonic() > deadline:
            raise Recoverable(
                f"{found:,} of {sent:,} samples of the past could be queried after {LANDED_WITHIN_S:g} s: charts would read less"
            )
        time.sleep(0.5)
