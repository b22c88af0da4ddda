"""Why, and why not: what the model knew of a series at its newest sample, and the gate that kept it quiet."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from kizashi.contracts.ids import format_series_id
from services.anomaly.forecasters import HOUR_MS
from services.anomaly.habits import is_habit
from services.anomaly.state import HEADS, HOURS, Tuning
from services.anomaly.turns import UNDER, boundary_of, ruled

Gate = Literal["fired", "maintenance", "learning", "min_deviation", "band", "debounce", "noise", "habit", "calibration"]

GATES: dict[str, str] = {
    "fired": "an episode is open",
    "maintenance": "maintenance was announced for it",
    "learning": "the model has not seen enough of it",
    "min_deviation": "the deviation is below the rule's minimum or in the other direction",
    "band": "the value is inside what is expected, or was said already within the refractory time",
    "debounce": "too few of the last samples were odd (N of M)",
    "noise": "odd, but noise of this kind does that: neither far enough alone nor several in one direction",
    "habit": "it does this at this hour of the day or week",
    "calibration": "it alarmed more often than chosen, so an episode needs a higher score",
}
"""Each gate in words; the first that applies is told."""


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
    gate_text: str
    evidence: float
    """Against noise; 1.0 is enough for an episode."""
    boundary: float
    """What the score is divided by: feedback."""
    level: float
    """The score that an episode needs: held by the alarm rate."""
    feedback_steps: int
    episodes: int
    episodes_per_14_days: float
    """What the calibration has achieved on this series, incidents included."""
    model: str
    state_hash: str
    learned: int
    first_ms: int
    interval_ms: float
    duplicates: int
    late: int
    borrowed: bool
    open: bool
    opened_ms: int


def explanation(s: Any, h: Any, tuning: Tuning, local_ms: int, model: str, state_hash: str) -> Explanation:
    """Of one series record and its habits, as they stand; ``local_ms`` is civil time of its newest sample."""
    point, novelty = float(s["last_point"]), float(s["last_novelty"])
    gate = gate_of(s, h, tuning, int(local_ms // HOUR_MS % HOURS))
    days = max(int(s["last_ms"]) - int(s["first_ms"]), 1) / 86_400_000
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
        head=HEADS[2 if novelty >= float(s["score"]) else 1],
        gate=gate,
        gate_text=GATES[gate],
        evidence=float(s["evidence"]),
        boundary=float(boundary_of(np.atleast_1d(s)[0])),
        level=max(float(s["level"]), 1.0),
        feedback_steps=int(s["feedback"]),
        episodes=int(s["episodes"]),
        episodes_per_14_days=14.0 * int(s["episodes"]) / max(days, 1.0),
        model=model,
        state_hash=state_hash,
        learned=int(s["learned"]),
        first_ms=int(s["first_ms"]),
        interval_ms=float(s["interval_ms"]),
        duplicates=int(s["duplicates"]),
        late=int(s["late"]),
        borrowed=bool(s["borrowed"]),
        open=bool(s["open"]),
        opened_ms=int(s["opened_ms"]),
    )


def gate_of(s: Any, h: Any, tuning: Tuning, hour: int) -> Gate:
    """The first gate that kept the newest sample from being part of an episode, or ``fired``."""
    record = np.atleast_1d(s)[0]
    score, held, novelty = float(s["score"]), float(s["held"]), float(s["last_novelty"])
    waiting = int(s["candidate"]) > 0
    inside = float(s["last_lower"]) <= float(s["raw"]) <= float(s["last_upper"])
    strange = score >= UNDER or novelty >= 1.0 or float(s["evidence"]) >= 1.0 or not inside
    checks: tuple[tuple[bool, Gate], ...] = (
        (bool(s["open"]), "fired"),
        (int(s["last_ms"]) < int(s["quiet_until_ms"]), "maintenance"),
        (int(s["learned"]) <= tuning.warm_up and not s["borrowed"], "learning"),
        (strange and ruled(record, float(s["raw"]), float(s["last_expected"]), 2.0) < 1.0, "min_deviation"),
        (score < 1.0 and not waiting, "band"),
        (not waiting and tuning.open_n > 1, "debounce"),
        (bool(is_habit(np.atleast_1d(h)[0], hour)), "habit"),
        (float(s["evidence"]) < 1.0, "noise"),
        (max(score, held) < float(s["level"]), "calibration"),
    )
    return next((gate for applies, gate in checks if applies), "calibration")
