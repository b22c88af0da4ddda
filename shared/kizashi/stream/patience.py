"""Ask again when the broker says that its answer will be another one in a moment, as it does while partitions find a leader."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

PASSING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError._TRANSPORT,
    }
)
PAUSE_S = 0.1

T = TypeVar("T")


def patiently(ask: Callable[[], T], within_s: float = 10.0) -> T:
    """The answer, asked for again while the error is a passing one; after ``within_s`` the error itself."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while True:
        try:
            return ask()
        except KafkaException as x:
            if x.args[0].code() not in PASSING or time.monotonic() > deadline:
                raise
            pause.wait(PAUSE_S)
