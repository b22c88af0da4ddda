"""How fast ingest is on this machine: the real lane on a real broker, from producers' messages to acknowledged batches."""

from __future__ import annotations

import json
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from kizashi.clock import SystemClock
from kizashi.contracts.topics import METRICS, SAMPLES
from kizashi.errors import BusUnavailable
from kizashi.observe.health import Health
from kizashi.settings import Settings
from kizashi.stream.admin import BusAdmin
from kizashi.stream.consumer import GroupConsumer
from kizashi.stream.producer import Producer, Record
from services.ingest.intake import Intake
from services.ingest.lane import Lane
from services.ingest.registry import SeriesRegistry
from services.ingest.settings import IngestLimits, Pace
from services.ingest.tally import Tally

SERIES = 10_000
SERVICES, HOSTS = 20, 100
DEADLINE_S = 300.0


@dataclass(frozen=True)
class Outcome:
    """Samples that were stored, wall and CPU seconds of the lane's process while it ran."""

    samples: int
    messages: int
    wall_s: float
    cpu_s: float

    def as_dict(self) -> dict[str, float | int]:
        """For printing; rates by wall time and by CPU time (what one core does)."""
        return {
            "samples": self.samples,
            "messages": self.messages,
            "wall_s": round(self.wall_s, 3),
            "cpu_s": round(self.cpu_s, 3),
            "samples_per_s": round(self.samples / self.wall_s),
            "samples_per_core_s": round(self.samples / self.cpu_s),
            "messages_per_core_s": round(self.messages / self.cpu_s),
            "cpu_s_per_million_samples": round(self.cpu_s / self.samples * 1e6, 2),
        }


def sample_messages(count: int, a_list: int, start_ms: int) -> Iterator[bytes]:
    """``count`` samples of 10,000 series as one-sample messages (``a_list`` 1) or lists, in time order."""
    names = [
        f'{{"metric":"bench.m{k % 5}","labels":{{"service":"s{k // 5 % SERVICES}","host":"h{k // 100 % HOSTS}"}},' for k in range(SERIES)
    ]
    items: list[str] = []
    for k in range(count):
        ts = start_ms + k // SERIES * 1_000
        items.append(f'{names[k % SERIES]}"value":{50 + k * 7 % 1_000 / 100},"ts":{ts}}}')
        if len(items) == a_list:
            yield (items[0] if a_list == 1 else "[" + ",".join(items) + "]").encode()
            items = []


def measure(settings: Settings, samples: int, a_list: int) -> Outcome:
    """Fill the metrics topic, then run a lane of its own group over it until all is stored. Raises BusUnavailable."""
    admin = BusAdmin(settings.kafka)
    before = admin.end_offsets([METRICS.name])
    messages = _fill(settings, samples, a_list)
    tally, partitions = Tally(), admin.topics()[SAMPLES.name]
    limits = IngestLimits()
    consumer = GroupConsumer(settings.kafka, f"kizashi-bench-{time.time_ns()}", [METRICS.name], start=before)
    lane = Lane(
        consumer, Producer(settings.kafka, "kizashi-bench", give_up_s=None), Intake(SeriesRegistry(partitions, limits), limits), tally,
        SystemClock(), Health("bench"), Pace(), limits, partitions, settings.tenant,
    )  # fmt: skip
    stop = threading.Event()
    worker = threading.Thread(target=lane.run, args=(stop,), daemon=True)
    worker.start()
    try:
        return _watch(tally, samples, messages)
    finally:
        stop.set()
        worker.join(20.0)


def _fill(settings: Settings, samples: int, a_list: int) -> int:
    producer = Producer(settings.kafka, "kizashi-bench-fill", linger_ms=20.0)
    messages = 0
    for messages, data in enumerate(sample_messages(samples, a_list, time.time_ns() // 1_000_000 - 600_000), 1):
        producer.send_waiting(Record(METRICS.name, data, partition=messages % settings.kafka.partitions))
    producer.flush(120.0)
    return messages


def _watch(tally: Tally, samples: int, messages: int) -> Outcome:
    """From the first stored sample to the last, so that joining the group does not count."""
    deadline, pause = time.monotonic() + DEADLINE_S, threading.Event()
    while not tally.stored.total():
        pause.wait(0.005)
        if time.monotonic() > deadline:
            raise BusUnavailable("nothing was stored: is the broker up?")
    first, wall, cpu = tally.stored.total(), time.monotonic(), _cpu_s()
    while tally.stored.total() + tally.rejected.total() < samples:
        pause.wait(0.005)
        if time.monotonic() > deadline:
            raise BusUnavailable(f"{tally.stats()} after {DEADLINE_S:.0f} s")
    share = (samples - first) / samples
    return Outcome(samples - first, round(messages * share), time.monotonic() - wall, _cpu_s() - cpu)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bench_ingest(settings: Settings, singles: int = 1_000_000, in_lists: int = 4_000_000) -> dict[str, dict[str, float | int]]:
    """Both shapes, one after the other; for ``kizashi bench ingest``."""
    return {"one_sample_messages": measure(settings, singles, 1).as_dict(), "lists_of_500": measure(settings, in_lists, 500).as_dict()}


def main(settings: Settings) -> None:
    """Print the figures as JSON."""
    import sys

    sys.stdout.write(json.dumps(bench_ingest(settings), indent=1) + "\n")
