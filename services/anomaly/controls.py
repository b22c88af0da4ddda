"""What people configured and said, folded in the order of the log into what the bank of one partition does.

Configuration arrives as signed changes; the first change that names a version wins, as everywhere in the house. A change that cannot be
read, or is not signed, changes nothing: the standing one stays in force.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kizashi.contracts import codec
from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.findings import ConfigChange
from kizashi.contracts.maintenance import Calendar as MaintenanceCalendar
from kizashi.contracts.maintenance import maintenance_from
from kizashi.contracts.matchers import all_match
from kizashi.contracts.scoring import SERIES_KIND, TENANT_KIND, Scoring, Sensitivity, scoring_from, sensitivity_from
from kizashi.errors import ConfigurationError, InvalidMessage
from kizashi.stream.config import verified
from services.anomaly.bank import Bank
from services.anomaly.civil import public_holidays

MAINTENANCE = "maintenance"
KINDS = frozenset({TENANT_KIND, SERIES_KIND, MAINTENANCE})
QUIET_EVERY_MS = 1_000
"""How often, by the log's clock, it is asked whether a maintenance window has begun."""


class Standing(msgspec.Struct, array_like=True):
    """The newest accepted change of one object; ``body`` None means deleted."""

    tenant: str
    kind: str
    id: str
    version: int
    body: dict[str, Any] | None


class Controls:
    """Standing configuration of every tenant. ``key`` checks signatures; without one no change is accepted."""

    def __init__(self, key: bytes = b"", standing: list[Standing] | None = None) -> None:
        self._key = key
        self._standing: dict[tuple[str, str, str], Standing] = {(s.tenant, s.kind, s.id): s for s in standing or []}
        self._calendars: dict[str, MaintenanceCalendar] = {}
        self._asked_ms = 0
        for s in self._standing.values():
            self._plan(s)

    def take(self, data: bytes, bank: Bank) -> bool:
        """Fold one record of the configuration topic; whether something changed. Raises InvalidMessage for one that cannot be."""
        change = codec.decode(data, ConfigChange)
        if change.kind not in KINDS or not self._key or not verified(change, self._key):
            return False
        place = (change.tenant, change.kind, change.id)
        before = self._standing.get(place)
        if change.based_on != (before.version if before else 0):
            return False
        try:
            if change.body is not None:
                self._decoded(change.kind, change.body)
        except ConfigurationError as x:
            raise InvalidMessage(f"{change.kind} {change.id}: {x}", "configuration") from x
        new = Standing(change.tenant, change.kind, change.id, change.based_on + 1, change.body)
        self._standing[place] = new
        if change.kind == MAINTENANCE:
            self._plan(new)
            self._asked_ms = 0
            for info in (i for i in bank.infos.values() if i.tenant == change.tenant):
                bank.keep_quiet(info.id, 0)
        else:
            self.apply(bank)
        return True

    def keep_quiet(self, now_ms: int, bank: Bank) -> None:
        """Series in a maintenance window that holds now stay quiet until it ends."""
        if not self._calendars or now_ms - self._asked_ms < QUIET_EVERY_MS:
            return
        self._asked_ms = now_ms
        for tenant, calendar in self._calendars.items():
            windows = [(m, calendar.next_window(id_, now_ms)) for id_, m in calendar.entries.items()]
            holding = [(m, w.end_ms) for m, w in windows if w.start_ms <= now_ms < w.end_ms]
            for info in bank.infos.values() if holding else ():
                ends = [end for m, end in holding if info.tenant == tenant and all_match(m.match, {**info.labels, "metric": info.metric})]
                if ends:
                    bank.keep_quiet(info.id, max(ends))

    def apply(self, bank: Bank) -> None:
        """Put what stands into force for every series that the bank knows."""
        self.set_calendars(bank)
        for info in list(bank.infos.values()):
            self.announce(info, bank)

    def set_calendars(self, bank: Bank) -> None:
        """Put the tenants' calendars and alarm rates into force; all that a restored bank needs, since rules are in its records."""
        for tenant in sorted({s.tenant for s in self._standing.values() if s.kind == TENANT_KIND}):
            found = self._of(TENANT_KIND, tenant)
            bank.set_calendar(tenant, scoring_from(found[-1].body or {}) if found else Scoring())

    def announce(self, info: SeriesInfo, bank: Bank) -> None:
        """A series is new, or the configuration is: the first rule in order of ids that matches it holds."""
        rules = self._of(SERIES_KIND, info.tenant)
        if not rules and not bank.ruled(info.id):
            return
        for standing in rules:
            rule = sensitivity_from(standing.body or {})
            if rule.matches(info.metric, info.labels):
                bank.set_rule(info.id, rule)
                return
        bank.set_rule(info.id, Sensitivity())

    def standing(self) -> list[Standing]:
        """What ``Controls(key, standing)`` continues from."""
        return list(self._standing.values())

    def _of(self, kind: str, tenant: str) -> list[Standing]:
        return sorted(
            (s for s in self._standing.values() if (s.kind, s.tenant) == (kind, tenant) and s.body is not None), key=lambda s: s.id
        )

    def _plan(self, s: Standing) -> None:
        if s.kind == MAINTENANCE:
            calendar = self._calendars.setdefault(s.tenant, MaintenanceCalendar())
            calendar.put(s.id, None if s.body is None else maintenance_from(s.body))

    def _decoded(self, kind: str, body: dict[str, Any]) -> None:
        if kind == SERIES_KIND:
            sensitivity_from(body)
        elif kind == MAINTENANCE:
            maintenance_from(body)
        else:
            public_holidays(scoring_from(body).country)
