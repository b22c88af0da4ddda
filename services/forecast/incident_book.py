"""Incident probabilities of the services of one tenant, for the next hour, day and week."""

from __future__ import annotations

import msgspec

from kizashi.contracts.findings import Factor, Risk
from kizashi.contracts.ids import finding_id
from kizashi.errors import Damaged
from services.forecast.hazard import Hazard

HORIZONS_S = {"1h": 3600.0, "1d": 86_400.0, "7d": 604_800.0}
EVERY_MS = 3_600_000
MAX_ENTITIES = 5_000


class IncidentBook:
    """One hazard for each entity that ever had an incident, and each horizon."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.hazards: dict[str, dict[str, Hazard]] = {}
        self._seen: dict[str, None] = {}
        self._versions: dict[str, int] = {}
        self._told_ms = 0

    def incident(self, entity: str, id_: str, start_ms: int) -> None:
        """A reported incident started; the same id counts once."""
        if id_ in self._seen or (entity not in self.hazards and len(self.hazards) >= MAX_ENTITIES):
            return
        self._seen[id_] = None
        while len(self._seen) > 10 * MAX_ENTITIES:
            del self._seen[next(iter(self._seen))]
        for hazard in self.hazards.setdefault(entity, {name: Hazard(s) for name, s in HORIZONS_S.items()}).values():
            hazard.incident(start_ms / 1000.0)

    def note(self, entity: str, kind: str, at_ms: int, amount: float = 1.0) -> None:
        """Live evidence (``anomaly``, ``change``, ``burn``) for an entity that is known."""
        for hazard in self.hazards.get(entity, {}).values():
            hazard.note(kind, at_ms / 1000.0, amount)

    def advance(self, now_ms: int) -> list[Risk]:
        """Once an hour, the probabilities of every entity and horizon; None in a risk means that the model abstains."""
        if now_ms - self._told_ms < EVERY_MS:
            return []
        self._told_ms = now_ms
        return [self._risk(entity, name, now_ms) for entity in sorted(self.hazards) for name in HORIZONS_S]

    def _risk(self, entity: str, name: str, now_ms: int) -> Risk:
        hazard = self.hazards[entity][name]
        answer = hazard.ask(now_ms / 1000.0)
        key = finding_id("incident-risk", self.tenant, entity, name)
        version = self._versions[key] = self._versions.get(key, 0) + 1
        record = f"skill {hazard.record.skill:.2f} over {hazard.record.answers} answered questions"
        return Risk(
            id=key,
            version=version,
            tenant=self.tenant,
            entity=entity,
            kind="incident",
            made_at_ms=now_ms,
            title=f"incident within {name}",
            horizon_s=int(HORIZONS_S[name]),
            probability=answer.probability,
            reason=answer.reason,
            threshold=answer.base,
            factors=[Factor(factor, part) for factor, part in answer.factors] + [Factor("track record", hazard.record.skill, record)],
        )

    def dump(self) -> bytes:
        """State as bytes."""
        hazards = {e: {name: h.dump() for name, h in by.items()} for e, by in self.hazards.items()}
        return msgspec.msgpack.encode((hazards, list(self._seen), self._versions, self._told_ms))

    @classmethod
    def load(cls, data: bytes, tenant: str) -> IncidentBook:
        """Inverse of ``dump``; raises Damaged."""
        out = cls(tenant)
        try:
            hazards, seen, out._versions, out._told_ms = msgspec.msgpack.decode(
                data, type=tuple[dict[str, dict[str, bytes]], list[str], dict[str, int], int]
            )
            out.hazards = {e: {name: Hazard.load(raw, HORIZONS_S[name]) for name, raw in by.items()} for e, by in hazards.items()}
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError, KeyError) as x:
            raise Damaged(f"the state of the incident probabilities is not readable: {x}") from x
        out._seen = dict.fromkeys(seen)
        return out
