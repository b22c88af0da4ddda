"""Send recorded samples at a rate, or at a multiple of their own pace, and wait until all are acknowledged."""

from __future__ import annotations

import gzip
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol
from zlib import crc32

import msgspec

from kizashi.contracts.inputs import SampleIn
from kizashi.errors import BusUnavailable, Refused
from kizashi.stream.producer import Producer, Record
from services.ingest.files import FileSample
from services.ingest.times import SECONDS_BELOW

SAMPLES_A_MESSAGE = 500
BUNDLE_S = 0.05
"""Samples due within this time travel together."""
KEYS = 64
"""Series are spread over this many keys; one series keeps its key, so its samples stay in order."""
HISTORY_HEADER = "kizashi-history"
_encoder = msgspec.json.Encoder()


class Way(Protocol):
    """Where bundles go: Kafka or HTTP."""

    def send(self, samples: list[FileSample]) -> None: ...

    def finish(self) -> None: ...


@dataclass
class Sent:
    """What was sent."""

    samples: int = 0
    series: set[tuple[str, tuple[tuple[str, str], ...]]] = field(default_factory=set)
    first_ms: int = 0
    last_ms: int = 0

    def count(self, bundle: list[FileSample]) -> None:
        """Add a bundle."""
        if not self.samples:
            self.first_ms = bundle[0].ts_ms
        self.samples += len(bundle)
        self.last_ms = max(self.last_ms, bundle[-1].ts_ms)
        self.series |= {(s.metric, s.labels) for s in bundle}


class ToKafka:
    """Lists of samples on a topic, one key a series."""

    def __init__(self, producer: Producer, topic: str, history: bool, one_by_one: bool = False) -> None:
        self._producer, self._topic = producer, topic
        self._headers: list[tuple[str, str | bytes | None]] | None = [(HISTORY_HEADER, "1")] if history else None
        self._size = 1 if one_by_one else SAMPLES_A_MESSAGE

    def send(self, samples: list[FileSample]) -> None:
        """Queue a bundle; waits when the broker is slower."""
        by_key: dict[int, list[FileSample]] = {}
        for s in samples:
            by_key.setdefault(series_key(s.metric, s.labels), []).append(s)
        for key, group in by_key.items():
            for k in range(0, len(group), self._size):
                value = _encoder.encode([_native(s) for s in group[k : k + self._size]])
                self._producer.send_waiting(Record(self._topic, value, str(key).encode(), headers=self._headers))
        self._producer.poll(0.0)

    def finish(self) -> None:
        """Wait for every acknowledgement; raises BusUnavailable."""
        self._producer.flush(60.0)


class ToHttp:
    """Bundles as gzip JSON to an ingest URL; retries what is 503."""

    def __init__(self, url: str, key: str, history: bool) -> None:
        if not url.startswith(("http://", "https://")):
            raise Refused(f"{url} is no http(s) address")
        self._url = url
        self._headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Authorization": f"Bearer {key}"}
        if history:
            self._headers[HISTORY_HEADER] = "1"

    def send(self, samples: list[FileSample]) -> None:
        """Post a bundle; returns when it was acknowledged."""
        body = gzip.compress(_encoder.encode([_native(s) for s in samples]), 1)
        for _ in range(12):
            request = urllib.request.Request(self._url, body, self._headers)  # noqa: S310 - the scheme was checked
            try:
                with urllib.request.urlopen(request, timeout=30.0):  # noqa: S310 - as above
                    return
            except urllib.error.HTTPError as x:
                if x.code != 503:
                    raise Refused(f"{self._url} answered {x.code}: {x.read(2_000).decode(errors='replace')}") from x
                time.sleep(float(x.headers.get("Retry-After", "5")))
            except OSError as x:
                raise BusUnavailable(f"{self._url} did not answer: {x}") from x
        raise BusUnavailable(f"{self._url} was busy for a minute")

    def finish(self) -> None:
        """Nothing is left: every bundle was acknowledged."""


@lru_cache(maxsize=100_000)
def series_key(metric: str, labels: tuple[tuple[str, str], ...]) -> int:
    """The same for every sample of a series, in every process."""
    return crc32(repr((metric, labels)).encode()) % KEYS


def bundles(samples: Iterable[FileSample], most: int) -> Iterator[list[FileSample]]:
    """Samples in order, ``most`` at a time."""
    bundle: list[FileSample] = []
    for sample in samples:
        bundle.append(sample)
        if len(bundle) >= most:
            yield bundle
            bundle = []
    if bundle:
        yield bundle


def paced(
    samples: Iterable[FileSample], speed: float, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[list[FileSample]]:
    """Bundles at ``speed`` times the pace of their own time stamps; time stamps are kept. Older than the one before: at once."""
    start, first = now(), None
    bundle: list[FileSample] = []
    for sample in samples:
        first = sample.ts_ms if first is None else first
        due = start + (sample.ts_ms - first) / 1_000 / speed
        if bundle and (due > now() + BUNDLE_S or len(bundle) >= SAMPLES_A_MESSAGE):
            yield bundle
            bundle = []
            if due > now():
                sleep(due - now())
        bundle.append(sample)
    if bundle:
        yield bundle


def limited(
    samples: Iterable[FileSample], rate: float, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[list[FileSample]]:
    """Bundles at ``rate`` samples a second."""
    start, sent = now(), 0
    for bundle in bundles(samples, max(1, min(SAMPLES_A_MESSAGE, round(rate * BUNDLE_S)))):
        ahead = start + sent / rate - now()
        if ahead > 0:
            sleep(ahead)
        yield bundle
        sent += len(bundle)


def send_all(parts: Iterable[list[FileSample]], way: Way) -> Sent:
    """Send every bundle and return when all are acknowledged; raises BusUnavailable, Refused."""
    sent = Sent()
    for bundle in parts:
        way.send(bundle)
        sent.count(bundle)
    way.finish()
    return sent


def _native(s: FileSample) -> SampleIn:
    ts = s.ts_ms if s.ts_ms >= SECONDS_BELOW else s.ts_ms / 1_000  # small numbers would be read as seconds
    return SampleIn(s.metric, s.value, ts, dict(s.labels))
