"""Thresholds and absence on ten-second rollups: only the series that a rule names are looked at, all of a batch at once.

The clock of absence is the tenant's own buckets: it stands still while a whole house is silent or a backlog is read, and then says nothing.
That everything is silent is said by the model's own silences and by the dead man's switch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.ids import format_series_id
from services.alerting.conditions import Signal, entity_of, labels_for, severity_for, texts_for
from services.alerting.matchers import all_match
from services.alerting.rules import AbsenceRule, AnyRule, ThresholdRule

MAX_NAMES = 100_000
"""Series that may be named by a rule later; those of a tenant beyond it are not watched, and counted."""


class Name(msgspec.Struct, array_like=True):
    """What a series id means."""

    metric: str
    labels: dict[str, str]


class Cell(msgspec.Struct, array_like=True):
    """One series under one rule: whether the condition holds, and the newest bucket seen."""

    active: bool = False
    last_ms: int = 0
    value: float = 0.0


class Watch:
    """All threshold and absence rules of a tenant."""

    def __init__(self) -> None:
        self.names: dict[int, Name] = {}
        self.cells: dict[str, dict[int, Cell]] = {}
        """Rule → series → state."""
        self.now_ms = 0
        """End of the newest bucket."""
        self.settled_ms = 0
        """End of the bucket before it: of that every series has been told, also after a pause of the whole house."""
        self.unnamed = 0
        self._rules: dict[str, ThresholdRule | AbsenceRule] = {}
        self._watched: dict[int, list[str]] = {}
        self._ids = np.zeros(0, np.uint64)
        self._stale = False
        self._kept = b""

    def use(self, rules: Mapping[str, AnyRule]) -> None:
        """The rules that count from now on; states of rules that are gone are forgotten."""
        self._rules = {i: r for i, r in rules.items() if isinstance(r, ThresholdRule | AbsenceRule) and r.enabled}
        self._watched = {}
        for series, name in self.names.items():
            self._look(series, name)
        self.cells = {i: {s: c for s, c in self.cells.get(i, {}).items() if i in self._watched.get(s, ())} for i in self._rules}
        self._stale = True

    def series(self, info: SeriesInfo) -> None:
        """Learn what a series id means."""
        if info.id in self.names:
            return
        if len(self.names) >= MAX_NAMES:
            self.unnamed += 1
            return
        name = self.names[info.id] = Name(info.metric, info.labels)
        self._kept = b""
        self._look(info.id, name)
        self._stale = True

    def rollup(self, b: RollupBatch) -> Iterator[Signal]:
        """Signals of one batch; buckets not newer than the last of their series are skipped."""
        at_ms = b.start_ms + b.step_ms
        if at_ms > self.now_ms:
            self.settled_ms, self.now_ms = self.now_ms, at_ms
        if not self._watched:
            return
        if self._stale:
            self._ids, self._stale = np.array(sorted(self._watched), np.uint64), False
        for k in np.flatnonzero(np.isin(b.ids, self._ids)):
            series = int(b.ids[k])
            for rule_id in self._watched[series]:
                cell = self.cells.setdefault(rule_id, {}).setdefault(series, Cell())
                if at_ms <= cell.last_ms:
                    continue
                cell.last_ms = at_ms
                rule = self._rules[rule_id]
                if isinstance(rule, ThresholdRule):
                    cell.value = float({"mean": b.mean, "low": b.low, "high": b.high}[rule.of][k])
                    yield from self._judge(rule_id, rule, series, cell)
                elif cell.active:
                    cell.active = False
                    yield Signal(rule_id, format_series_id(series), format_series_id(series), False, at_ms)

    def absent(self) -> Iterator[Signal]:
        """Signals of series that have gone silent; call when time has passed."""
        for rule_id, rule in self._rules.items():
            if not isinstance(rule, AbsenceRule):
                continue
            gone: list[int] = []
            for series, cell in self.cells.get(rule_id, {}).items():
                silent_s = (self.settled_ms - cell.last_ms) / 1000
                if silent_s >= rule.forget_s:
                    gone.append(series)
                if silent_s >= rule.after_s and not cell.active and silent_s < rule.forget_s:
                    cell.active = True
                    yield self._signal(rule_id, rule, series, self.settled_ms, f"silent for {silent_s:.0f} s", None)
            for series in gone:
                if self.cells[rule_id].pop(series).active:
                    yield Signal(rule_id, format_series_id(series), format_series_id(series), False, self.settled_ms)

    def dump_names(self) -> bytes:
        """The names as bytes, made again only after a new series: they are most of a state and hardly ever change."""
        if not self._kept:
            self._kept = msgspec.msgpack.encode(self.names)
        return self._kept

    def load_names(self, data: bytes) -> None:
        """Inverse of ``dump_names``; raises msgspec's errors."""
        self.names = msgspec.msgpack.decode(data, type=dict[int, Name])

    def _judge(self, rule_id: str, rule: ThresholdRule, series: int, cell: Cell) -> Iterator[Signal]:
        limit = rule.above if rule.above is not None else rule.below
        assert limit is not None
        clear = limit if rule.clear is None else rule.clear
        beyond = cell.value > limit if rule.above is not None else cell.value < limit
        back = cell.value <= clear if rule.above is not None else cell.value >= clear
        was, cell.active = cell.active, beyond or (cell.active and not back)
        if cell.active:
            side = "above" if rule.above is not None else "below"
            yield self._signal(rule_id, rule, series, cell.last_ms, f"{cell.value:.4g}, {side} {limit:g}", cell.value)
        elif was:
            yield Signal(rule_id, format_series_id(series), format_series_id(series), False, cell.last_ms)

    def _signal(self, rule_id: str, rule: ThresholdRule | AbsenceRule, series: int, at_ms: int, text: str, value: float | None) -> Signal:
        labels = labels_of(self.names[series])
        severity = severity_for(rule, "warning")
        values = {**labels, "value": "" if value is None else f"{value:.4g}"}
        title, notes = texts_for(rule, values, f"{labels['entity']}: {rule.metric} {text}", expected=text)
        limit = (rule.above if rule.above is not None else rule.below) if isinstance(rule, ThresholdRule) else None
        key = format_series_id(series)
        score = 1.0 if value is None or not limit else min(10.0, abs(value / limit) if rule_above(rule) else abs(limit / (value or limit)))
        return Signal(
            rule_id, key, key, True, at_ms, severity, title, labels_for(rule_id, rule, severity, labels), notes,
            value, None, None, limit, score, by_data=value is not None,
        )  # fmt: skip

    def _look(self, series: int, name: Name) -> None:
        found = [i for i, r in self._rules.items() if r.metric == name.metric and (not r.match or all_match(r.match, labels_of(name)))]
        if found:
            self._watched[series] = found


def rule_above(rule: ThresholdRule | AbsenceRule) -> bool:
    """Whether the rule looks upwards."""
    return isinstance(rule, ThresholdRule) and rule.above is not None


def labels_of(name: Name) -> dict[str, str]:
    """Labels that a rule on a series is matched with."""
    return {**name.labels, "metric": name.metric, "entity": entity_of(name.metric, name.labels), "kind": "series"}
