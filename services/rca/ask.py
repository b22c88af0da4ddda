"""Questions asked beside the stream, answered by the stream's arithmetic: what caused this window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kizashi.contracts.findings import Edge
from kizashi.contracts.inputs import Event
from kizashi.errors import Refused
from kizashi.online.whatif import map_of
from services.rca.changes import ChangeLog
from services.rca.entity import entity_of
from services.rca.ranking import Alarm, Evidence, Ranking, rank
from services.rca.window import Window


@dataclass(frozen=True)
class Means:
    """Means of one series in steps of a stretch: ``values[i]`` belongs to step ``at[i]``."""

    series_id: str
    metric: str
    labels: Mapping[str, str]
    at: Sequence[int]
    values: Sequence[float]


def window_of(series: Iterable[Means], steps: int, split: int, step_s: float, only: Collection[str] = ()) -> Window:
    """Window of a stretch of ``steps`` steps whose first ``split`` are the time before; ``only`` these entities when it names any."""
    kept = [(entity_of(s.metric, s.labels), s) for s in series]
    kept = sorted((x for x in kept if not only or x[0] in only), key=lambda x: (x[0], x[1].metric, x[1].series_id))
    table = np.full((steps, len(kept)), np.nan)
    for i, (_entity, s) in enumerate(kept):
        table[np.asarray(s.at, np.int64), i] = s.values
    names = tuple(_told(entity, s) for entity, s in kept)
    return Window(tuple(e for e, _s in kept), names, tuple(s.series_id for _e, s in kept), table[:split], table[split:], step_s)


def around(edges: Iterable[Edge], entity: str, now_ms: int, hops: int = 3) -> set[str]:
    """The entity and what is at most so many hops above or below it on the map."""
    graph = map_of(edges, now_ms)
    near = {e for upward in (False, True) for e, far in graph.reachable(entity, upward) if far <= hops}
    return {entity, *near}


def _told(entity: str, s: Means) -> str:
    extra = ",".join(f"{k}={v}" for k, v in sorted(s.labels.items()) if v != entity)
    return f"{s.metric}{{{extra}}}" if extra else s.metric


def explain(window: Window, edges: Iterable[Edge], changes: Iterable[Event], alarm: Alarm, onset_ms: int) -> Ranking:
    """Rank the suspects of a window chosen by a person. Raises Refused when the window is empty."""
    if not len(window.abnormal) or not len(window.normal):
        raise Refused("the window holds no values before or none during: choose one with data on both sides of its start")
    log = ChangeLog({}, {}, [])
    for e in changes:
        log.add(e)
    evidence = {}
    for change, p in reversed(log.suspects(set(window.entities), onset_ms)):  # the likeliest change of an entity comes last and stays
        evidence[change.entity] = Evidence(change=p, change_id=change.id, change_title=change.title)
    return rank(window, map_of(edges, onset_ms), alarm, evidence)
