"""Incident probabilities of the services of one tenant, for the next hour, day and week."""

from __future__ import annotations

import msgspec

from kizashi.contracts.findings import Factor, Risk
from kizashi.contracts.ids import finding_id
from kizashi.errors import Damaged
from services.forecast.hazard import Hazard

HORIZONS_S = {"1h": 3600.0, "1d": 86_400.0, "7d": 604_800.0}
EVERY_MS = 300_000
HOUR_MS = 3_600_000
MAX_ENTITIES = 5_000


class IncidentBook:
    """One hazard for each entity that ever had an incident, and each horizon."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.hazards: dict[str, dict[str, Hazard]] = {}
        self._seen: dict[str, None] = {}
        self._told: dict[str, tuple[int, str]] = {}
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
        """Every five minutes, the probabilities that moved by a point, and each hour all; None in a risk: the model abstains."""
        if now_ms - self._told_ms < EVERY_MS:
            return []
        self._told_ms = now_ms
        risks = [self._risk(entity, name, now_ms) for entity in sorted(self.hazards) for name in HORIZONS_S]
        return [r for r in risks if r is not None]

    def _risk(self, entity: str, name: str, now_ms: int) -> Risk | None:
        hazard = self.hazards[entity][name]
        answer = hazard.ask(now_ms / 1000.0)
        key = finding_id("incident-risk", self.tenant, entity, name)
        version, told = self._told.get(key, (0, ""))
        saying = f"{now_ms // HOUR_MS}|{-1 if answer.probability is None else round(100 * answer.probability)}"
        if saying == told:
            return None
        version += 1
        self._told[key] = (version, saying)
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
            factors=[
                *(Factor(factor, part) for factor, part in answer.factors),
                Factor("track record", hazard.record.skill, record),
                Factor("reliability", float(hazard.record.answers), _reliability(hazard.record.bins)),
            ],
        )

    def dump(self) -> bytes:
        """State as bytes."""
        hazards = {e: {name: h.dump() for name, h in by.items()} for e, by in self.hazards.items()}
        return msgspec.msgpack.encode((hazards, list(self._seen), self._told, self._told_ms))

    @classmethod
    def load(cls, data: bytes, tenant: str) -> IncidentBook:
        """Inverse of ``dump``; raises Damaged."""
        out = cls(tenant)
        try:
            hazards, seen, out._told, out._told_ms = msgspec.msgpack.decode(
                data, type=tuple[dict[str, dict[str, bytes]], list[str], dict[str, tuple[int, str]], int]
            )
            out.hazards = {e: {name: Hazard.load(raw, HORIZONS_S[name]) for name, raw in by.items()} for e, by in hazards.items()}
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError, KeyError) as x:
            raise Damaged(f"the state of the incident probabilities is not readable: {x}") from x
        out._seen = dict.fromkeys(seen)
        return out


def _reliability(bins: list[list[float]]) -> str:
    """``[[questions, mean probability, share with an incident], …]`` as JSON, of the tenths of probability that were ever said."""
    rows = [[int(n), round(p / n, 4), round(y / n, 4)] for n, p, y in bins if n]
    return msgspec.json.encode(rows).decode()
