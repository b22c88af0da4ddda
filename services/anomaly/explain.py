"""Why, and why not: what the model knew of a series at its newest sample, and the gate that kept it quiet."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from kizashi.contracts.ids import format_series_id
from services.anomaly.state import HEADS, Tuning
from services.anomaly.turns import boundary_of

Gate = Literal["fired", "learning", "band", "min_deviation", "debounce", "quiet"]


class Explanation(msgspec.Struct, frozen=True):
    """The newest verdict on a series with its proof; times in milliseconds, ages in samples."""

    series_id: str
    at_ms: int
    value: float
    expected: float
    lower: float
    upper: float
    score: float
    point: float
    novelty: float
    head: str
    gate: Gate
    """fired; else what stopped it: learning, band (inside it), min_deviation, debounce (N of M not reached), quiet (refractory)."""
    boundary: float
    feedback_steps: int
    model: str
    state_hash: str
    learned: int
    first_ms: int
    interval_ms: float
    duplicates: int
    late: int
    open: bool
    opened_ms: int


def explanation(s: Any, tuning: Tuning, model: str, state_hash: str) -> Explanation:
    """Of one record as it stands."""
    point, novelty = float(s["last_point"]), float(s["last_novelty"])
    return Explanation(
        series_id=format_series_id(int(s["id"])),
        at_ms=int(s["last_ms"]),
        value=float(s["raw"]),
        expected=float(s["last_expected"]),
        lower=float(s["last_lower"]),
        upper=float(s["last_upper"]),
        score=float(s["score"]),
        point=point,
        novelty=novelty,
        head=HEADS[1 if point >= novelty else 2],
        gate=gate_of(s, tuning),
        boundary=float(boundary_of(np.atleast_1d(s)[0])),
        feedback_steps=int(s["feedback"]),
        model=model,
        state_hash=state_hash,
        learned=int(s["learned"]),
        first_ms=int(s["first_ms"]),
        interval_ms=float(s["interval_ms"]),
        duplicates=int(s["duplicates"]),
        late=int(s["late"]),
        open=bool(s["open"]),
        opened_ms=int(s["opened_ms"]),
    )


def gate_of(s: Any, tuning: Tuning) -> Gate:
    """The first gate that kept the newest sample from being an episode, or ``fired``."""
    if s["open"]:
        return "fired"
    if int(s["learned"]) <= tuning.warm_up:
        return "learning"
    if float(s["score"]) >= 1.0:
        return "debounce"
    return "band"
