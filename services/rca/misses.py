"""The worst answers of the ranking, and which term of the score misled it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kizashi.contracts.accuracy import Answer, Miss
from services.rca.case_score import answer_of
from services.rca.petshop import issues
from services.rca.ranking import Ranking
from services.rca.simulate_case import MAKES, Case, make_case

MOST = 10


class _Said(msgspec.Struct):
    name: str
    score: float
    terms: dict[str, float]


class _Answer(msgspec.Struct):
    verdict: str
    reason: str
    services: list[_Said]


def worst_misses(petshop: Answer, simulated: int, seed: int) -> list[Miss]:
    """Misses on PetShop, then those of simulated cases, the farthest down first."""
    found = []
    for issue in issues(petshop.data):
        answer = msgspec.json.decode((petshop.kept / "out" / f"{issue.folder}.json").read_bytes(), type=_Answer)
        told = _miss("PetShop", f"{issue.scenario} {issue.name}", issue.cause, answer.verdict, answer.reason, answer.services)
        found += [told] if told else []
    for name, make in MAKES.items():
        for s in range(100_000 * seed, 100_000 * seed + simulated):
            case = make_case(make, s)
            told = _of_case(name, s, case, answer_of(case))
            found += [told] if told else []
    return sorted(found, key=lambda m: (m.set != "PetShop", -m.cost, m.case))[:MOST]


def _of_case(make: str, seed: int, case: Case, answer: Ranking) -> Miss | None:
    said = [_Said(c.entity, c.score, c.terms) for c in answer.causes]
    return _miss(f"simulated, {make}", f"{case.fault}, seed {seed}", case.service, answer.verdict, answer.reason, said)


def _miss(set_: str, case: str, cause: str, verdict: str, reason: str, said: list[_Said]) -> Miss | None:
    """The miss, or None when the answer was right."""
    names = [s.name for s in said]
    place = names.index(cause) + 1 if cause in names else len(names) + 1
    if verdict == "cause" and place == 1:
        return None
    path = _path_of(names, place)
    if verdict != "cause":
        return Miss(set_, case, float(place) + 0.5, cause, "inconclusive", f"{reason}; the cause was {path}")
    top, truth = said[0], next((s for s in said if s.name == cause), None)
    if truth is None:
        return Miss(set_, case, float(place), cause, top.name, "the cause has no indicator and is not on the map")
    ahead = {k: top.terms.get(k, 0.0) - truth.terms.get(k, 0.0) for k in sorted({*top.terms, *truth.terms})}
    worst = max(ahead, key=lambda k: (ahead[k], k))
    why = f"{worst} speaks for {top.name} by {ahead[worst]:.2f} more ({top.score:.2f} against {truth.score:.2f}); the cause was {path}"
    return Miss(set_, case, float(place), cause, top.name, why)


def _path_of(names: list[str], place: int) -> str:
    return f"number {place} of {len(names)}" if place <= len(names) else "not among the suspects"


def petshop_folder(answer: Answer, folder: str) -> Path:
    """Input folder of a case, as the scorer kept it."""
    return answer.kept / "in" / folder
