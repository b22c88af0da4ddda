"""Findings, events and configuration as rows: one function a message type, messages to a Native block. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from kizashi.contracts import codec, topics
from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.findings import (
    Alert,
    ConfigChange,
    Delivery,
    Edge,
    Episode,
    Feedback,
    Forecast,
    Incident,
    Pattern,
    Risk,
)
from kizashi.contracts.inputs import Event
from kizashi.errors import InvalidMessage
from kizashi.online.dependencies import FORGET_BELOW, TELL_EVERY_MS
from kizashi.store.blocks import Block

MS = "DateTime64(3, 'UTC')"
SERVICE_LABELS = ("service", "service_name", "service.name", "job", "app")
"""Labels that name a service, in the order in which they are looked for."""
HOST_LABELS = ("host", "hostname", "host.name", "instance", "node")


@dataclass(frozen=True)
class Landed:
    """A decoded message with its place in the log."""

    message: Any
    offset: int
    timestamp_ms: int


class Rows:
    """Columns of one table from messages; ``of`` names a function of the message for each value."""

    def __init__(self, found: Sequence[Landed], now_ms: int) -> None:
        self.messages = [f.message for f in found]
        self.block = Block(len(found))
        self._now_ms = now_ms

    def text(self, **of: Callable[[Any], str]) -> Rows:
        for name, value in of.items():
            self.block.text(name, [value(m) for m in self.messages])
        return self

    def number(self, kind: str, **of: Callable[[Any], float]) -> Rows:
        for name, value in of.items():
            values = [value(m) for m in self.messages]
            # numpy makes floats of integers on both sides of 2^63, and a series id then loses its last digits
            self.block.fixed(name, kind, np.array(values, np.uint64 if kind == "UInt64" else None))
        return self

    def maybe(self, kind: str, **of: Callable[[Any], float | None]) -> Rows:
        for name, value in of.items():
            self.block.nullable(name, kind, [value(m) for m in self.messages])
        return self

    def ids(self, **of: Callable[[Any], str]) -> Rows:
        """Series ids: sixteen hexadecimal digits, 0 for none. Raises InvalidMessage."""
        for name, value in of.items():
            self.block.fixed(name, "UInt64", np.array([series_number(value(m)) for m in self.messages], np.uint64))
        return self

    def whole(self) -> Block:
        """The block, with the JSON and the time of writing added."""
        encode = msgspec.json.Encoder().encode
        self.block.documents("body", [encode(m) for m in self.messages])
        return self.timed()

    def timed(self) -> Block:
        """The block with the time of writing added."""
        return self.block.constant("written", MS, self._now_ms)


def series_number(text: str) -> int:
    """The id as a number; 0 for no series. Raises InvalidMessage for anything else."""
    if not text:
        return 0
    try:
        number = int(text, 16)
    except ValueError as x:
        raise InvalidMessage(f"not a series id: {text[:40]!r}", "schema") from x
    if len(text) != 16:
        raise InvalidMessage(f"not a series id: {text[:40]!r}", "schema")
    return number


def named(labels: dict[str, str], keys: tuple[str, ...]) -> str:
    """The first of these labels that is there."""
    return next((labels[k] for k in keys if labels.get(k)), "")


def series(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """What series ids mean."""
    rows = Rows(found, now_ms).number("UInt64", series_id=lambda m: m.id)
    rows.text(
        tenant=lambda m: m.tenant, metric=lambda m: m.metric, unit=lambda m: m.unit, kind=lambda m: m.kind,
        service=lambda m: named(m.labels, SERVICE_LABELS), host=lambda m: named(m.labels, HOST_LABELS),
    )  # fmt: skip
    rows.block.maps("labels", [m.labels for m in rows.messages])
    rows.block.fixed("seen", MS, np.array([f.timestamp_ms for f in found]))
    return [("series", rows.block)]


def episodes(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Episodes, by version."""
    rows = Rows(found, now_ms).text(
        tenant=lambda m: m.tenant, id=lambda m: m.id, metric=lambda m: m.metric, service=lambda m: named(m.labels, SERVICE_LABELS),
        kind=lambda m: m.kind, state=lambda m: m.state, severity=lambda m: m.severity, direction=lambda m: m.direction,
        head=lambda m: m.head,
    ).ids(series_id=lambda m: m.series_id)  # fmt: skip
    rows.number(MS, opened=lambda m: m.opened_ms, updated=lambda m: m.updated_ms, peak=lambda m: m.peak_ms).maybe(
        MS, closed=lambda m: m.closed_ms
    )
    rows.number("UInt32", version=lambda m: m.version, samples=lambda m: m.samples).number("UInt8", flapping=lambda m: m.flapping)
    rows.number(
        "Float64", peak_score=lambda m: m.peak_score, peak_value=lambda m: m.peak_value, value=lambda m: m.value,
        expected=lambda m: m.expected, lower=lambda m: m.lower, upper=lambda m: m.upper, area=lambda m: m.area,
    )  # fmt: skip
    rows.block.maps("labels", [m.labels for m in rows.messages])
    return [("episodes", rows.whole())]


def patterns(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """What is regular about each series."""
    rows = Rows(found, now_ms).text(tenant=lambda m: m.tenant, trend=lambda m: m.trend).ids(series_id=lambda m: m.series_id)
    rows.number("UInt32", version=lambda m: m.version).number(MS, updated=lambda m: m.updated_ms).maybe(MS, broke=lambda m: m.broke_at_ms)
    rows.number(
        "Float64", season_s=lambda m: m.season_s, season_strength=lambda m: m.season_strength, level=lambda m: m.level,
        slope_per_day=lambda m: m.slope_per_day, slope_low=lambda m: m.slope_low, slope_high=lambda m: m.slope_high,
    )  # fmt: skip
    return [("patterns", rows.whole())]


def forecasts(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Forecasts, and the errors of older ones whose times have come."""
    rows = Rows(found, now_ms).text(tenant=lambda m: m.tenant, reason=lambda m: m.reason).ids(series_id=lambda m: m.series_id)
    rows.number(MS, made=lambda m: m.made_at_ms).number("UInt32", step_ms=lambda m: m.step_ms).number(
        "UInt8", reliable=lambda m: m.reliable
    )
    for m in rows.messages:
        if len(m.quantiles) != len(m.levels) or any(len(q) != len(m.mean) for q in m.quantiles):
            raise InvalidMessage("quantiles do not fit the levels and steps", "schema")
    rows.block.arrays("mean", "Float64", [m.mean for m in rows.messages]).arrays("levels", "Float64", [m.levels for m in rows.messages])
    rows.block.arrays("low", "Float64", [m.quantiles[0] if m.quantiles else m.mean for m in rows.messages])
    rows.block.arrays("high", "Float64", [m.quantiles[-1] if m.quantiles else m.mean for m in rows.messages])
    return [("forecasts", rows.whole()), *_forecast_errors(rows.messages, now_ms)]


def _forecast_errors(messages: Sequence[Forecast], now_ms: int) -> list[tuple[str, Block]]:
    scored = [(m, row, m.pinball[k] if k < len(m.pinball) else None) for m in messages for k, row in enumerate(m.scored)]
    made = [m.scored_made[k] if k < len(m.scored_made) else None for m in messages for k in range(len(m.scored))]
    if not scored:
        return []
    block = Block(len(scored)).text("tenant", [m.tenant for m, _, _ in scored])
    block.fixed("series_id", "UInt64", np.array([series_number(m.series_id) for m, _, _ in scored], np.uint64))
    block.fixed("ts", MS, np.array([row[0] for _, row, _ in scored])).fixed(
        "step_ms", "UInt32", np.array([m.step_ms for m, _, _ in scored])
    )
    block.fixed("actual", "Float64", np.array([row[1] for _, row, _ in scored])).fixed(
        "mean", "Float64", np.array([row[2] for _, row, _ in scored])
    )
    block.fixed("inside", "UInt8", np.array([row[3] for _, row, _ in scored])).nullable("pinball", "Float64", [p for _, _, p in scored])
    block.nullable("made", MS, made)
    return [("forecast_errors", block.constant("written", MS, now_ms))]


def risks(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Risks, by version."""
    rows = Rows(found, now_ms).text(
        tenant=lambda m: m.tenant, id=lambda m: m.id, entity=lambda m: m.entity, kind=lambda m: m.kind, title=lambda m: m.title,
        reason=lambda m: m.reason, severity=lambda m: m.severity,
    ).ids(series_id=lambda m: m.series_id)  # fmt: skip
    rows.number("UInt32", version=lambda m: m.version, horizon_s=lambda m: m.horizon_s).number(MS, made=lambda m: m.made_at_ms)
    rows.number("UInt8", firing=lambda m: m.firing)
    rows.maybe(
        "Float64", probability=lambda m: m.probability, value=lambda m: m.value, threshold=lambda m: m.threshold,
        budget_left=lambda m: m.budget_left,
    )  # fmt: skip
    rows.maybe(
        MS, eta=lambda m: m.eta_ms, eta_low=lambda m: m.eta_low_ms, eta_high=lambda m: m.eta_high_ms,
        eta_inner_low=lambda m: m.eta_inner_low_ms, eta_inner_high=lambda m: m.eta_inner_high_ms,
    )  # fmt: skip
    return [("risks", rows.whole())]


def incidents(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Incidents, by version."""
    rows = Rows(found, now_ms).text(
        tenant=lambda m: m.tenant, id=lambda m: m.id, state=lambda m: m.state, severity=lambda m: m.severity, title=lambda m: m.title,
        merged_into=lambda m: m.merged_into, verdict=lambda m: m.verdict, cause=lambda m: m.causes[0].entity if m.causes else "",
    )  # fmt: skip
    rows.number(MS, opened=lambda m: m.opened_ms, updated=lambda m: m.updated_ms).maybe(MS, closed=lambda m: m.closed_ms)
    rows.number("UInt32", version=lambda m: m.version).number("Float64", cause_score=lambda m: m.causes[0].score if m.causes else 0.0)
    rows.block.text_arrays("entities", [m.entities for m in rows.messages]).text_arrays("episodes", [m.episodes for m in rows.messages])
    rows.block.text_arrays("blast", [[a.entity for a in m.blast] for m in rows.messages])
    return [("incidents", rows.whole())]


def alerts(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Alerts, by version."""
    rows = Rows(found, now_ms).text(
        tenant=lambda m: m.tenant, id=lambda m: m.id, state=lambda m: m.state, rule=lambda m: m.rule, severity=lambda m: m.severity,
        title=lambda m: m.title, grouped=lambda m: m.group, held_back_by=lambda m: m.held_back_by,
        acknowledged_by=lambda m: m.acknowledged_by,
    )  # fmt: skip
    rows.number(MS, started=lambda m: m.started_ms, updated=lambda m: m.updated_ms).maybe(MS, ended=lambda m: m.ended_ms)
    rows.number("UInt32", version=lambda m: m.version).number("UInt8", flapping=lambda m: m.flapping).maybe(
        "Float64", value=lambda m: m.value
    )
    rows.block.maps("labels", [m.labels for m in rows.messages]).text_arrays("refs", [m.refs for m in rows.messages])
    return [("alerts", rows.whole())]


def deliveries(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Attempts to tell somebody."""
    rows = Rows(found, now_ms).text(
        tenant=lambda m: m.tenant, id=lambda m: m.id, alert_id=lambda m: m.alert_id, channel=lambda m: m.channel, state=lambda m: m.state,
        dedup_key=lambda m: m.dedup_key,
    )  # fmt: skip
    rows.number(MS, at=lambda m: m.at_ms).number("UInt32", attempt=lambda m: m.attempt)
    return [("deliveries", rows.whole())]


def _until(m: Event) -> int | None:
    for name in ("until_ms", "resolved_ms"):
        value = m.attributes.get(name)
        if isinstance(value, int | float) and value == value and abs(value) < 1e15:
            return int(value)
    return None


def events(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Events. Edges come from rca alone, which knows since when each one is there and who else says so."""
    rows = Rows(found, now_ms).text(
        tenant=lambda m: m.tenant, id=lambda m: m.id, type=lambda m: m.type, entity=lambda m: m.entity, title=lambda m: m.title,
        text=lambda m: m.text, source=lambda m: m.source,
    )  # fmt: skip
    rows.number(MS, ts=lambda m: m.ts_ms).maybe(MS, until=_until)
    return [("events", rows.whole())]


def edges(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Dependencies as rca knows them: the newest word on each, and each ten minutes' word beside it, but for what has left the map."""
    told: list[Edge] = [f.message for f in found]
    blocks = [("edges", _edges(told, now_ms).timed())] if told else []
    if known := [e for e in told if e.confidence >= FORGET_BELOW]:
        history = _edges(known, now_ms).number(MS, slot=lambda m: m.last_ms // TELL_EVERY_MS * TELL_EVERY_MS)
        blocks.append(("edge_history", history.timed()))
    return blocks


def _edges(told: list[Edge], now_ms: int) -> Rows:
    rows = Rows([Landed(e, 0, 0) for e in told], now_ms).text(
        tenant=lambda m: m.tenant, caller=lambda m: m.caller, callee=lambda m: m.callee, source=lambda m: m.source
    )
    rows.number("Float64", confidence=lambda m: m.confidence, rate=lambda m: m.rate)
    rows.number("UInt8", hard=lambda m: m.hard, directed=lambda m: m.directed)
    return rows.number(MS, first=lambda m: m.first_ms, last=lambda m: m.last_ms)


def config_log(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Configuration changes; the body is the change's own body, not its signature."""
    rows = Rows(found, now_ms).text(
        tenant=lambda m: m.tenant, kind=lambda m: m.kind, id=lambda m: m.id, author=lambda m: m.author, change_id=lambda m: m.change_id
    )
    rows.number("UInt32", based_on=lambda m: m.based_on).number("UInt8", deleted=lambda m: m.body is None).number(
        MS, made=lambda m: m.made_at_ms
    )
    rows.block.fixed("src_offset", "UInt64", np.array([f.offset for f in found]))
    rows.block.documents("body", [msgspec.json.encode(m.body) for m in rows.messages])
    return [("config_log", rows.timed())]


def feedback(found: Sequence[Landed], now_ms: int) -> list[tuple[str, Block]]:
    """Verdicts of people."""
    rows = Rows(found, now_ms).text(
        tenant=lambda m: m.tenant, id=lambda m: m.id, target=lambda m: m.target, verdict=lambda m: m.verdict, author=lambda m: m.author
    )
    rows.number("UInt8", undo=lambda m: m.undo).number(MS, made=lambda m: m.made_at_ms)
    return [("feedback", rows.whole())]


@dataclass(frozen=True)
class Landing:
    """How messages of a topic become rows."""

    kind: type[Any]
    rows: Callable[[Sequence[Landed], int], list[tuple[str, Block]]]


LANDINGS: dict[str, Landing] = {
    topics.SERIES.name: Landing(SeriesInfo, series),
    topics.EPISODES.name: Landing(Episode, episodes),
    topics.PATTERNS.name: Landing(Pattern, patterns),
    topics.FORECASTS.name: Landing(Forecast, forecasts),
    topics.RISKS.name: Landing(Risk, risks),
    topics.INCIDENTS.name: Landing(Incident, incidents),
    topics.ALERTS.name: Landing(Alert, alerts),
    topics.DELIVERIES.name: Landing(Delivery, deliveries),
    topics.EVENTS.name: Landing(Event, events),
    topics.OUTCOMES.name: Landing(Event, events),
    topics.EDGES.name: Landing(Edge, edges),
    topics.CONFIG.name: Landing(ConfigChange, config_log),
    topics.FEEDBACK.name: Landing(Feedback, feedback),
}


def decode(topic: str, value: bytes) -> Any:
    """A message of one of these topics; raises InvalidMessage."""
    return codec.decode(value, LANDINGS[topic].kind)


def misfits(topic: str, found: Sequence[Landed]) -> dict[int, InvalidMessage]:
    """Messages, by place in ``found``, whose values do not fit the columns. Looked for one by one only when all together do not fit."""
    landing = LANDINGS[topic]
    if _misfit(landing, found) is None:
        return {}
    return {k: x for k, one in enumerate(found) if (x := _misfit(landing, [one])) is not None}


def _misfit(landing: Landing, found: Sequence[Landed]) -> InvalidMessage | None:
    try:
        landing.rows(found, 0)
    except InvalidMessage as x:
        return x
    except (OverflowError, UnicodeEncodeError, ValueError, TypeError) as x:
        return InvalidMessage(f"a value does not fit its column: {x}", "range")
    return None
