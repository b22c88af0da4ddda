"""Why a value of the past was odd, or which gate kept it quiet: the production model lives again through what is stored of the series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kizashi.contracts.batches import F64, I64, U8, SeriesInfo
from kizashi.contracts.scoring import Scoring, Sensitivity
from services.anomaly.bank import Bank
from services.anomaly.explain import Explanation

MESSAGE = 500


@dataclass(frozen=True)
class Lived:
    """The explanation at the last row, how many rows led to it, and what the score was there."""

    explanation: Explanation
    rows: int
    score: float
    duplicates: int


def explain_last(
    info: SeriesInfo,
    ts_ms: I64,
    values: F64,
    flags: U8,
    scoring: Scoring | None = None,
    rule: Sensitivity | None = None,
    verdicts: Sequence[tuple[str, str]] = (),
) -> Lived:
    """Live through rows (n ≥ 1,) in order and explain the last one. ``verdicts`` are (target, verdict) in force, known from the start.

    The live model may have seen more than is stored, so its score can differ: say both.
    """
    bank = Bank()
    if scoring is not None:
        bank.set_calendar(info.tenant, scoring)
    bank.register(info)
    if rule is not None:
        bank.set_rule(info.id, rule)
    score = 0.0
    for start in range(0, len(ts_ms), MESSAGE):
        part = slice(start, start + MESSAGE)
        ids = np.full(len(ts_ms[part]), info.id, np.uint64)
        score = float(bank.score(ids, ts_ms[part], values[part], flags[part]).score[-1])
        if start == 0:
            for target, verdict in verdicts:
                bank.apply_feedback(info.id, verdict, target=target)
    told = bank.explain(info.id)
    return Lived(told, len(ts_ms), score, told.duplicates)
