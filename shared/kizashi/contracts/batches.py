"""Columnar messages of the hot path: hundreds of samples in one Kafka message, msgpack around little-endian arrays.

A Faust agent costs about 100 µs a message whatever is in it, so the message is where the economy is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.errors import InvalidMessage

VERSION = 1

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
U32 = NDArray[np.uint32]
F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

# bits of the per-row ``flags`` column
LEARNING = 1
"""The model has not seen enough of this series to judge it."""
ANOMALOUS = 2
"""Part of an open episode."""
LATE = 4
"""Older than the newest sample of its series: scored in event time, stored, not learned."""
DUPLICATE = 8
"""A (series, time) pair seen before: counted, not learned."""
HISTORY = 16
"""Imported on purpose: learned in time order, opens no episode."""
BORROWED = 32
"""Season and spread come from the cohort, not yet from the series itself."""
QUARANTINED = 64
"""Inside an open episode: not learned until the episode ends as expected."""
UNSCORED = 128
"""The scorer could not process the slice that held this row; value stored, score 0."""


SCORE_UNIT = 1_000
"""The store keeps scores in thousandths, as T64 packs small whole numbers into one byte."""


def thousandths(score: F32 | F64) -> U32:
    """Scores (n,) as whole thousandths; NaN is 0, what does not fit is the largest number."""
    scaled = score.astype(np.float64)
    scaled *= SCORE_UNIT
    scaled[np.isnan(scaled)] = 0.0
    return np.clip(np.rint(scaled, out=scaled), 0, 4e9, out=scaled).astype(np.uint32)


def rank(flags: U8) -> U8:
    """Which of several rows with one time counts (n,): the greatest; a scored one before one that could not be, a repeat last."""
    return np.where(flags & DUPLICATE, 0, np.where(flags & UNSCORED, 1, 2)).astype(np.uint8)


class SeriesInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a series id means. Announced in the samples log in front of the first samples, and on the series topic."""

    id: int
    tenant: str
    metric: str
    labels: dict[str, str]
    unit: str = ""
    kind: str = "gauge"
    """``gauge`` or ``counter``; a counter is turned into a rate, with resets, before it is scored."""


class _SamplesWire(msgspec.Struct, array_like=True):
    v: int
    now_ms: int
    series: list[SeriesInfo]
    ids: bytes
    ts: bytes
    values: bytes
    flags: bytes = b""


class _ScoresWire(msgspec.Struct, array_like=True):
    v: int
    topic_id: str
    partition: int
    now_ms: int
    offsets: bytes
    counts: bytes
    ids: bytes
    ts: bytes
    values: bytes
    score: bytes
    expected: bytes
    lower: bytes
    upper: bytes
    flags: bytes
    point: bytes
    novelty: bytes


class _RollupsWire(msgspec.Struct, array_like=True):
    v: int
    tenant: str
    topic_id: str
    partition: int
    first: int
    last: int
    start_ms: int
    step_ms: int
    ids: bytes
    count: bytes
    mean: bytes
    low: bytes
    high: bytes
    worst: bytes
    series: list[SeriesInfo] = []


@dataclass(frozen=True)
class SamplesBatch:
    """Registered samples of one partition, in order of arrival. No rows: a time tick.

    ids (n,) u64 · ts (n,) i64 ms · values (n,) f64, finite · flags (n,) u8, only HISTORY is used here.
    ``now_ms`` is the writer's clock; ``series`` announces ids new to the writer since it started.
    """

    now_ms: int
    ids: U64
    ts: I64
    values: F64
    flags: U8
    series: list[SeriesInfo] = field(default_factory=list)


@dataclass(frozen=True)
class ScoresBatch:
    """Scores of consecutive samples messages of one partition.

    Slice k holds ``counts[k]`` rows and comes from offset ``offsets[k]`` of the samples partition named by ``topic_id`` and
    ``partition``; offsets are consecutive, ticks included with count 0, so the sink sees a gap.
    ids, ts, values as in the samples; score, expected, lower, upper, point, novelty (n,) f32; flags (n,) u8.
    Score 0-1 is normal, 1.0 is the boundary.
    """

    topic_id: str
    partition: int
    now_ms: int
    offsets: I64
    counts: U32
    ids: U64
    ts: I64
    values: F64
    score: F32
    expected: F32
    lower: F32
    upper: F32
    flags: U8
    point: F32
    novelty: F32


@dataclass(frozen=True)
class RollupBatch:
    """Per series of one tenant over ``step_ms`` from ``start_ms``: count, mean, low, high and worst score; (n,) each.

    ``topic_id``, ``partition``, ``first`` and ``last`` name the samples offsets it was folded from. ``series`` announces what ids mean
    that the tenant's readers have not been told of in this log.
    """

    tenant: str
    topic_id: str
    partition: int
    first: int
    last: int
    start_ms: int
    step_ms: int
    ids: U64
    count: U32
    mean: F64
    low: F64
    high: F64
    worst: F32
    series: list[SeriesInfo] = field(default_factory=list)


_encoder = msgspec.msgpack.Encoder()
_samples_decoder = msgspec.msgpack.Decoder(_SamplesWire)
_scores_decoder = msgspec.msgpack.Decoder(_ScoresWire)
_rollups_decoder = msgspec.msgpack.Decoder(_RollupsWire)


def encode_samples(b: SamplesBatch) -> bytes:
    """Wire form of a samples batch."""
    flags = b.flags.tobytes() if b.flags.any() else b""
    return _encoder.encode(_SamplesWire(VERSION, b.now_ms, b.series, b.ids.tobytes(), b.ts.tobytes(), b.values.tobytes(), flags))


def decode_samples(data: bytes) -> SamplesBatch:
    """Inverse of ``encode_samples``; raises InvalidMessage. The arrays are read-only views of ``data``."""
    w = _decode(_samples_decoder, data)
    ids, ts, values = _array(w.ids, "<u8"), _array(w.ts, "<i8"), _array(w.values, "<f8")
    flags = _array(w.flags, "u1") if w.flags else np.zeros(len(ids), np.uint8)
    _same_length(ids, ts, values, flags)
    return SamplesBatch(w.now_ms, ids, ts, values, flags, w.series)


def encode_scores(b: ScoresBatch) -> bytes:
    """Wire form of a scores batch."""
    rows = (b.ids, b.ts, b.values, b.score, b.expected, b.lower, b.upper, b.flags, b.point, b.novelty)
    return _encoder.encode(
        _ScoresWire(VERSION, b.topic_id, b.partition, b.now_ms, b.offsets.tobytes(), b.counts.tobytes(), *(a.tobytes() for a in rows))
    )


def decode_scores(data: bytes) -> ScoresBatch:
    """Inverse of ``encode_scores``; raises InvalidMessage."""
    w = _decode(_scores_decoder, data)
    f32 = [_array(x, "<f4") for x in (w.score, w.expected, w.lower, w.upper, w.point, w.novelty)]
    ids, ts, values = _array(w.ids, "<u8"), _array(w.ts, "<i8"), _array(w.values, "<f8")
    offsets, counts, flags = _array(w.offsets, "<i8"), _array(w.counts, "<u4"), _array(w.flags, "u1")
    _same_length(ids, ts, values, flags, *f32)
    if len(offsets) != len(counts) or int(counts.sum()) != len(ids):
        raise InvalidMessage("slices do not add up to the rows", "schema")
    score, expected, lower, upper, point, novelty = f32
    return ScoresBatch(
        w.topic_id, w.partition, w.now_ms, offsets, counts, ids, ts, values, score, expected, lower, upper, flags, point, novelty
    )


def encode_rollups(b: RollupBatch) -> bytes:
    """Wire form of a rollup batch."""
    ids, count, mean, low, high, worst = (a.tobytes() for a in (b.ids, b.count, b.mean, b.low, b.high, b.worst))
    head = (b.tenant, b.topic_id, b.partition, b.first, b.last, b.start_ms, b.step_ms)
    return _encoder.encode(_RollupsWire(VERSION, *head, ids, count, mean, low, high, worst, b.series))


def decode_rollups(data: bytes) -> RollupBatch:
    """Inverse of ``encode_rollups``; raises InvalidMessage."""
    w = _decode(_rollups_decoder, data)
    ids, count, worst = _array(w.ids, "<u8"), _array(w.count, "<u4"), _array(w.worst, "<f4")
    mean, low, high = (_array(x, "<f8") for x in (w.mean, w.low, w.high))
    _same_length(ids, count, mean, low, high, worst)
    return RollupBatch(
        w.tenant, w.topic_id, w.partition, w.first, w.last, w.start_ms, w.step_ms, ids, count, mean, low, high, worst, w.series
    )


W = TypeVar("W", _SamplesWire, _ScoresWire, _RollupsWire)


def _decode(decoder: msgspec.msgpack.Decoder[W], data: bytes) -> W:
    try:
        wire = decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as x:
        raise InvalidMessage(f"not a batch of this kind: {x}", "schema") from x
    if wire.v != VERSION:
        raise InvalidMessage(f"batch version {wire.v}, this program reads {VERSION}", "version")
    return wire


def _array(data: bytes, dtype: str) -> NDArray[Any]:
    try:
        return np.frombuffer(data, dtype)
    except ValueError as x:
        raise InvalidMessage(f"a column is not a whole number of values: {x}", "schema") from x


def _same_length(*arrays: NDArray[np.generic]) -> None:
    if len({len(a) for a in arrays}) > 1:
        raise InvalidMessage("columns differ in length", "schema")
