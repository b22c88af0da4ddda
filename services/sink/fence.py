"""The fence: of every source partition each offset lands once. Pure.

A scorer that restarts repeats slices, with other batch borders; what is below the mark is cut off. What lies above the mark plus one
would leave a hole in the answers: the partition stops and says so, unless the log itself no longer holds what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kizashi.contracts.batches import ScoresBatch
from kizashi.errors import KizashiError

Source = tuple[str, int]
"""Topic id and partition of the samples topic."""


class Gap(KizashiError):
    """Slices are missing between ``expected`` and ``got``."""

    def __init__(self, source: Source, expected: int, got: int) -> None:
        super().__init__(
            f"partition {source[1]}: the next slice should be of samples offset {expected} and is of {got}; {got - expected} are missing"
        )
        self.source, self.expected, self.got = source, expected, got


@dataclass(frozen=True)
class Cut:
    """What of a batch is new: from slice ``first_slice``, row ``first_row`` on."""

    first_slice: int
    first_row: int


@dataclass
class Fence:
    """Next offset wanted of each source. A source never seen starts with what comes first."""

    marks: dict[Source, int] = field(default_factory=dict)

    def raise_to(self, source: Source, next_offset: int) -> None:
        """What was found in the store has landed."""
        self.marks[source] = max(next_offset, self.marks.get(source, 0))

    def cut(self, batch: ScoresBatch) -> Cut:
        """Which slices are new, without taking them; raises Gap."""
        source = (batch.topic_id, batch.partition)
        offsets = batch.offsets
        if len(offsets) == 0:
            return Cut(0, 0)
        wanted = self.marks.get(source, int(offsets[0]))
        first = int(np.searchsorted(offsets, wanted))
        if first < len(offsets) and offsets[first] != wanted:
            raise Gap(source, wanted, int(offsets[first]))
        steps = np.diff(offsets[first:])
        if len(steps) and (steps != 1).any():
            at = first + int(np.argmax(steps != 1))
            raise Gap(source, int(offsets[at]) + 1, int(offsets[at + 1]))
        return Cut(first, int(batch.counts[:first].sum()))

    def take(self, batch: ScoresBatch) -> None:
        """The batch's new slices will be written: go behind them."""
        if len(batch.offsets):
            self.raise_to((batch.topic_id, batch.partition), int(batch.offsets[-1]) + 1)

    def forget(self) -> None:
        """After a rebalance: ask the store again."""
        self.marks.clear()
