"""What people said about a series' episodes: each verdict counts once for each episode, and an undo takes exactly that one back."""

from __future__ import annotations

from collections import OrderedDict

STEPS = {"false": 2, "expected": 2, "true": -1, "duplicate": 0}
"""Steps of the boundary: a false alarm moves it up by two, a true one down by one; a duplicate is only counted."""
MOST = 64
"""Verdicts kept a series; older ones stay in force but can no longer be taken back."""

Kept = dict[int, list[tuple[str, str]]]


class FeedbackBook:
    """Verdicts in force by series; small, since people write it."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._given: dict[int, OrderedDict[tuple[str, str], None]] = {
            series: OrderedDict(((t, v), None) for t, v in verdicts) for series, verdicts in (kept or {}).items()
        }

    def give(self, series: int, target: str, verdict: str, undo: bool) -> int:
        """Steps by which the boundary moves: 0 for a repeat, and for an undo of what was never said.

        >>> book = FeedbackBook()
        >>> [book.give(1, "e", "false", u) for u in (False, False, True, True)]
        [2, 0, -2, 0]
        """
        given = self._given.setdefault(series, OrderedDict())
        key = (target, verdict)
        if undo:
            if key not in given:
                return 0
            del given[key]
            return -STEPS.get(verdict, 0)
        if key in given:
            return 0
        given[key] = None
        if len(given) > MOST:
            given.popitem(last=False)
        return STEPS.get(verdict, 0)

    def in_force(self, series: int, target: str, verdict: str) -> bool:
        """Whether this was said and not taken back."""
        return (target, verdict) in self._given.get(series, {})

    def forget(self, series: int) -> None:
        """The series is gone."""
        self._given.pop(series, None)

    def kept(self) -> Kept:
        """What ``FeedbackBook(kept)`` continues from."""
        return {series: list(given) for series, given in self._given.items() if given}
