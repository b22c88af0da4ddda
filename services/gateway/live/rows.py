"""Score rows on their way to screens: cut out what is subscribed, once, and written as JSON, once, however many look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import F32, F64, I64, U8, U64, ScoresBatch
from kizashi.contracts.ids import format_series_id

SIEVE_BITS = 16
FLOAT_DIGITS = 7
"""A float32 carries no more; writing its 17 digits would triple the message."""


class Sieve:
    """Which of many ids are subscribed: a table over the low bits throws out nearly all at 2 ns an id, then an exact search.

    >>> Sieve([7, 9]).pick(np.array([1, 7, 9 + 65536], np.uint64)).tolist()
    [1]
    """

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids: U64 = np.array(sorted(set(ids)), np.uint64)
        self._table = np.zeros(1 << SIEVE_BITS, np.bool_)
        self._mask = np.uint64((1 << SIEVE_BITS) - 1)
        self._table[(self.ids & self._mask).astype(np.intp)] = True

    def pick(self, ids: U64) -> NDArray[np.intp]:
        """Positions in ``ids`` (n,) that are subscribed, in order."""
        if not len(self.ids):
            return np.empty(0, np.intp)
        maybe = np.flatnonzero(self._table[(ids & self._mask).astype(np.intp)])
        if not len(maybe):
            return maybe
        candidates = ids[maybe]
        at = np.searchsorted(self.ids, candidates)
        at[at == len(self.ids)] = 0
        chosen: NDArray[np.intp] = maybe[self.ids[at] == candidates]
        return chosen


@dataclass(frozen=True)
class Rows:
    """Subscribed rows in order of arrival; all columns (n,)."""

    ids: U64
    ts: I64
    value: F64
    score: F32
    expected: F32
    lower: F32
    upper: F32
    flags: U8


def cut(batch: ScoresBatch, at: NDArray[np.intp]) -> Rows:
    """The rows at these positions."""
    score, expected, lower, upper = batch.score[at], batch.expected[at], batch.lower[at], batch.upper[at]
    return Rows(batch.ids[at], batch.ts[at], batch.values[at], score, expected, lower, upper, batch.flags[at])


def shorten(x: F64) -> F64:
    """Round to FLOAT_DIGITS significant digits; NaN and infinity stay."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        magnitude = np.floor(np.log10(np.abs(x)))
        scale = 10.0 ** (FLOAT_DIGITS - 1 - magnitude)
        rounded = np.round(x * scale) / scale
    return np.where(np.isfinite(rounded), rounded, x)


def join(parts: list[Rows]) -> Rows:
    """One table of several, in order."""
    if len(parts) == 1:
        return parts[0]
    names = Rows.__dataclass_fields__
    return Rows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


class Fragment(NamedTuple):
    """The JSON object of one series in a ``points`` message."""

    full: bytes
    points: int
    last: Callable[[], bytes]
    """The same with its newest point only: written when it is wanted, for clients that are slow."""


class _Points(msgspec.Struct):
    """As the client reads it."""

    id: str
    ts: list[int]
    value: list[float]
    score: list[float]
    expected: list[float]
    lower: list[float]
    upper: list[float]
    flags: list[int]


_encode = msgspec.json.Encoder().encode


def fragments(rows: Rows) -> dict[int, Fragment]:
    """One fragment a series, rows of a series in order of arrival. NaN and infinity are written as null."""
    return {series: fragment for piece in pieces(rows, max(1, len(rows.ids))) for series, fragment in piece.items()}


def pieces(rows: Rows, most: int) -> Iterator[dict[int, Fragment]]:
    """As ``fragments``, ``most`` series at a time: writing thousands takes tens of milliseconds, and others may have a turn in between.

    float32 columns are shortened to the digits they carry, of all rows at once: a message holds few that anybody looks at.
    """
    if not len(rows.ids):
        return
    order = np.argsort(rows.ids, kind="stable")
    ids = rows.ids[order]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    bounds = [*starts.tolist(), len(ids)]
    series = list(zip(ids[starts].tolist(), bounds[:-1], bounds[1:], strict=True))
    short = [shorten(column.astype(np.float64)) for column in (rows.score, rows.expected, rows.lower, rows.upper)]
    columns = [rows.ts[order].tolist(), rows.value[order].tolist(), *(c[order].tolist() for c in short), rows.flags[order].tolist()]

    def write(number: int, start: int, end: int) -> bytes:
        return _encode(_Points(format_series_id(number), *(column[start:end] for column in columns)))

    for first in range(0, len(series), most):
        yield {
            number: Fragment(write(number, start, end), end - start, partial(write, number, end - 1, end))
            for number, start, end in series[first : first + most]
        }


def newest_row(ts: int, value: float, score: float, band: F64, flags: int) -> dict[str, Any]:
    """A row as the statement ``series.current`` answers; ``band`` is expected, lower and upper, shortened."""
    expected, lower, upper = band.tolist()
    return {"last_ms": ts, "value": value, "score": score, "expected": expected, "lower": lower, "upper": upper, "flags": flags}


def points_message(sub_id: str, cursor: str, series: Iterable[bytes], conflated: bool = False) -> bytes:
    """A ``points`` message from ready-made fragments."""
    mark = b',"conflated":true' if conflated else b""
    head = b'{"op":"points","id":' + _encode(sub_id) + b',"cursor":"' + cursor.encode() + b'"' + mark
    return head + b',"series":[' + b",".join(series) + b"]}"


def pick_fragments(series: frozenset[int], found: Mapping[int, Fragment]) -> dict[int, Fragment]:
    """The fragments of these series; walks the smaller side."""
    if len(series) <= len(found):
        return {s: found[s] for s in series if s in found}
    return {s: fragment for s, fragment in found.items() if s in series}
