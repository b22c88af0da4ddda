"""Why an incident happened: gathers the window and the evidence, ranks, and writes the answer into the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from kizashi.contracts.findings import Affected
from kizashi.contracts.ids import format_series_id
from kizashi.online.blast import PREDICT_FROM, live, structural
from kizashi.online.dependencies import DependencyMap
from services.rca.changes import ChangeLog
from services.rca.grouping import CauseForest, Hit
from services.rca.impact import Promises, impact
from services.rca.past import PastIncidents
from services.rca.ranking import Alarm, Evidence, rank
from services.rca.record import Finding, Record
from services.rca.signals import SignalStore
from services.rca.window import Window

RERANK_MS = 10_000
"""Rollups bring something new every ten seconds."""
STABLE_AFTER_MS = 600_000
"""After ten minutes the first minutes' evidence is complete; later only new findings call for another ranking."""
BEFORE_MS = 1_800_000
DURING_MS = 300_000
LEAD_MS = 30_000
"""An episode opens some samples after its onset: the window of the fault starts this much earlier."""
MAX_ENTITIES = 60
MAX_INDICATORS = 1_000
MAX_BLAST = 200


class Known(Protocol):
    """What the assessment needs of a tenant."""

    @property
    def graph(self) -> DependencyMap: ...
    @property
    def signals(self) -> SignalStore: ...
    @property
    def changes(self) -> ChangeLog: ...
    @property
    def past(self) -> PastIncidents: ...
    @property
    def promises(self) -> Promises: ...
    def entry_requests(self) -> dict[str, float]: ...
    def entity_series(self, entity: str) -> list[int]: ...
    def name_of(self, series: int) -> str: ...


def worth_assessing(record: Record, now_ms: int) -> bool:
    """Another entity, or new rollups while the fault is young. One more metric of a known entity waits for the next rollup."""
    return record.unranked or (now_ms - record.ranked_ms >= RERANK_MS and now_ms - record.opened_ms <= STABLE_AFTER_MS)


def features(record: Record, findings: Mapping[str, Finding]) -> set[str]:
    """What makes an incident comparable with another one."""
    found = {f"entity:{e}" for e in record.entities}
    found |= {f"metric:{findings[r].entity}:{findings[r].metric}" for r in record.findings if r in findings}
    found |= {f"cause:{c.entity}" for c in record.causes[:1]} if record.verdict == "cause" else set()
    return found


def assess(record: Record, findings: Mapping[str, Finding], forest: CauseForest, now_ms: int, known: Known) -> None:
    """Rank the suspects of an incident and foresee whom it hits. Marks the record for publication when the answer is another one."""
    hits = forest.members(record.group)
    before = (record.verdict, record.causes, record.blast, record.similar, record.changes)
    leader = [c.entity for c in record.causes[:1]], record.verdict
    record.entities = list(dict.fromkeys(h.entity for h in hits))
    candidates = _candidates(hits, known)
    window = _window(candidates, hits[0].first_ms, now_ms, known)
    evidence = _evidence(record, candidates, forest.cause(record.group), features(record, findings), hits[0].first_ms, known)
    ranking = rank(window, known.graph, Alarm(_symptom(hits, known.graph)), evidence)
    record.verdict, record.causes = ranking.verdict, ranking.causes[:10]
    record.ranked_ms, record.unranked = now_ms, False
    if not record.judged:  # a verdict moves the ranking: afterwards it would prove itself right
        record.said = [c.change_id or c.entity for c in record.causes] if record.verdict == "cause" else []
    top = record.causes[0] if record.verdict == "cause" else None
    if leader != ([c.entity for c in record.causes[:1]], record.verdict):
        record.log(now_ms, "cause", f"{top.entity}: {top.text}" if top else f"inconclusive: {ranking.reason}")
    for c in ranking.causes:
        if c.change_id and c.terms.get("change", 0.0) > 0:
            record.changes = sorted({*record.changes, c.change_id})
            record.change_titles[c.change_id] = c.change_title
            known.changes.blame(c.change_id, record.id, evidence[c.entity].change, now_ms)
    record.blast = _blast(hits, forest.root(record.group), top.entity if top else "", known)
    record.impact = impact(top.entity if top else "", record.blast, known.entry_requests(), known.promises)
    _recall(record, findings, now_ms, known)
    record.dirty |= before != (record.verdict, record.causes, record.blast, record.similar, record.changes)


def _recall(record: Record, findings: Mapping[str, Finding], now_ms: int, known: Known) -> None:
    """Past incidents that look alike, and in the timeline, once, what was said about the closest one."""
    alike = known.past.similar(features(record, findings), but=record.id)
    record.similar = [p.id for p, _share in alike]
    if alike and not any(t.what == "similar" and t.ref == alike[0][0].id for t in record.timeline):
        past, share = alike[0]
        said = f"; its cause was {past.cause}" if past.cause else ""
        said += f"; noted: {past.notes[-1]}" if past.notes else ""
        record.log(now_ms, "similar", f"{share:.0%} like {past.id} ({past.title}){said}", past.id)


def _candidates(hits: list[Hit], known: Known) -> list[str]:
    """Broken entities and what they depend on, nearest first, each once."""
    found = dict.fromkeys(h.entity for h in hits)
    for h in hits[:MAX_ENTITIES]:
        for callee, hops in known.graph.reachable(h.entity, upward=False, limit=MAX_ENTITIES):
            if hops > 3 or len(found) >= MAX_ENTITIES:
                break
            found[callee] = None
    return list(found)[:MAX_ENTITIES]


def _window(candidates: list[str], onset_ms: int, now_ms: int, known: Known) -> Window:
    columns = [(e, s) for e in candidates for s in known.entity_series(e)][:MAX_INDICATORS]
    ids = [s for _e, s in columns]
    start = onset_ms - LEAD_MS
    normal = known.signals.window(ids, start - BEFORE_MS, start)
    abnormal = known.signals.window(ids, start, min(now_ms, start + DURING_MS))
    seen = np.flatnonzero(~np.isnan(abnormal).all(axis=0)) if len(abnormal) else np.arange(0)
    names = tuple(known.name_of(ids[i]) for i in seen)
    return Window(
        tuple(columns[i][0] for i in seen), names, tuple(format_series_id(ids[i]) for i in seen),
        normal[:, seen], abnormal[:, seen], known.signals.step_ms / 1000,
    )  # fmt: skip


def _evidence(record: Record, candidates: list[str], place: str, marks: set[str], onset_ms: int, known: Known) -> dict[str, Evidence]:
    found = {}
    suspects = known.changes.suspects(set(candidates), onset_ms)
    history = known.past.priors(marks, but=record.id)
    for e in candidates:
        change, p = next(((c, p) for c, p in suspects if c.entity == e), (None, 0.0))
        judged = {"cause": 1.0, "not_cause": -1.0}.get(record.judged.get(e, ""), 0.0)
        change_id, title = (change.id, change.title) if change else ("", "")
        found[e] = Evidence(p, change_id, title, history.get(e, 0.0), float(e == place), judged)
    return found


def _symptom(hits: list[Hit], graph: DependencyMap) -> str:
    """The broken entity that no other broken one depends on: where people notice."""
    broken = {h.entity for h in hits}
    return next((h.entity for h in hits if not broken & set(graph.callers(h.entity))), hits[0].entity)


def _blast(hits: list[Hit], root: Hit, cause: str, known: Known) -> list[Affected]:
    """Whom it hits now and whom it may hit, seen from the cause (without one, from where it began), which is not in its own radius."""
    source = cause or root.entity
    ahead = structural(known.graph, source)
    way = {a.entity: a.path for a in ahead}
    by_key = {h.key: h for h in hits}
    broken = {h.entity for h in hits}
    now = []
    for h in hits:
        path, at = [h.entity], h
        while at.parent in by_key and len(path) <= len(hits):
            at = by_key[at.parent]
            path.append(at.entity)
        share = 1.0 if h.key == root.key else h.weight / (h.weight + h.rival)
        path = way.get(h.entity, path[::-1])
        if h.entity != source:
            now.append((h.entity, share, max(1, len(path) - 1), path))
    follow = [a for a in ahead if a.entity not in broken and a.probability >= PREDICT_FROM / 4]
    return [*live(now), *follow][:MAX_BLAST]
