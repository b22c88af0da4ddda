"""How much an incident matters: the share of users, service-level promises and open tickets inside its blast radius.

Users enter where nobody calls: an entity of the map without callers. Their share is Σ p·requests over those entry points, over Σ requests
of all of them, p the chance that the entry point is hit. A promise is inside when its entity is hit with at least ``INSIDE``. Each share
counts against all that is known of the tenant; without any, it is not given. Promises come from risks, as the newest statement of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from kizashi.contracts.findings import Affected, Impact, Risk

INSIDE = 0.42
"""The same probability from which an entity is named in the prediction (``blast.PREDICT_FROM``)."""
MAX_PROMISES = 5_000
LISTED = 50


class Promise(msgspec.Struct, frozen=True):
    """What rca keeps of an objective or a ticket."""

    id: str
    version: int
    entity: str
    kind: str
    title: str
    firing: bool


class Promises(msgspec.Struct):
    """Objectives and open tickets of one tenant by risk id, newest ``MAX_PROMISES``."""

    known: dict[str, Promise] = {}

    def note(self, r: Risk) -> None:
        """Keep the newest statement; what was deleted, resolved or answered is no promise any more."""
        if r.kind not in ("slo", "ticket"):
            return
        old = self.known.get(r.id)
        if old is not None and old.version >= r.version:
            return
        if r.reason in ("deleted", "resolved", "acknowledged"):
            self.known.pop(r.id, None)
            return
        self.known[r.id] = Promise(r.id, r.version, r.entity, r.kind, r.title, r.firing)
        if len(self.known) > MAX_PROMISES:
            del self.known[next(iter(self.known))]

    def inside(self, kind: str, hit: Mapping[str, float]) -> tuple[list[str], int]:
        """Titles of the promises of a kind whose entity is hit, in order, and how many there are of that kind."""
        mine = [p for p in self.known.values() if p.kind == kind]
        return sorted({p.title or p.id for p in mine if hit.get(p.entity, 0.0) >= INSIDE}), len({p.title or p.id for p in mine})


def impact(cause: str, affected: Iterable[Affected], entry_requests: Mapping[str, float], promises: Promises) -> Impact:
    """Shares of an incident whose cause is ``cause`` (empty: unknown); ``entry_requests``: requests of every entry point."""
    hit = {a.entity: a.probability for a in affected} | ({cause: 1.0} if cause else {})
    total = sum(entry_requests.values())
    users = sum(n * hit.get(e, 0.0) for e, n in sorted(entry_requests.items())) / total if total > 0 else None
    (slos, of_slos), (tickets, of_tickets) = (promises.inside(kind, hit) for kind in ("slo", "ticket"))
    return Impact(
        None if users is None else round(users, 4),
        slos[:LISTED], round(len(slos) / of_slos, 4) if of_slos else None,
        tickets[:LISTED], round(len(tickets) / of_tickets, 4) if of_tickets else None,
    )  # fmt: skip
