"""Recordings for replays: findings as they lie in Kafka, ten-second values from the store, configuration from its log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Episode, Feedback, Incident, Risk
from kizashi.contracts.ids import parse_series_id, tenant_partition
from kizashi.contracts.inputs import Event
from kizashi.contracts.topics import Topic
from kizashi.errors import ConfigurationError, InvalidMessage, NotFound
from kizashi.settings import Settings
from kizashi.stream.consumer import Lookout
from services.alerting import replay as chain
from services.alerting.as_code import read_alerting, running_set
from services.alerting.configuration import KINDS, TREE, RunningSet
from services.alerting.replay import Message, Recorded, Truth
from services.alerting.rules import AbsenceRule, ThresholdRule
from services.alerting.tuning import tune
from services.alerting.why_not import why_not
from services.roof.ask import select
from services.roof.promises import with_fold

STEP_MS = 10_000
LAG_MS = 2_000
"""A rollup is told this long after its end."""
LONGEST_MS = 92 * 86_400_000
AROUND_MS = 6 * 3_600_000
READ_WITHIN_S = 100.0
FINDINGS: tuple[tuple[Topic, Any], ...] = (
    (topics.EPISODES, Episode),
    (topics.INCIDENTS, Incident),
    (topics.RISKS, Risk),
    (topics.OUTCOMES, Event),
)
SECTIONS = {"rules": "rule", "inhibitions": "inhibition", "budgets": "budget", "silences": "silence", "maintenance": "maintenance",
            "escalations": "escalation", "schedules": "schedule"}  # fmt: skip


def answer(settings: Settings, ask: str, question: dict[str, Any]) -> dict[str, Any]:
    """The answer to ``replay``, ``tuning`` or ``why-not``. Raises Refused and its kin, BusUnavailable, StoreUnavailable."""
    settings = settings.model_copy(update={"tenant": question.get("tenant") or settings.tenant})
    if ask == "why-not":
        at_ms = int(question["at_ms"])
        window = at_ms - AROUND_MS, at_ms
    else:
        window = int(question["from_ms"]), int(question["to_ms"])
    if not 0 < window[1] - window[0] <= LONGEST_MS:
        raise ConfigurationError("the window ends after it starts, and spans 92 days at most")
    running = running_now(settings)
    if ask == "replay":
        return _replay(settings, question, running, *window)
    rule = running.rules.get(str(question.get("rule", "")))
    if rule is None:
        raise NotFound(f"there is no rule {question.get('rule')!r}: kizashi rules list")
    recording, truths = record(settings, running, *window)
    if ask == "tuning":
        tuned: dict[str, Any] = msgspec.to_builtins(tune(settings.tenant, question["rule"], rule, running, recording, truths, *window))
        return tuned
    _played, t = chain.play(settings.tenant, running, recording, truths, *window)
    found: dict[str, Any] = msgspec.to_builtins(why_not(t, question["rule"], question.get("series", ""), question.get("target", "")))
    return found


def _replay(settings: Settings, question: dict[str, Any], running: RunningSet, from_ms: int, to_ms: int) -> dict[str, Any]:
    changed = _changed(settings, question)
    if alone := question.get("alone"):
        for one in [running] + ([changed] if changed else []):
            if alone not in one.rules:
                raise NotFound(f"there is no rule {alone!r}: kizashi rules list")
            rules = one.rules
            one.defaults, one.own_rules = {}, {alone: rules[alone]}
    recording, truths = record(settings, running, from_ms, to_ms, changed)
    began = time.perf_counter()
    now, _ = chain.play(settings.tenant, running, recording, truths, from_ms, to_ms)
    seconds = time.perf_counter() - began
    then = chain.play(settings.tenant, changed, recording, truths, from_ms, to_ms)[0] if changed else None
    kinds = [type(r.what).__name__ for r in recording]
    return {
        "from_ms": from_ms, "to_ms": to_ms, "seconds": seconds, "speed": (to_ms - from_ms) / 1000 / max(seconds, 1e-9),
        "inputs": {k: kinds.count(k) for k in sorted(set(kinds))}, "now": msgspec.to_builtins(now),
        "changed": msgspec.to_builtins(then) if then else None,
        "difference": msgspec.to_builtins(chain.difference(now, then)) if then else None,
    }  # fmt: skip


def _changed(settings: Settings, question: dict[str, Any]) -> RunningSet | None:
    """The running set with the question's changes over it; a file replaces nothing that it does not name."""
    now_ms = time.time_ns() // 1_000_000
    if question.get("file"):
        return running_set(read_alerting(question["file"], "the file", now_ms), now_ms, running_now(settings))
    config = question.get("config")
    if not config:
        return None
    changed = running_now(settings)
    wanted = [(kind, i, body) for section, kind in SECTIONS.items() for i, body in (config.get(section) or {}).items()]
    if config.get("route") is not None:
        wanted.append(("route", TREE, config["route"]))
    for kind, id_, body in wanted:
        if not changed.take(kind, id_, body, now_ms):
            raise ConfigurationError(f"{kind} {id_}: {changed.problems[kind, id_]}")
    return changed


def running_now(settings: Settings) -> RunningSet:
    """The configuration of the tenant in force."""
    made = RunningSet()

    async def fold(fold: Any, _put: object) -> list[dict[str, Any]]:
        for kind in KINDS:
            for o in fold.state.living(kind, settings.tenant):
                made.take(kind, o.id, o.body, o.made_at_ms)
        return []

    asyncio.run(with_fold(fold))
    return made


def record(
    settings: Settings, running: RunningSet, from_ms: int, to_ms: int, changed: RunningSet | None = None
) -> tuple[list[Recorded], list[Truth]]:
    """Everything that concerns the rules of one or two running sets, in order of the log's time; and the reported incidents."""
    since_ms = from_ms - chain.WARM_MS
    found = [r for topic, kind in FINDINGS for r in _read(settings, topic, kind, since_ms, to_ms)]
    found += list(_read(settings, topics.FEEDBACK, Feedback, since_ms, to_ms))
    said = list(_read(settings, topics.EVENTS, Event, max(0, to_ms - topics.EVENTS.retention_ms), to_ms))
    found += [r for r in said if isinstance(r.what, Event) and r.what.type == "topology"]  # who depends on whom was said long before
    said = [r for r in said if r.at_ms >= since_ms]
    events = [r.what for r in said]
    found += [r for r in said if isinstance(r.what, Event) and r.what.type == "maintenance"]
    metrics = {
        r.metric
        for one in (running, changed) if one
        for r in one.rules.values() if r.enabled and isinstance(r, ThresholdRule | AbsenceRule)
    }  # fmt: skip
    if metrics:
        found += _values(settings, sorted(metrics), since_ms, to_ms)
    found.sort(key=lambda r: r.at_ms)
    return found, chain.truth_of(e for e in events if isinstance(e, Event))


def _read(settings: Settings, topic: Topic, kind: Any, since_ms: int, to_ms: int) -> Iterator[Recorded]:
    partition = 0 if topic.partitioned_by == "one" else tenant_partition(settings.tenant, settings.kafka.partitions)
    lookout = Lookout(settings.kafka, topic.name, since_ms=since_ms, partition=partition)
    try:
        for m in lookout.until_end(READ_WITHIN_S):
            at_ms = m.timestamp()[1]
            if at_ms >= to_ms:
                break
            try:
                what: Message = codec.decode(m.value() or b"", kind)
            except InvalidMessage:
                continue  # its own service has put it into the dead letters
            if getattr(what, "tenant", settings.tenant) == settings.tenant:
                yield Recorded(at_ms, what)
    finally:
        lookout.close()


def _values(settings: Settings, metrics: list[str], since_ms: int, to_ms: int) -> Iterator[Recorded]:
    """Ten-second values as the anomaly service would have told them."""
    asked: dict[str, Any] = {"tenant": settings.tenant, "metrics": metrics, "start": since_ms, "end": to_ms}
    names = select("SELECT series_id, metric, labels FROM v_series WHERE tenant = {tenant:String} AND metric IN {metrics:Array(String)}",
                   parameters=asked)  # fmt: skip
    for n in names:
        yield Recorded(since_ms, SeriesInfo(parse_series_id(n["series_id"]), settings.tenant, n["metric"], dict(n["labels"])))
    rows = select(
        """SELECT sid, intDiv(toUnixTimestamp64Milli(time), 10000) * 10000 AS start, count() AS n, avg(value) AS mean, min(value) AS low,
           max(value) AS high FROM v_metrics WHERE tenant = {tenant:String} AND metric IN {metrics:Array(String)}
           AND time >= fromUnixTimestamp64Milli({start:Int64}) AND time < fromUnixTimestamp64Milli({end:Int64})
           GROUP BY sid, start ORDER BY start""",
        seconds=int(READ_WITHIN_S),
        parameters=asked,
    )
    first = 0
    for k in range(1, len(rows) + 1):
        if k < len(rows) and rows[k]["start"] == rows[first]["start"]:
            continue
        part, start = rows[first:k], int(rows[first]["start"])
        first = k
        mean, low, high = (np.array([float(r[c]) for r in part]) for c in ("mean", "low", "high"))
        ids, count = np.array([r["sid"] for r in part], np.uint64), np.array([r["n"] for r in part], np.uint32)
        yield Recorded(
            start + STEP_MS + LAG_MS,
            RollupBatch(settings.tenant, "store", 0, 0, 0, start, STEP_MS, ids, count, mean, low, high, np.zeros(len(part), np.float32)),
        )
