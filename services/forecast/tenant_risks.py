"""All risks of the tenants of one findings partition that come from rollups and events: objectives, tickets, incidents."""

from __future__ import annotations

from collections import Counter

import msgspec

from kizashi.contracts.batches import RollupBatch
from kizashi.contracts.findings import Episode, Risk
from kizashi.contracts.inputs import Event
from kizashi.contracts.objective import Objective
from kizashi.errors import Damaged
from services.forecast.config import MINUTE_MS
from services.forecast.incident_book import IncidentBook
from services.forecast.slo import SloBook
from services.forecast.ticket import Desk
from services.forecast.ticket_history import TicketHistory
from services.forecast.tickets import SOON_MS, TicketBook

MAX_EPISODES = 20_000
AHEAD_MS = 5 * MINUTE_MS
"""A sender's clock may be this much ahead of the moment its event was written; beyond it, the event does not move time."""
FOR_EVER_MS = 1 << 62


class _Saved(msgspec.Struct, array_like=True):
    slo: bytes
    tickets: dict[str, bytes]
    history: dict[str, bytes]
    incidents: dict[str, bytes]
    episodes: dict[str, tuple[str, str]]
    now_ms: int


class TenantRisks:
    """Feed it the messages of one partition in order and take the risks with ``drain``. Time comes from rollups and events."""

    def __init__(self) -> None:
        self.slo = SloBook()
        self.tickets: dict[str, TicketBook] = {}
        self.history: dict[str, TicketHistory] = {}
        self.incidents: dict[str, IncidentBook] = {}
        self.now_ms = 0
        self._episodes: dict[str, tuple[str, str]] = {}
        self._risks: list[Risk] = []

    def set_objective(self, tenant: str, id_: str, objective: Objective | None) -> None:
        """Make, change or (None) delete an objective."""
        if (last := self.slo.configure(tenant, id_, objective)) is not None:
            self._risks.append(last)

    def set_desk(self, tenant: str, desk: Desk) -> None:
        """Replace the promises and calendars of a tenant's tickets."""
        self._tickets(tenant).configure(desk)
        self._history(tenant).configure(desk)

    def learn_rollup(self, batch: RollupBatch) -> None:
        """Count a rollup for the objectives that watch its series."""
        self.slo.learn(batch)
        now_ms = batch.start_ms + batch.step_ms
        self._tell_objectives(self.slo.advance(now_ms))
        self.advance(now_ms)

    def settle(self) -> None:
        """No rollup has come for a while: what was counted for objectives since they were judged, and what came of tickets, is judged."""
        self._tell_objectives(self.slo.settle())
        self._look_at_tickets(self.now_ms + SOON_MS)

    def _tell_objectives(self, risks: list[Risk]) -> None:
        for risk in risks:
            if risk.firing:
                self._incidents(risk.tenant).note(risk.entity, "burn", risk.made_at_ms)
        self._risks += risks

    def learn_event(self, event: Event, written_ms: int = FOR_EVER_MS) -> None:
        """Tickets, incidents and changes; other events are not ours. ``written_ms`` is when it came to the log. Raises InvalidMessage."""
        if event.type == "past_ticket":
            self._history(event.tenant).take(event)
            return
        if event.type == "ticket" or (event.type == "incident" and "priority" in event.attributes):
            tickets = self._tickets(event.tenant)
            self._risks += tickets.take(event)
            if event.ts_ms < self.now_ms - MINUTE_MS:
                tickets.look_soon(self.now_ms)
        if event.type == "incident":
            started = event.attributes.get("opened_ms", event.ts_ms)
            at = int(started) if isinstance(started, int | float) and not isinstance(started, bool) else event.ts_ms
            self._incidents(event.tenant).incident(event.entity, event.id, at)
        elif event.type == "change":
            self._incidents(event.tenant).note(event.entity, "change", event.ts_ms)
        if event.ts_ms <= written_ms + AHEAD_MS:
            self.advance(event.ts_ms)

    def learn_episode(self, episode: Episode) -> None:
        """An anomaly that just opened is live evidence for its service, and for the tickets about it while it lasts."""
        entity = episode.labels.get("service") or episode.labels.get("host") or episode.metric
        if episode.state == "closed":
            self._episodes.pop(episode.id, None)
        elif episode.id not in self._episodes:
            self._episodes[episode.id] = (episode.tenant, entity)
            if len(self._episodes) > MAX_EPISODES:
                del self._episodes[next(iter(self._episodes))]
            self._incidents(episode.tenant).note(entity, "anomaly", episode.opened_ms)

    def drain(self) -> list[Risk]:
        """Risks since the last drain."""
        out, self._risks = self._risks, []
        return out

    def advance(self, now_ms: int) -> None:
        """Time goes on for tickets and incidents."""
        if now_ms <= self.now_ms:
            return
        self.now_ms = now_ms
        self._look_at_tickets(now_ms)
        for incidents in self.incidents.values():
            self._risks += incidents.advance(now_ms)

    def _look_at_tickets(self, now_ms: int) -> None:
        for tenant, tickets in self.tickets.items():
            if tickets.due(now_ms):
                anomalies = Counter(entity for t, entity in self._episodes.values() if t == tenant)
                self._risks += tickets.advance(now_ms, anomalies)

    def _tickets(self, tenant: str) -> TicketBook:
        return self.tickets.setdefault(tenant, TicketBook(tenant))

    def _history(self, tenant: str) -> TicketHistory:
        if tenant not in self.history:
            self.history[tenant] = TicketHistory(live := self._tickets(tenant))
            self.history[tenant].configure(live.desk)
        return self.history[tenant]

    def _incidents(self, tenant: str) -> IncidentBook:
        return self.incidents.setdefault(tenant, IncidentBook(tenant))

    def dump(self) -> bytes:
        """State as bytes; drain before."""
        tickets = {name: book.dump() for name, book in self.tickets.items()}
        history = {name: past.dump() for name, past in self.history.items()}
        incidents = {name: book.dump() for name, book in self.incidents.items()}
        return msgspec.msgpack.encode(_Saved(self.slo.dump(), tickets, history, incidents, self._episodes, self.now_ms))

    @classmethod
    def load(cls, data: bytes) -> TenantRisks:
        """Inverse of ``dump``; raises Damaged."""
        out = cls()
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"the state of the risks is not readable: {x}") from x
        out.slo, out.now_ms, out._episodes = SloBook.load(saved.slo), saved.now_ms, saved.episodes
        out.tickets = {name: TicketBook.load(raw, name) for name, raw in saved.tickets.items()}
        for name, raw in saved.history.items():
            out.history[name] = TicketHistory.load(raw, out._tickets(name))
        out.incidents = {name: IncidentBook.load(raw, name) for name, raw in saved.incidents.items()}
        return out
