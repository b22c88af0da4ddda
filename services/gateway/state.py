"""The word that a screen shows for a series: from its flags and the age of its newest row."""

from __future__ import annotations

from kizashi.contracts.batches import ANOMALOUS, LEARNING, UNSCORED

STALE_AFTER_MS = 600_000
"""Ten minutes: as late as a sample may come and still be scored in event time."""


def state_word(flags: int, last_ms: int, now_ms: int) -> str:
    """``stale``, ``unscored``, ``learning``, ``odd`` or ``ok``.

    >>> state_word(ANOMALOUS, 0, 1_000)
    'odd'
    """
    if now_ms - last_ms > STALE_AFTER_MS:
        return "stale"
    for bit, word in ((UNSCORED, "unscored"), (LEARNING, "learning"), (ANOMALOUS, "odd")):
        if flags & bit:
            return word
    return "ok"
