"""Which series this process knows: from the raw bytes of a sample to a slot, its id and its partition, within limits.

A series id is computed from the series itself, so nobody has to be asked; what is kept here is only a cache, the
limits, and the memory of what was announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.ids import series_id, series_partition
from kizashi.errors import InvalidMessage
from services.ingest.decode import Sample
from services.ingest.settings import IngestLimits

NAME, LABELS, SERIES_LIMIT, SERIES_RATE = -1, -2, -3, -4
REASONS = {NAME: "name", LABELS: "labels", SERIES_LIMIT: "series_limit", SERIES_RATE: "series_rate"}
SPELLINGS_A_SERIES = 4
"""Labels in another order or spacing are another spelling of the same series; a sender has one, hostile ones many."""

_labels = msgspec.json.Decoder(dict[str, str])


def decode_labels(raw: msgspec.Raw) -> dict[str, str]:
    """Labels of a sample; raises InvalidMessage."""
    try:
        return _labels.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as x:
        raise InvalidMessage(f"labels must be an object with text values: {x}", "schema") from x


class TokenBucket:
    """At most ``rate`` a second in the long run, ``burst`` at once.

    >>> bucket = TokenBucket(rate=10.0, burst=2)
    >>> [bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(100)]
    [True, True, False, True]
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at_ms = float(burst), 0

    def take(self, now_ms: int) -> bool:
        """One token at this time, if there is one."""
        self._left = min(self._burst, self._left + max(0, now_ms - self._at_ms) * self._rate / 1_000)
        self._at_ms = max(self._at_ms, now_ms)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class _Tenant:
    """One tenant's cache: raw key → slot, id → slot, and its allowance of new series."""

    def __init__(self, limits: IngestLimits) -> None:
        self.spellings: dict[tuple[str, bytes], int] = {}
        self.by_id: dict[int, int] = {}
        self.new = TokenBucket(limits.new_series_per_s, limits.new_series_burst)
        self.swept_ms = 0


class SeriesRegistry:
    """Slots of all tenants. Columns by slot: ``ids`` u64, ``partitions`` i32, ``announced`` bool, ``seen_ms`` i64.

    ``known`` are ids that the series topic holds already: after a restart they are not new again.
    """

    def __init__(self, partitions: int, limits: IngestLimits, known: Iterable[int] = ()) -> None:
        self._count, self._limits = partitions, limits
        self._known = set(known)
        self._tenants: dict[str, _Tenant] = {}
        self._free: list[int] = []
        self._used = 0
        self.infos: list[SeriesInfo | None] = []
        self.ids = np.zeros(0, np.uint64)
        self.partitions = np.zeros(0, np.int32)
        self.announced = np.zeros(0, bool)
        self.seen_ms = np.zeros(0, np.int64)

    def slots(self, tenant: str, samples: Sequence[Sample], now_ms: int) -> NDArray[np.int64]:
        """Slot of each sample (n,), or a negative reason code (``REASONS``). 0.15 µs a sample when all are known."""
        home = self._tenants.get(tenant) or self._tenants.setdefault(tenant, _Tenant(self._limits))
        get = home.spellings.get
        found = [get((s.metric, bytes(s.labels))) for s in samples]
        if None in found:
            found = [self._slot(tenant, home, s, now_ms) if f is None else f for f, s in zip(found, samples, strict=True)]
        slots = np.array(found, np.int64)
        self.seen_ms[slots[slots >= 0]] = now_ms
        return slots

    def is_known(self, series: int) -> bool:
        """True when the series topic holds this id already; from now on it does."""
        known = series in self._known
        self._known.add(series)
        return known

    @property
    def active(self) -> int:
        """Series with a slot, of all tenants."""
        return self._used - len(self._free)

    def _slot(self, tenant: str, home: _Tenant, sample: Sample, now_ms: int) -> int:
        key = (sample.metric, bytes(sample.labels))
        if (again := home.spellings.get(key)) is not None:  # twice in one message
            return again
        labels = self._checked(sample)
        if isinstance(labels, int):
            return labels
        series = series_id(tenant, sample.metric, labels)
        slot = home.by_id.get(series)
        if slot is None:
            if len(home.by_id) >= self._limits.active_series and not self._swept(home, now_ms):
                return SERIES_LIMIT
            if series not in self._known and not home.new.take(now_ms):
                return SERIES_RATE
            slot = home.by_id[series] = self._take_slot()
            self._fill(slot, SeriesInfo(series, tenant, sample.metric, labels, sample.unit, sample.kind), now_ms)
        if len(home.spellings) >= SPELLINGS_A_SERIES * self._limits.active_series:
            home.spellings.clear()
        home.spellings[key] = slot
        return slot

    def _checked(self, sample: Sample) -> dict[str, str] | int:
        if not self._name_ok(sample.metric) or not self._text_ok(sample.unit, self._limits.unit_bytes):
            return NAME
        try:
            labels = decode_labels(sample.labels)
        except InvalidMessage:
            return LABELS
        good = len(labels) <= self._limits.labels and all(
            self._name_ok(k) and self._text_ok(v, self._limits.label_value_bytes) for k, v in labels.items()
        )
        return labels if good else LABELS

    def _name_ok(self, name: str) -> bool:
        return bool(name) and name.strip() == name and self._text_ok(name, self._limits.name_bytes)

    def _text_ok(self, text: str, most: int) -> bool:
        if len(text) > most or not text.isprintable():
            return text == ""
        return len(text.encode()) <= most  # printable text holds no lone surrogates

    def _take_slot(self) -> int:
        if self._free:
            return self._free.pop()
        if self._used == len(self.ids):
            size = max(1_024, 2 * self._used)
            for name in ("ids", "partitions", "announced", "seen_ms"):
                old = getattr(self, name)
                grown = np.zeros(size, old.dtype)
                grown[: self._used] = old
                setattr(self, name, grown)
            self.infos.extend([None] * (size - self._used))
        self._used += 1
        return self._used - 1

    def _fill(self, slot: int, info: SeriesInfo, now_ms: int) -> None:
        self.ids[slot] = info.id
        self.partitions[slot] = series_partition(info.id, self._count)
        self.announced[slot] = False
        self.seen_ms[slot] = now_ms
        self.infos[slot] = info

    def _swept(self, home: _Tenant, now_ms: int) -> bool:
        """Free the slots of series silent for long; at most once a minute. True when there is room now."""
        if now_ms - home.swept_ms < 60_000:
            return False
        home.swept_ms = now_ms
        gone = {i: s for i, s in home.by_id.items() if now_ms - self.seen_ms[s] > self._limits.idle_ms}
        if not gone:
            return False
        slots = set(gone.values())
        home.spellings = {k: s for k, s in home.spellings.items() if s not in slots}
        for series, slot in gone.items():
            del home.by_id[series]
            self.infos[slot] = None
            self._free.append(slot)
        return True
