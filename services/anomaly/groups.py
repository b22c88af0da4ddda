"""How much of a service or host is odd, and how often a tenant's series alarm: two rates out of rollups and episodes.

*Anomaly rate*: share of a group's living series that have an open episode, or scored at the boundary, in a bucket of ten seconds. It is
told as a series of its own (``kizashi.anomaly_rate`` with the label service or host), and so it is scored, charted, forecast and alerted
upon like any other.
*Alarms a series*: anomaly episodes for each series and the chosen time, over the last 14 days: what the calibration has achieved.

Buckets are closed by the tenant's own data, ``WAIT`` buckets later, so a replay tells the same values at the same times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Episode
from kizashi.contracts.ids import parse_series_id, series_id

RATE, ALARMS = "kizashi.anomaly_rate", "kizashi.alarms_per_series"
OWN = "kizashi."
"""Series about series are in no group."""
LABELS = ("service", "host")
LEAST = 3
"""Series a group needs: a share of one or two is no share."""
WAIT = 1
"""Buckets that may still be filled: partitions tell theirs within seconds of one another."""
LIVING_MS = 300_000
"""A series that has been silent for longer is not counted, unless its silence is an open episode."""
CALM_EVERY_MS, HOUR_MS, DAY_MS = 300_000, 3_600_000, 86_400_000
HOURS = 14 * 24
FORGET_MS = 7 * DAY_MS
STALE_MS = 120_000
"""Rollups that come so much after their time - a file is replayed, a partition catches up - come partition by partition, not together: a
share out of them would be one of some series only, so nothing is told."""
ALARMING = frozenset({"anomaly", "missing"})
"""Kinds that stay open for as long as they last; change points are told when they are over."""


class Told(msgspec.Struct, array_like=True, frozen=True):
    """One value of a series about series."""

    series: SeriesInfo
    ts_ms: int
    value: float
    new: bool
    """First time that it is told: its meaning has to be announced."""


class Saved(msgspec.Struct, array_like=True):
    """State of one tenant."""

    groups: dict[int, list[str]]
    seen: dict[int, int]
    open: dict[int, list[str]]
    buckets: dict[int, list[tuple[int, bool]]]
    closed_ms: int
    known: list[int]
    opened: dict[int, int]
    lived: dict[int, float]


class TenantGroups:
    """Groups and calibration of one tenant. A rollup of 10,000 series costs about 3 ms."""

    def __init__(self, tenant: str, saved: Saved | None = None) -> None:
        s = saved or Saved({}, {}, {}, {}, 0, [], {}, {})
        self.tenant = tenant
        self._groups, self._seen, self._open, self._buckets = s.groups, s.seen, s.open, s.buckets
        self._closed_ms, self._known, self._opened, self._lived = s.closed_ms, set(s.known), s.opened, s.lived

    def learn_series(self, info: SeriesInfo) -> None:
        """What a series id means."""
        if not info.metric.startswith(OWN):
            self._groups[info.id] = [f"{name}={info.labels[name]}" for name in LABELS if info.labels.get(name)]

    def learn_episode(self, e: Episode) -> None:
        """An episode opened or closed; repeats change nothing."""
        if e.kind not in ALARMING or e.metric.startswith(OWN):
            return
        series = parse_series_id(e.series_id)
        ids = self._open.setdefault(series, [])
        if e.state == "open" and e.id not in ids:
            ids.append(e.id)
            if e.kind == "anomaly" and e.version == 1:
                hour = e.opened_ms // HOUR_MS
                self._opened[hour] = self._opened.get(hour, 0) + 1
        elif e.state == "closed" and e.id in ids:
            ids.remove(e.id)
        if not ids:
            self._open.pop(series, None)

    def learn_rollup(self, batch: RollupBatch, written_ms: int = 0) -> list[Told]:
        """One message of rollups, written to the log at ``written_ms``; the values that are complete with it."""
        for info in batch.series:
            self.learn_series(info)
        start = batch.start_ms
        if written_ms - start > STALE_MS:
            return []
        if start > self._closed_ms:
            rows = self._buckets.setdefault(start, [])
            rows += zip(batch.ids.tolist(), (batch.worst >= 1.0).tolist(), strict=True)
        else:  # too late for its share, but the series are alive
            for series in (s for s in batch.ids.tolist() if s in self._groups):
                self._seen[series] = max(self._seen.get(series, 0), start)
        border = start - WAIT * batch.step_ms
        out: list[Told] = []
        for ripe in sorted(b for b in self._buckets if b <= border):
            out += self._close(ripe, batch.step_ms)
        return out

    def saved(self) -> Saved:
        """What ``TenantGroups(tenant, saved)`` continues from."""
        return Saved(self._groups, self._seen, self._open, self._buckets, self._closed_ms, sorted(self._known), self._opened, self._lived)

    def _close(self, start: int, step_ms: int) -> list[Told]:
        odd: set[int] = set()
        for series, over in self._buckets.pop(start):
            if series in self._groups:
                self._seen[series] = start
                if over:
                    odd.add(series)
        self._closed_ms = start
        living = {s for s, at in self._seen.items() if start - at <= LIVING_MS or s in self._open}
        out = list(self._rates(start, living, odd | self._open.keys()))
        hour = start // HOUR_MS
        self._lived[hour] = self._lived.get(hour, 0.0) + len(living) * step_ms / DAY_MS
        if start % CALM_EVERY_MS < step_ms:
            out += self._achieved(start, hour)
            self._forget(start, hour)
        return out

    def _rates(self, start: int, living: set[int], odd: set[int]) -> Iterator[Told]:
        total: dict[str, int] = {}
        count: dict[str, int] = {}
        for series in living:
            for group in self._groups[series]:
                total[group] = total.get(group, 0) + 1
                count[group] = count.get(group, 0) + (series in odd)
        for group in sorted(g for g, n in total.items() if n >= LEAST):
            name, _, value = group.partition("=")
            yield self._told(RATE, {name: value}, start, count[group] / total[group])

    def _achieved(self, start: int, hour: int) -> list[Told]:
        """Anomaly episodes a series in 14 days of life, over the last 14 days; after a day of life there is something to say."""
        lived = sum(v for h, v in self._lived.items() if h > hour - HOURS)
        opened = sum(v for h, v in self._opened.items() if h > hour - HOURS)
        return [self._told(ALARMS, {}, start, 14.0 * opened / lived)] if lived >= 1.0 else []

    def _told(self, metric: str, labels: Mapping[str, str], ts_ms: int, value: float) -> Told:
        id_ = series_id(self.tenant, metric, labels)
        new = id_ not in self._known
        self._known.add(id_)
        return Told(SeriesInfo(id_, self.tenant, metric, dict(labels), "1"), ts_ms, value, new)

    def _forget(self, start: int, hour: int) -> None:
        gone = [s for s, at in self._seen.items() if start - at > FORGET_MS]
        for series in gone:
            self._seen.pop(series), self._groups.pop(series, None), self._open.pop(series, None)
        for book in (self._opened, self._lived):
            for old in [h for h in book if h <= hour - HOURS]:
                book.pop(old)
