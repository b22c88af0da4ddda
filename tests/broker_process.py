"""A real Apache Kafka broker as a child process of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kizashi.standalone import jars, java
from kizashi.standalone.kafka import KafkaProcess, jar_folder


@contextmanager
def started_broker(folder: Path) -> Iterator[KafkaProcess]:
    """A broker with its data below ``folder`` that answers; stopped at the end. Its jars are fetched when they are not there yet."""
    lock = jars.read_lock()
    jars.fetch(lock, jar_folder(java.tools_folder(), lock))
    process = KafkaProcess(folder)
    process.start()
    try:
        process.wait_ready()
        yield process
    finally:
        process.stop()
