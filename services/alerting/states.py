"""The life of an alert: pending → firing → acknowledged → resolved; and flapping, which is one long alert instead of many short ones."""

from __future__ import annotations

from typing import Literal

import msgspec

from kizashi.contracts.findings import Alert, Severity
from kizashi.contracts.ids import finding_id
from services.alerting.conditions import Signal
from services.alerting.rules import rank

FLAP_COUNT = 4
"""So many starts of one rule and key …"""
FLAP_MS = 3_600_000
"""… within an hour are flapping: as in the episodes of the anomaly service."""
FLAP_QUIET_MS = 900_000
"""A flapping alert resolves after a quarter of an hour of rest."""
REFRESH_MS = 60_000
"""A firing alert whose value moves is published once a minute."""
MAX_REFS = 50
MAX_STARTS = 20_000
MAX_ALERTS = 50_000
"""Of one tenant at once; beyond it nothing new fires until some are over, and the number is shown."""


class Live(msgspec.Struct):
    """One alert. ``refs`` holds what says that its condition holds now; ``seen`` all that ever did."""

    id: str
    rule: str
    key: str
    state: Literal["pending", "firing", "acknowledged", "resolved"]
    severity: Severity
    title: str
    started_ms: int
    updated_ms: int
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    value: float | None = None
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    score: float = 0.0
    ended_ms: int | None = None
    until_ms: int = 0
    by_data: bool = False
    quiet_ms: int = 0
    """Since when the condition is gone while the alert still holds; 0: it is not gone."""
    refs: list[str] = []
    seen: list[str] = []
    flapping: bool = False
    held_back_by: str = ""
    held_by: str = ""
    """Which silence, window, inhibition or parent."""
    acknowledged_by: str = ""
    group: str = ""
    version: int = 0
    published_ms: int = 0
    series: str = ""
    series_name: str = ""

    @property
    def fires(self) -> bool:
        """Firing or acknowledged."""
        return self.state in ("firing", "acknowledged")

    def publish(self, tenant: str) -> Alert:
        """The next version, as the house sees it."""
        self.version += 1
        self.published_ms = self.updated_ms
        return Alert(
            id=self.id, version=self.version, tenant=tenant, state=self.state, rule=self.rule, severity=self.severity, title=self.title,
            started_ms=self.started_ms, updated_ms=self.updated_ms, ended_ms=self.ended_ms, group=self.group, labels=self.labels,
            annotations=self.annotations | ({"held_back": self.held_by} if self.held_by else {}), value=self.value,
            flapping=self.flapping, held_back_by=self.held_back_by, acknowledged_by=self.acknowledged_by, refs=list(self.seen),
        )  # fmt: skip


class AlertBook:
    """Every alert of a tenant that is not over and told. ``changed`` collects what is to be published, ``started`` and ``ended`` what is to
    be grouped."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.alerts: dict[str, Live] = {}
        """By id; resolved ones stay until ``forget``."""
        self.current: dict[str, str] = {}
        """Rule and key → id of the alert that is not over."""
        self.starts: dict[str, list[int]] = {}
        self.changed: dict[str, None] = {}
        self.started: list[Live] = []
        self.ended: list[Live] = []
        self.refused = 0

    def apply(self, s: Signal, for_s: float, keep_s: float, now_ms: int) -> None:
        """Take one signal. The same signal twice changes nothing."""
        place = f"{s.rule}\x1f{s.key}"
        live = self.alerts.get(self.current.get(place, ""))
        if s.active:
            if live is None and len(self.current) >= MAX_ALERTS:
                self.refused += 1
                return
            if live is None:
                live = self._begin(place, s, for_s, now_ms)
            self._hold(live, s, for_s, now_ms)
        elif live is not None and s.ref in live.refs:
            live.refs.remove(s.ref)
            if not live.refs:
                self._let_go(live, s.at_ms, keep_s, now_ms)

    def advance(self, now_ms: int, waits: dict[str, tuple[float, float]]) -> None:
        """Time has passed; ``waits`` has each rule's ``for_s`` and ``keep_s``."""
        for id_ in list(self.current.values()):
            live = self.alerts[id_]
            for_s, keep_s = waits.get(live.rule, (0.0, 0.0))
            if live.state == "pending" and not live.by_data and now_ms - live.started_ms >= for_s * 1000:
                self._fire(live, now_ms)
            if live.until_ms and now_ms >= live.until_ms:
                self._resolve(live, live.until_ms, now_ms)
            elif live.quiet_ms and now_ms - live.quiet_ms >= self._keep_ms(live, keep_s):
                self._resolve(live, live.quiet_ms, now_ms)

    def drop_rules(self, standing: set[str], now_ms: int) -> None:
        """Resolve the alerts of rules that are gone or switched off."""
        for id_ in list(self.current.values()):
            if self.alerts[id_].rule not in standing:
                self._resolve(self.alerts[id_], now_ms, now_ms)

    def acknowledge(self, live: Live, by: str, now_ms: int) -> None:
        """Somebody takes care; an acknowledgement lives as long as the alert. Empty ``by`` takes it back."""
        if by and live.fires and live.acknowledged_by != by:
            live.state, live.acknowledged_by = "acknowledged", by
        elif live.state == "acknowledged" and not by:
            live.state, live.acknowledged_by = "firing", ""
        else:
            return
        self.touch(live, now_ms)

    def hold_back(self, live: Live, gate: str, by: str, now_ms: int) -> None:
        """Note the gate that keeps an alert from being said; empty: none."""
        if (live.held_back_by, live.held_by) != (gate, by):
            live.held_back_by, live.held_by = gate, by
            self.touch(live, now_ms)

    def touch(self, live: Live, now_ms: int) -> None:
        """Publish it with the next drain."""
        live.updated_ms = max(live.updated_ms, now_ms)
        self.changed[live.id] = None

    def forget(self, alert_id: str) -> None:
        """A resolved alert that was told, or need not be, is kept no longer."""
        live = self.alerts.get(alert_id)
        if live is not None and live.state == "resolved" and alert_id not in self.changed:
            del self.alerts[alert_id]

    def take(self) -> list[Alert]:
        """What is to be published since the last call."""
        changed, self.changed = list(self.changed), {}
        return [self.alerts[i].publish(self.tenant) for i in changed if i in self.alerts]

    def find(self, target: str) -> list[Live]:
        """Alerts that a person means by an alert's id, its group, or the episode, incident or risk behind it."""
        if target in self.alerts:
            return [self.alerts[target]]
        return [a for a in self.alerts.values() if a.group == target or target in a.seen]

    def _begin(self, place: str, s: Signal, for_s: float, now_ms: int) -> Live:
        live = Live(
            finding_id("alert", self.tenant, s.rule, s.key, s.at_ms), s.rule, s.key, "pending", s.severity, s.title, s.at_ms, now_ms,
            until_ms=s.until_ms, by_data=s.by_data,
        )  # fmt: skip
        self.alerts[live.id] = live
        self.current[place] = live.id
        if for_s > 0:
            self.touch(live, now_ms)
        return live

    def _hold(self, live: Live, s: Signal, for_s: float, now_ms: int) -> None:
        """The condition holds: take over the newest numbers; severity only rises while an alert lives."""
        if live.quiet_ms:
            live.quiet_ms = 0
            self._count_start(live, s.at_ms)
        if s.ref not in live.refs:
            live.refs = [*live.refs, s.ref][-MAX_REFS:]
            live.seen = [*(r for r in live.seen if r != s.ref), s.ref][-MAX_REFS:]
        louder = rank(s.severity) > rank(live.severity)
        if live.state == "pending" or louder:
            live.severity = s.severity
        told = s.title != live.title and live.value is None
        live.title, live.labels, live.annotations = s.title, {**s.labels, "severity": live.severity}, s.annotations
        live.value, live.expected, live.lower, live.upper, live.score = s.value, s.expected, s.lower, s.upper, max(live.score, s.score)
        live.until_ms = max(live.until_ms, s.until_ms)
        if s.series:  # an incident that has none any more keeps the one that it was told with
            live.series, live.series_name = s.series, s.series_name
        if live.state == "pending" and (for_s <= 0 or (s.by_data and s.at_ms - live.started_ms >= for_s * 1000)):
            self._fire(live, now_ms)
        elif louder or told or now_ms - live.published_ms >= REFRESH_MS:
            self.touch(live, now_ms)
            if louder and live.fires:
                self.started.append(live)

    def _fire(self, live: Live, now_ms: int) -> None:
        live.state = "firing"
        self._count_start(live, live.started_ms)
        self.touch(live, now_ms)
        self.started.append(live)

    def _count_start(self, live: Live, at_ms: int) -> None:
        place = f"{live.rule}\x1f{live.key}"
        recent = [t for t in self.starts.pop(place, []) if t > at_ms - FLAP_MS and t != at_ms]
        self.starts[place] = [*recent, at_ms][-2 * FLAP_COUNT :]
        if len(self.starts) > MAX_STARTS:
            del self.starts[next(iter(self.starts))]
        if len(self.starts[place]) >= FLAP_COUNT and not live.flapping:
            live.flapping = True
            self.touch(live, at_ms)

    def _let_go(self, live: Live, at_ms: int, keep_s: float, now_ms: int) -> None:
        if live.state == "pending":
            self._drop_pending(live)
        elif self._keep_ms(live, keep_s) > 0:
            live.quiet_ms = max(1, at_ms)
        else:
            self._resolve(live, at_ms, now_ms)

    def _keep_ms(self, live: Live, keep_s: float) -> float:
        return max(keep_s * 1000, FLAP_QUIET_MS if live.flapping else 0)

    def _resolve(self, live: Live, at_ms: int, now_ms: int) -> None:
        if live.state == "pending":
            self._drop_pending(live)
            return
        live.state, live.ended_ms, live.refs = "resolved", max(at_ms, live.started_ms), []
        live.held_back_by = live.held_by = ""
        self.current.pop(f"{live.rule}\x1f{live.key}", None)
        self.touch(live, now_ms)
        self.ended.append(live)

    def _drop_pending(self, live: Live) -> None:
        """A pending alert whose condition went away was never one; if it was published as pending, its end is too."""
        self.current.pop(f"{live.rule}\x1f{live.key}", None)
        if live.version == 0:
            self.changed.pop(live.id, None)
            self.alerts.pop(live.id, None)
        else:
            live.state, live.ended_ms, live.refs, live.held_back_by = "resolved", live.updated_ms, [], "duration"
            self.touch(live, live.updated_ms)
            self.ended.append(live)
