"""All risks of the tenants of one findings partition that come from rollups and events: objectives, tickets, incidents."""

from __future__ import annotations

import msgspec

from kizashi.contracts.batches import RollupBatch
from kizashi.contracts.findings import Episode, Risk
from kizashi.contracts.inputs import Event
from kizashi.contracts.objective import Objective
from kizashi.errors import Damaged
from services.forecast.incident_book import IncidentBook
from services.forecast.slo import SloBook
from services.forecast.ticket import Desk
from services.forecast.tickets import TicketBook


class _Saved(msgspec.Struct, array_like=True):
    slo: bytes
    tickets: dict[str, bytes]
    incidents: dict[str, bytes]
    now_ms: int


class TenantRisks:
    """Feed it the messages of one partition in order and take the risks with ``drain``. Time comes from rollups and events."""

    def __init__(self) -> None:
        self.slo = SloBook()
        self.tickets: dict[str, TicketBook] = {}
        self.incidents: dict[str, IncidentBook] = {}
        self.now_ms = 0
        self._risks: list[Risk] = []

    def set_objective(self, tenant: str, id_: str, objective: Objective | None) -> None:
        """Make, change or (None) delete an objective."""
        self.slo.configure(tenant, id_, objective)

    def set_desk(self, tenant: str, desk: Desk) -> None:
        """Replace the promises and calendars of a tenant's tickets; after ``load`` they must be set again."""
        self._tickets(tenant).configure(desk)

    def learn_rollup(self, batch: RollupBatch) -> None:
        """Count a rollup for the objectives that watch its series."""
        self.slo.learn(batch)
        self._advance(batch.start_ms + batch.step_ms)

    def learn_event(self, event: Event) -> None:
        """Tickets, incidents and changes; other events are not ours. Raises InvalidMessage."""
        if event.type == "ticket":
            self._risks += self._tickets(event.tenant).take(event)
        elif event.type == "incident":
            started = event.attributes.get("opened_ms", event.ts_ms)
            at = int(started) if isinstance(started, int | float) and not isinstance(started, bool) else event.ts_ms
            self._incidents(event.tenant).incident(event.entity, event.id, at)
        elif event.type == "change":
            self._incidents(event.tenant).note(event.entity, "change", event.ts_ms)
        self._advance(event.ts_ms)

    def learn_episode(self, episode: Episode) -> None:
        """An anomaly that just opened is live evidence for its service."""
        if episode.version == 1:
            entity = episode.labels.get("service") or episode.labels.get("host") or episode.metric
            self._incidents(episode.tenant).note(entity, "anomaly", episode.opened_ms)

    def drain(self) -> list[Risk]:
        """Risks since the last drain."""
        out, self._risks = self._risks, []
        return out

    def _advance(self, now_ms: int) -> None:
        if now_ms <= self.now_ms:
            return
        self.now_ms = now_ms
        burning = self.slo.advance(now_ms)
        for risk in burning:
            if risk.firing:
                self._incidents(risk.tenant).note(risk.entity, "burn", now_ms)
        self._risks += burning
        for tickets in self.tickets.values():
            self._risks += tickets.advance(now_ms)
        for incidents in self.incidents.values():
            self._risks += incidents.advance(now_ms)

    def _tickets(self, tenant: str) -> TicketBook:
        return self.tickets.setdefault(tenant, TicketBook(tenant))

    def _incidents(self, tenant: str) -> IncidentBook:
        return self.incidents.setdefault(tenant, IncidentBook(tenant))

    def dump(self) -> bytes:
        """State as bytes; drain before."""
        tickets = {name: book.dump() for name, book in self.tickets.items()}
        incidents = {name: book.dump() for name, book in self.incidents.items()}
        return msgspec.msgpack.encode(_Saved(self.slo.dump(), tickets, incidents, self.now_ms))

    @classmethod
    def load(cls, data: bytes) -> TenantRisks:
        """Inverse of ``dump``; raises Damaged."""
        out = cls()
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"the state of the risks is not readable: {x}") from x
        out.slo, out.now_ms = SloBook.load(saved.slo), saved.now_ms
        out.tickets = {name: TicketBook.load(raw, name) for name, raw in saved.tickets.items()}
        out.incidents = {name: IncidentBook.load(raw, name) for name, raw in saved.incidents.items()}
        return out
