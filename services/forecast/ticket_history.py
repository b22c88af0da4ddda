"""Tickets of long ago, replayed in their own time to teach the models of the desk; nobody is told of them."""

from __future__ import annotations

import msgspec

from kizashi.contracts.inputs import Event
from kizashi.errors import Damaged
from services.forecast.config import HOUR_MS
from services.forecast.ticket import CLOSED, Desk
from services.forecast.tickets import TicketBook

LOOK_MS = HOUR_MS
"""The replayed desk is looked at once an hour: each tenth of a promise of a working day is asked about."""
LONGEST_GAP_MS = 30 * 24 * HOUR_MS
MAX_LEARNED = 100_000


class _Saved(msgspec.Struct, array_like=True):
    book: bytes
    learned: list[str]
    now_ms: int


class TicketHistory:
    """Teaches the models of ``live`` from past tickets, in the order in which they come. A ticket known by its id is learned once."""

    def __init__(self, live: TicketBook) -> None:
        self._live = live
        self._book = TicketBook(live.tenant, live.resolve, live.respond)
        self._learned: dict[str, None] = {}
        self._now_ms = 0

    def configure(self, desk: Desk) -> None:
        """Replace promises and calendars."""
        self._book.configure(desk)

    def take(self, event: Event) -> None:
        """One event of a past ticket; raises InvalidMessage."""
        known = event.id in self._learned or event.id in self._live.open or event.id in self._live.done
        if known:
            return
        if self._now_ms and event.ts_ms - self._now_ms <= LONGEST_GAP_MS:
            for now_ms in range(self._now_ms + LOOK_MS, event.ts_ms, LOOK_MS):
                self._book.advance(now_ms)
        self._now_ms = max(self._now_ms, event.ts_ms // LOOK_MS * LOOK_MS)
        self._book.take(event)
        if "resolved_ms" in event.attributes or str(event.attributes.get("state", "")).lower() in CLOSED:
            self._learned[event.id] = None
            if len(self._learned) > MAX_LEARNED:
                del self._learned[next(iter(self._learned))]

    def dump(self) -> bytes:
        """State as bytes."""
        return msgspec.msgpack.encode(_Saved(self._book.dump(), list(self._learned), self._now_ms))

    @classmethod
    def load(cls, data: bytes, live: TicketBook) -> TicketHistory:
        """Inverse of ``dump``; the models are those of ``live``. Raises Damaged."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"the replayed tickets are not readable: {x}") from x
        out = cls(live)
        out._book = TicketBook.load(saved.book, live.tenant)
        out._book.resolve, out._book.respond = live.resolve, live.respond
        out._learned, out._now_ms = dict.fromkeys(saved.learned), saved.now_ms
        return out
